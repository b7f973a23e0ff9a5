"""Titles as replies show them."""

from __future__ import annotations

import regex
from django.utils.translation import gettext as _

_GRAPHEME = regex.compile(r"\X")


def length(text: str) -> int:
    """Return the length in UTF-16 units, as JavaScript counts. It is never less than Python's `len`."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int) -> str:
    """Return text of at most `limit` UTF-16 units. Longer text is cut between graphemes and ends in an ellipsis."""
    if length(text) <= limit:
        return text
    kept, room = "", limit - 1
    for character in _GRAPHEME.findall(text):
        room -= length(character)
        if room < 0:
            break
        kept += character
    return kept.rstrip() + "…"


def label(title: str | None, artist: str | None) -> str:
    title = " ".join((title or "").split()) or "Untitled"
    artist = " ".join((artist or "").split())
    return f"{title} – {artist}" if artist else title


def length_in_words(milliseconds: int) -> str:
    """Return a length such as "11 h 52 min"."""
    minutes = max(1, round(milliseconds / 60_000))
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    return _("%(minutes)s min") % {"minutes": minutes}
