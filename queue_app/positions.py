"""The position of a new item: one of these words, or `{"after": the id of an item}`."""

from __future__ import annotations

POSITIONS = ("end", "next", "now")
Position = str | dict[str, str]
