"""JSON as clients wrote it: its value, and the exact text of a part.

A log returns args exactly as they came. Parsing and serializing would change `1.0`, `1e3`, integers above 2^64 and
lone surrogates, so the text of each event's args is cut out of the message. msgspec's Raw (0.23) keeps the other
values byte for byte but refuses lone surrogates, so this module would still be needed.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import NoReturn

import orjson

MAX_DEPTH = 1024  # orjson's limit
# An unterminated string matches to the end of the text. Otherwise the regex would try each quote in it as a start.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]+")
_SPACE = re.compile(r"[ \t\n\r]*")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Numbers stay text: only the end of a value matters here, and int() refuses more than 4,300 digits.
_scanner = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_constant)


def parse(text: str) -> object:
    """Return the value of a JSON text. Raises ValueError, also for more than MAX_DEPTH levels.

    orjson parses nearly everything. It refuses numbers beyond a double and lone surrogates, which JSON allows and
    JavaScript writes. The standard library parses those. It is recursive, so the depth is checked first.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if _depth(text) > MAX_DEPTH:
            raise ValueError("nested too deeply") from error
    try:
        return json.loads(text, parse_int=_integer, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 40 else float(digits)


def _depth(text: str) -> int:
    brackets = _NO_BRACKET.sub("", _STRING.sub("", text))
    return max(accumulate(1 if bracket in "[{" else -1 for bracket in brackets), default=0)


def members(text: str, start: int = 0) -> dict[str, tuple[int, int]]:
    """Return `{name: (start, end)}` of the value of each member of the object at `start`.

    The text must have been parsed before, so it is valid JSON. If names repeat, the last one counts, as in `parse`.
    """
    found: dict[str, tuple[int, int]] = {}
    at = _skip(text, _skip(text, start) + 1)
    while text[at] != "}":
        name, at = _scanner.raw_decode(text, at)
        begin = _skip(text, _skip(text, at) + 1)
        _, end = _scanner.raw_decode(text, begin)
        found[name] = (begin, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def elements(text: str, start: int) -> list[int]:
    """Return where each element of the array at `start` begins. The text must have been parsed before."""
    found: list[int] = []
    at = _skip(text, start + 1)
    while text[at] != "]":
        found.append(at)
        _, end = _scanner.raw_decode(text, at)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
