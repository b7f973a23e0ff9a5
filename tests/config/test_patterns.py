"""No regular expression takes quadratic time on a hostile text."""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]  # private, and named in test_private_parts.py
from re import _parser as parser  # type: ignore[attr-defined]  # as well
from typing import Any

import pytest

from tests.config.test_settings import ROOT

APPS = (
    "accounts", "alerts", "botrunner", "config", "database", "guilds", "library", "queue_app", "realtime",
    "sandbox", "streams",
)  # fmt: skip
# Functions of `re` and methods of a pattern, by where in a text they match.
ANYWHERE = {"search", "sub", "subn", "split", "findall", "finditer"}
USES = {"match", "fullmatch"} | ANYWHERE
# In these modules the pattern is an argument or comes from a table. Such patterns are listed here, or operators write
# them.
INDIRECT = {
    "accounts/templatetags/devices.py": ["_BROWSERS", "_SYSTEMS"],
    "library/sources/parts.py": [],  # fixed text
    "sandbox/inject.py": [],  # written by the test that requests the fault
}
SHORT, LONG = 1000, 4000  # characters
SUSPECT_SECONDS = 0.001  # CPU time; a quadratic pattern takes far more for LONG characters
MAX_RATIO = 8.0  # linear is 4, quadratic 16
MOST = 8  # the number of beginnings, and of kinds of characters, that are tried

type Use = tuple[str, str | bytes, int]


def uses_of(app: str) -> list[Use]:
    """Return each regular expression that an app uses once."""
    paths = (path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)
    return sorted({use for path in paths for use in uses_in(path)}, key=str)


def uses_in(path: Path) -> Iterator[Use]:
    """Return the method's name, the pattern and the flags of each regular expression in a module."""
    tree = ast.parse(path.read_text())
    relative = path.relative_to(ROOT)
    module = importlib.import_module(".".join(relative.with_suffix("").parts).removesuffix(".__init__"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = getattr(called, "attr", getattr(called, "id", ""))
        argument = node.args[0] if node.args else None
        if name in {"RegexField", "RegexValidator"}:
            yield "search", _text(argument) or "", 0
        elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and name in USES:
            value = getattr(module, called.value.id, None)
            if isinstance(value, re.Pattern):
                yield name, value.pattern, value.flags
            elif value is re and (text := _text(argument)) is not None:
                yield name, text, 0
            elif value is re:
                for table in INDIRECT[str(relative)]:
                    yield from ((name, row[0], 0) for row in getattr(module, table))


def _text(node: ast.expr | None) -> str | bytes | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) else None


def atoms(tree: Any) -> Iterator[Any]:
    """Return all parts of a pattern that match a single character."""
    for code, value in tree:
        if code in {codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY}:
            yield code, value
        for inner in _inner(code, value):
            yield from atoms(inner)


def _inner(code: Any, value: Any) -> list[Any]:
    if code is codes.BRANCH:
        return list(value[1])
    if code in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}:
        return [value[2]]
    if code is codes.SUBPATTERN:
        return [value[3]]
    if code is codes.ATOMIC_GROUP:
        return [value]
    if code is codes.ASSERT:
        return [value[1]]
    return []


def takes(atom: Any, char: str) -> bool:
    code, value = atom
    if code is codes.ANY:
        return char != "\n"
    if code is codes.IN:
        negated = value[0][0] is codes.NEGATE
        return negated != any(takes(each, char) for each in value)
    if code is codes.RANGE:
        return bool(value[0] <= ord(char) <= value[1])
    if code is codes.CATEGORY:
        word = str(value).rpartition("_")[2]
        matches = {"DIGIT": char.isdigit(), "SPACE": char.isspace(), "WORD": char.isalnum() or char == "_"}
        return matches[word] != ("_NOT_" in str(value))
    return (code is codes.LITERAL) == (value == ord(char)) if code is not codes.NEGATE else False


