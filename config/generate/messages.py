"""The catalogs of texts to translate: locale/en/LC_MESSAGES/django.po and djangojs.po.

Babel writes them instead of Django's `makemessages`, which needs the GNU gettext programs that uv cannot install.
Django first converts templates to text that Babel reads as Python, as it does for `makemessages`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po
from django.utils.translation.template import templatize

HEADER = """\
# The English texts, from which all translations are made. `manage.py generate` writes this file.
msgid ""
msgstr ""
"Language: en\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
KEYWORDS = {
    "_": None,
    "described": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "npgettext": ((1, "c"), 2, 3),
    "pgettext": ((1, "c"), 2),
}
ROOT = Path(__file__).resolve().parents[2]
# The sandbox is not translated: it stands in for Discord and uses Discord's own English texts.
PARTS = (
    "accounts", "alerts", "botrunner", "config", "guilds", "library", "queue_app", "realtime", "static/backline",
    "streams", "templates",
)  # fmt: skip


def sources(*suffixes: str) -> Iterator[Path]:
    """Yield the program's files of these kinds, in a stable order."""
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*")):
            if path.suffix in suffixes and "migrations" not in path.parts:
                yield path


def django_po() -> str:
    catalog = Catalog(locale="en")
    for path in sources(".py", ".html", ".txt"):
        text = path.read_text()
        _add(catalog, path, text if path.suffix == ".py" else _as_python(text), "python")
    return _written(catalog)


def djangojs_po() -> str:
    catalog = Catalog(locale="en")
    for path in sources(".js"):
        _add(catalog, path, path.read_text(), "javascript")
    return _written(catalog)


def _as_python(template: str) -> str:
    """Return a template's texts as gettext calls, without the template's indentation, which Python would not accept."""
    return "\n".join(line.strip() for line in templatize(template).splitlines())


def _add(catalog: Catalog, path: Path, text: str, method: str) -> None:
    place = (str(path.relative_to(ROOT)), 0)
    for _, message, comments, context in extract(method, io.BytesIO(text.encode()), keywords=KEYWORDS):
        catalog.add(message, locations=[place], auto_comments=comments, context=context)


def _written(catalog: Catalog) -> str:
    """Return the catalog, sorted by text. It names files but no line numbers, which would change with every commit."""
    file = io.BytesIO()
    write_po(file, catalog, omit_header=True, include_lineno=False, sort_output=True, width=120)
    return HEADER + file.getvalue().decode()
