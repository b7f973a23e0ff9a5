"""Everything that people read goes through gettext."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.conf import settings as program
from django.test import Client

from config.generate.messages import KEYWORDS, PARTS, sources

ROOT = Path(__file__).parents[2]

# Files whose sentences stay English, and why.
ENGLISH = {
    r"/management/|config/(settings|doctor|checks)\.py|realtime/domain/archive\.py": "the command line",
    r"library/domain/watching\.py|botrunner/voice_check\.py": "the command line as well",
    r"config/generate/|/metrics\.py|(queue_app|alerts)/events\.py": "generated documents",
    r"library/(sources/|domain/signed)|botrunner/(audio/|voice|seat|playing|resol|opening)": (
        "stored with a stable code, by which pages may translate it"
    ),
    r"alerts/domain/(delivery|outbox|settle)\.py|guilds/(domain/shards|channel_permissions)\.py": "as well",
    r"library/starter/": "titles of music",
    r"library/domain/watching\.py": "what `manage.py doctor` says",
    r"templates/design\.html": "for people who write pages",
}
# --- Python ---

SENTENCE = re.compile(r"[A-Z`].*\s.*[.!?…]|[A-Z][a-z]+\.", re.DOTALL)
WORD = re.compile(r"[A-Za-z]{2}")
# Arguments whose text is always shown, by the name of the called function (a number is a position), or of any call.
SHOWN: dict[str, set[str | int]] = {
    "Embed": {"title", "description"},
    "add_field": {"name", "value"},
    "set_footer": {"text"},
    "tell": {0},
    "message_user": {1},
    "action": {"description"},
    "display": {"description"},
}
SHOWN_ANYWHERE = {"help_text", "verbose_name", "verbose_name_plural", "label", "unit", "empty"}
# Calls whose text is translated, logged, or only for the documentation of metrics and of the API.
QUIET = {*KEYWORDS, "debug", "info", "warning", "error", "exception", "log", "Counter", "OpenApiResponse"}


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def text_of(node: ast.AST) -> str | None:
    """Return a literal's text, with a space for each interpolated value."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else " " for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def shown_in(call: ast.Call) -> Iterator[ast.AST]:
    shown = SHOWN.get(called(call), set())
    yield from (argument for place, argument in enumerate(call.args) if place in shown)
    yield from (each.value for each in call.keywords if each.arg in shown | SHOWN_ANYWHERE)


