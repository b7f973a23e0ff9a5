"""Names and titles of any script inside a sentence that is only text."""

from __future__ import annotations

import re

# Letters that are written from right to left, and characters that turn the direction of writing. As in format.js.
_TURNS = re.compile(
    "[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc"
    "\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_ISOLATES = re.compile("[\u2066-\u2069]")


def isolated(text: str) -> str:
    """Return text whose direction of writing ends with it. Text that cannot turn the direction stays as it is."""
    return f"\u2068{_ISOLATES.sub('', text)}\u2069" if _TURNS.search(text) else text
