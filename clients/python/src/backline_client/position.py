"""Where one is in a log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """Behind the event `seq` of the log's `epoch`; an empty epoch stands for whichever there is."""

    epoch: str
    seq: int