def unmarked_in_python(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each literal that people read but gettext does not collect."""
    tree = ast.parse(source)
    quiet: set[ast.AST] = set()
    shown: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and text_of(node.value) is not None:
            quiet.add(node.value)  # a docstring
        elif isinstance(node, ast.JoinedStr):
            quiet.update(node.values)
        elif isinstance(node, ast.Call) and called(node) in QUIET:
            quiet.update(ast.walk(node))
        elif isinstance(node, ast.Call):
            shown.update(shown_in(node))
        elif isinstance(node, ast.ClassDef) and any("Choices" in ast.unparse(base) for base in node.bases):
            labels = (each.value for each in node.body if isinstance(each, ast.Assign))
            shown.update(label.elts[1] if isinstance(label, ast.Tuple) else label for label in labels)
    for node in ast.walk(tree):
        text = text_of(node)
        if not isinstance(node, ast.expr) or not text or node in quiet:
            continue
        if WORD.search(text) if node in shown else SENTENCE.fullmatch(text):
            yield node.lineno, text


def is_english(path: Path) -> bool:
    return any(re.search(pattern, str(path.relative_to(ROOT))) for pattern in ENGLISH)


PYTHON = [path for path in sources(".py") if not is_english(path)]


@pytest.mark.parametrize("part", PARTS)
def test_what_people_read_in_python_is_marked(part: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in PYTHON
        if path.is_relative_to(ROOT / part)
        for line, text in unmarked_in_python(path.read_text())
    ]
    assert not found


# --- Templates ---

TRANSLATED = re.compile(
    r"{% blocktranslate.*?{% endblocktranslate %}|{% comment.*?{% endcomment %}|{#.*?#}|{{.*?}}|{%.*?%}",
    re.DOTALL,
)
PASSED = re.compile(
    r"""{% (?!translate|blocktranslate)[^%]*?=["']([A-Z][^"'%]*)["']"""
)  # passed to an included template


class Texts(HTMLParser):
    """Collects line and text of what a browser shows or a screen reader reads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self._silent = 0  # depth inside scripts and styles

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"script", "style"}
        for name, value in attrs:
            if name in {"title", "placeholder", "aria-label", "alt"}:
                self._take(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._take(data)

    def _take(self, text: str) -> None:
        if WORD.search(text.replace("Backline", "")):
            self.found.append((self.getpos()[0], " ".join(text.split())))


def unmarked_in_template(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of what is outside translate and blocktranslate."""
    for match in PASSED.finditer(source):
        yield source.count("\n", 0, match.start()) + 1, match[1]
    source = re.sub(r"{% block \w+_attributes %}", "<b ", source)
    source = re.sub(r"{% endblock \w+_attributes %}", ">", source)
    texts = Texts()
    texts.feed(TRANSLATED.sub(lambda match: "\n" * match[0].count("\n"), source))
    texts.close()
    yield from texts.found


# --- Page scripts ---

TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|`(?:\\.|[^`\\])*`|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[\w$]+|[()]""", re.DOTALL
)
SHOWN_IN_SCRIPT = re.compile(r"[A-Z][a-z]+.*\s.*|[A-Z].*[.!?…]", re.DOTALL)


def unmarked_in_script(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of literals that are not arguments of gettext, ngettext, or an Error for developers."""
    depth, ends_at, before = 0, -1, ""
    for match in TOKEN.finditer(source):
        token = match[0]
        if token == "(":
            depth += 1
            if before in {"gettext", "ngettext", "Error", "TypeError"} and ends_at < 0:
                ends_at = depth
        elif token == ")":
            if depth == ends_at:
                ends_at = -1
            depth -= 1
        elif token[0] in "`\"'" and ends_at < 0:
            text = re.sub(r"\$\{.*?\}", "", token[1:-1])
            if SHOWN_IN_SCRIPT.fullmatch(text):
                yield source.count("\n", 0, match.start()) + 1, text
        before = token


@pytest.mark.parametrize(
    ("suffix", "unmarked"), [(".html", unmarked_in_template), (".js", unmarked_in_script)]
)
def test_what_people_read_on_pages_is_marked(
    suffix: str, unmarked: Callable[[str], Iterator[tuple[int, str]]]
) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sources(suffix)
        if not is_english(path)
        for line, text in unmarked(path.read_text())
    ]
    assert not found


@pytest.mark.parametrize(
    ("unmarked", "planted", "marked"),
    [
        (
            unmarked_in_python,
            'raise Refusal(f"You may not {verb} this.")',
            'raise Refusal(_("You may not do this."))',
        ),
        (unmarked_in_python, 'm.CharField(help_text="in percent")', 'm.CharField(help_text=_("in percent"))'),
        (unmarked_in_template, "<p>Up next</p>", '<p>{% translate "Up next" %}</p>'),
        (unmarked_in_template, '<b title="Skip"></b>', """<b title="{% translate 'Skip' %}"></b>"""),
        (unmarked_in_script, 'show("Not saved.");', 'show(gettext("Not saved."));'),
        (
            unmarked_in_script,
            "show(`Removed ${count} tracks`);",
            'show(ngettext("Removed it.", "Removed them.", 2));',
        ),
    ],
)
def test_a_text_that_is_not_marked_is_found(
    unmarked: Callable[[str], Iterator[tuple[int, str]]], planted: str, marked: str
) -> None:
    assert len(list(unmarked(planted))) == 1
    assert not list(unmarked(marked))


# --- The language of a response ---


@pytest.mark.django_db
def test_an_answer_is_in_the_language_that_the_request_prefers(client: Client) -> None:
    def output(languages: str) -> str:
        return str(client.get("/api/guilds", headers={"accept-language": languages}).json()["detail"])

    assert output("de-CH, en;q=0.5") == "Melde dich zuerst an."
    assert [output("fr"), output("")] == ["Log in first."] * 2


# --- Translations ---

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|`[^`]*`|</?\w+")
TRANSLATED_CATALOGS = [
    ROOT / "locale" / language / "LC_MESSAGES" / f"{domain}.po"
    for language, _ in program.LANGUAGES
    if language != program.LANGUAGE_CODE
    for domain in ("django", "djangojs")
]


def forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or [""])


@pytest.mark.parametrize("path", TRANSLATED_CATALOGS, ids=lambda path: str(path.relative_to(ROOT / "locale")))
def test_a_language_is_whole_and_keeps_what_is_filled_in(path: Path) -> None:
    with path.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    assert len(messages) > 100
    empty = [message.id for message in messages if not all(forms(message.string))]
    assert not empty, "translate these (docs/translating.md)"
    for message in messages:
        english = forms(message.id)[-1]
        for translated in forms(message.string)[1:] or forms(message.string):
            assert sorted(PLACEHOLDER.findall(translated)) == sorted(PLACEHOLDER.findall(english)), english


def test_the_scripts_of_a_page_are_translated_into_its_language(client: Client, db: None) -> None:
    """Each language has an address of its own, because browsers keep the catalog for an hour."""
    found = {}
    for language in ("en", "de"):
        page = client.get("/", headers={"Accept-Language": language}).content.decode()
        (address,) = re.findall(r'<script src="(/jsi18n[^"]*)"', page)
        # Asked for in another language than the page's, as with a setting that changed since.
        answer = client.get(address, headers={"Accept-Language": "en" if language == "de" else "de"})
        assert "max-age=3600" in answer["Cache-Control"]
        found[address] = '"Du"' in answer.content.decode()
    assert list(found.values()) == [False, True]
    assert client.get("/jsi18n/xx").status_code == 404
