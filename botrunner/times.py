"""Reads the times that people type, such as 1:30, 90 or 1m30s."""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext as _
from nextcord.utils import escape_markdown

from accounts.errors import Refusal
from botrunner.labels import cut
from library.clock import clock
from queue_app.commands.seek import MAX_MS

_CLOCK = re.compile(r"(?:([0-9]{1,9}):)?([0-9]{1,9}):([0-9]{2})")
_UNITS = re.compile(
    r"(?:([0-9]{1,9}) ?h)? ?(?:([0-9]{1,9}) ?m(?:in)?)? ?(?:([0-9]{1,9}) ?s(?:ec)?)?", re.IGNORECASE
)
_SECONDS = re.compile(r"[0-9]{1,9}")


class UnclearTime(Refusal):
    """Some text is no time, or too long a time. The sentence says what would be right."""


def read_time(typed: str) -> int:
    """Return the milliseconds that `typed` stands for: `m:ss`, `h:mm:ss`, seconds, or numbers with h, m and s.

    Full-width characters count as their usual form, because Japanese and Chinese keyboards type them. Raises
    UnclearTime.
    """
    text = " ".join(unicodedata.normalize("NFKC", typed).split())
    found = _CLOCK.fullmatch(text) or (_UNITS.fullmatch(text) if text else None)
    if found is not None:
        parts = [int(part) if part else None for part in found.groups()]
    elif _SECONDS.fullmatch(text):
        parts = [None, None, int(text)]
    else:
        raise UnclearTime(
            _("“%(typed)s” is not a time. Write it like 1:30, 1:02:03, 90 (seconds) or 1m30s.")
            % {"typed": _quoted(typed)}
        )
    _check_carries(parts, typed)
    hours, minutes, seconds = (part or 0 for part in parts)
    milliseconds = ((hours * 60 + minutes) * 60 + seconds) * 1000
    if milliseconds > MAX_MS:
        raise UnclearTime(
            _("“%(typed)s” is too long. The longest time is %(longest)s.")
            % {"typed": _quoted(typed), "longest": clock(MAX_MS)}
        )
    return milliseconds


def _check_carries(parts: list[int | None], typed: str) -> None:
    """Check that every number after the first is below 60. Raises UnclearTime."""
    given = [part for part in parts if part is not None]
    if any(part >= 60 for part in given[1:]):
        raise UnclearTime(
            _("“%(typed)s” is not a time: minutes and seconds go up to 59. Write it like 1:30 or 1:02:03.")
            % {"typed": _quoted(typed)}
        )


def _quoted(typed: str) -> str:
    return escape_markdown(cut(" ".join(typed.split()), 40))
