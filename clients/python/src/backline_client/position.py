"""A position in a log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """The position after the event `seq`, in the log with this `epoch`. An empty epoch means the current one."""

    epoch: str
    seq: int