def alphabet(tree: Any) -> list[str]:
    """Return one character of each kind that the pattern distinguishes."""
    found = list(atoms(tree))
    literals = {chr(value) for code, value in found if code is codes.LITERAL}
    literals |= {
        chr(value)
        for code, values in found
        if code is codes.IN
        for each, value in values
        if each is codes.LITERAL
    }
    kinds: dict[tuple[bool, ...], str] = {}
    for char in ["a", "1", "!", " ", "\n", "-", *sorted(literals)]:
        is_word = char.isalnum() or char == "_"  # for `\b`
        kinds.setdefault((is_word, *(takes(atom, char) for atom in found)), char)
    return list(kinds.values())


def beginnings(tree: Any, chars: list[str], before: str = "") -> list[str]:
    """Return texts that match the pattern up to some point, with every optional part once."""
    found = [before]
    for code, value in tree:
        if code in {codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY}:
            fits = [chr(value)] if code is codes.LITERAL else [c for c in chars if takes((code, value), c)]
            before += (fits or [""])[0]
            found.append(before)
            continue
        inner = [beginnings(each, chars, before) for each in _inner(code, value)]
        found += [text for texts in inner for text in texts]
        if inner and code is not codes.ASSERT:
            before = inner[0][-1]
    return list(dict.fromkeys(found))


def attacks(pattern: str | bytes, flags: int) -> Iterator[Callable[[int], str]]:
    """Return functions that create a hostile text of about so many characters."""
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    tree = parser.parse(text, flags & ~re.UNICODE if isinstance(pattern, bytes) else flags)
    chars = alphabet(tree)
    starts = beginnings(tree, chars)
    starts = starts if len(starts) <= MOST else starts[:: -(-len(starts) // MOST)]
    pumps = [*chars, *(a + b for a in chars[:MOST] for b in chars[:MOST] if a != b)]
    pumps += [start + char for start in starts for char in ("", *chars[:MOST])]
    for start in (*starts, "\0"):  # the last start keeps `^` from matching
        for pump in filter(None, dict.fromkeys(pumps)):
            yield partial(_made, start, pump)


def _made(start: str, pump: str, length: int) -> str:
    return start + pump * (length // len(pump)) + "\0"


def seconds(used: Callable[[Any], object], text: str | bytes) -> float:
    began = time.process_time()
    used(text)
    return time.process_time() - began


def slow_text(use: Use) -> str | None:
    """Return the beginning of a text that takes too long, or None."""
    how, pattern, flags = use
    compiled: Any = re.compile(pattern, flags)
    method = getattr(compiled, how)
    used = partial(method, b"" if isinstance(pattern, bytes) else "") if how in {"sub", "subn"} else method
    if how == "finditer":
        used = compiled.findall
    for make in attacks(pattern, flags):
        short, long = (
            text.encode("latin-1", "replace") if isinstance(pattern, bytes) else text
            for text in (make(SHORT), make(LONG))
        )
        if seconds(used, long) < SUSPECT_SECONDS:
            continue
        quickest = [min(seconds(used, text) for _ in range(5)) for text in (short, long)]
        if quickest[1] >= SUSPECT_SECONDS and quickest[1] > MAX_RATIO * quickest[0]:
            return make(60)
    return None


@pytest.mark.parametrize("app", APPS)
def test_patterns_take_time_in_proportion_to_the_text(app: str) -> None:
    slow = {use: text for use in uses_of(app) if (text := slow_text(use)) is not None}
    assert slow == {}


@pytest.mark.parametrize(
    "use",
    [
        ("sub", r'"(?:[^"\\]|\\.)*+"', 0),
        ("sub", r"^\s+|\s+$", 0),
        ("fullmatch", r"[ _]*(library:\w+)[ _]*", 0),
        ("sub", r"\beyJ[\w-]+\.[\w-]+\.[\w-]*", 0),
        ("fullmatch", rb"bytes[\s=]+(\d{1,18})\s*-\s*\d*\s*/\s*(\d{1,18}|\*)", re.IGNORECASE),
        ("search", r"<[^>]*>x", 0),
    ],
)
def test_a_slow_pattern_is_caught(use: Use) -> None:
    assert slow_text(use) is not None
