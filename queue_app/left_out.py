"""Why part of a command was not done: the reasons in `left_out` of its result."""

from __future__ import annotations

from enum import StrEnum


class Restoring(StrEnum):
    """Why undo or redo left out an item or a setting."""

    ALREADY_QUEUED = "ALREADY_QUEUED"
    ALREADY_PLAYED = "ALREADY_PLAYED"
    ALREADY_REMOVED = "ALREADY_REMOVED"
    ALREADY_FAILED = "ALREADY_FAILED"
    GONE = "GONE"
    QUEUE_FULL = "QUEUE_FULL"
    WOULD_INTERRUPT = "WOULD_INTERRUPT"  # it is at the front of the queue instead
    CHANGED_SINCE = "CHANGED_SINCE"


class Adding(StrEnum):
    """Why AddTracks left out a track."""

    NOTHING_FOUND = "NOTHING_FOUND"
    FORBIDDEN = "FORBIDDEN"  # the guild does not allow its source
    QUEUE_FULL = "QUEUE_FULL"
    QUEUE_CAP_REACHED = "QUEUE_CAP_REACHED"
