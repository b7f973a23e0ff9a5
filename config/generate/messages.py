"""The catalogs of texts to translate, locale/en/LC_MESSAGES/django.po and djangojs.po, and their translations.

Babel writes them instead of Django's `makemessages`, which needs the GNU gettext programs that uv cannot install.
Django first converts templates to text that Babel reads as Python, as it does for `makemessages`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

HEADER = """\
# %(comment)s
msgid ""
msgstr ""
"Language: %(language)s\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: %(plural)s;\\n"

"""
NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)  # the files change only with the texts
ENGLISH = "The English texts, from which all translations are made. `manage.py generate` writes this file."
TRANSLATION = (
    "Translate the empty texts. `manage.py generate` adds new texts and removes those that are gone."
)
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


@cache
def _django() -> Catalog:
    catalog = Catalog(locale="en")
    for path in sources(".py", ".html", ".txt"):
        text = path.read_text()
        _add(catalog, path, text if path.suffix == ".py" else _as_python(text), "python")
    return catalog


@cache
def _djangojs() -> Catalog:
    catalog = Catalog(locale="en")
    for path in sources(".js"):
        _add(catalog, path, path.read_text(), "javascript")
    return catalog


DOMAINS: dict[str, Callable[[], Catalog]] = {"django": _django, "djangojs": _djangojs}


def english(domain: str) -> str:
    """Return the catalog of the English texts."""
    return _written(DOMAINS[domain](), ENGLISH)


def translation(domain: str, language: str, existing: str) -> str:
    """Return a language's catalog with today's texts. Those that `existing` does not translate are empty."""
    known = read_po(io.StringIO(existing), locale=language)
    catalog = Catalog(locale=language)
    for message in DOMAINS[domain]():
        if message.id:
            found = known.get(message.id, message.context)
            catalog.add(
                message.id,
                found.string if found is not None else None,
                locations=message.locations,
                auto_comments=message.auto_comments,
                context=message.context,
            )
    return _written(catalog, TRANSLATION)


def compiled(po: str, language: str) -> bytes:
    """Return a catalog in the form that gettext reads."""
    catalog = read_po(io.StringIO(po), locale=language)
    catalog.creation_date = catalog.revision_date = NO_DATE
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def _as_python(template: str) -> str:
    """Return a template's texts as gettext calls, without the template's indentation, which Python would not accept."""
    return "\n".join(line.strip() for line in templatize(template).splitlines())


def _add(catalog: Catalog, path: Path, text: str, method: str) -> None:
    place = (str(path.relative_to(ROOT)), 0)
    for _, message, comments, context in extract(method, io.BytesIO(text.encode()), keywords=KEYWORDS):
        catalog.add(message, locations=[place], auto_comments=comments, context=context)


def _written(catalog: Catalog, comment: str) -> str:
    """Return the catalog, sorted by text. It names files but no line numbers, which would change with every commit."""
    file = io.BytesIO()
    write_po(file, catalog, omit_header=True, include_lineno=False, sort_output=True, width=120)
    about = {"comment": comment, "language": catalog.locale_identifier, "plural": catalog.plural_forms}
    return HEADER % about + file.getvalue().decode()
