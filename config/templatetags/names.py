"""Names of people and places as pages show them."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

from django import template

register = template.Library()

_JOINER = "\u200d"
_SKIN = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)


@register.filter
def initial(name: str) -> str:
    """Return the first letter or the whole first emoji. Emoji, flags and accents may have several code points."""
    text = name.lstrip("".join(char for char in name if char.isspace() or unicodedata.category(char) == "Cf"))
    end = 1
    for before, char in pairwise(text):
        if not _continues(before, char, place=end):
            break
        end += 1
    return text[:end].upper()


@register.filter
def person_color(person_id: object) -> str:
    """Return the class of a person's color: one of eight, always the same for the same id. As in dom.js."""
    number = int(text) if (text := str(person_id)).isdecimal() else 0
    # The lower bits of a snowflake are nearly always zero; the others are the time (docs: Reference, Snowflakes).
    return f"p{(number >> 22 or number) % 8 + 1}"


def _continues(before: str, char: str, *, place: int) -> bool:
    code = ord(char)
    return (
        _JOINER in (before, char)
        or unicodedata.category(char).startswith("M")
        or code in _SKIN
        or code in _TAGS
        or (place == 1 and code in _FLAG_LETTERS and ord(before) in _FLAG_LETTERS)
    )
