"""Lengths and positions as people read them."""

from __future__ import annotations


def clock(milliseconds: int) -> str:
    """Return `m:ss`, or `h:mm:ss` from an hour on."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
