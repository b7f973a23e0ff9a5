"""Limits how fast one person may change thousands of tracks: shuffling 10,000 takes a quarter of a second of CPU.

A token bucket (`realtime/limits.py`) of each person pays for the events that a command appends after its first one, and
for reading the whole queue. Commands of a single track cost nothing. Each process counts separately.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from queue_app.domain.guild_state import GuildState
from queue_app.errors import TooManyChanges
from realtime.limits import Bucket

TRACKS_EACH = 200  # that one event lists at most
RATE, BURST = 5.0, 500.0  # events: 10,000 tracks every ten seconds, and ten times at once
REMEMBERED = 10_000  # people

_of_people: OrderedDict[int, Bucket] = OrderedDict()


@contextmanager
def paced(state: GuildState, *, reads_queue: bool) -> Iterator[None]:
    """Count what the command inside costs the person who asked. Raises TooManyChanges before it if they must wait."""
    user = state.origin.user
    if user is None or state.origin.operator:
        yield
        return
    bucket = _bucket(user.pk)
    wait = bucket.missing(1.0, now=time.monotonic())
    if wait > 0:
        raise TooManyChanges(retry_after=wait)
    before, queued = state.store.head, state.player.queue_total
    try:
        yield
    finally:  # a refusal may come after the queue was read
        read = queued // TRACKS_EACH if reads_queue else 0
        bucket.take(max(state.store.head - before - 1, read, 0))


def _bucket(user_id: int) -> Bucket:
    bucket = _of_people.setdefault(user_id, Bucket(RATE, BURST))
    _of_people.move_to_end(user_id)
    if len(_of_people) > REMEMBERED:
        _of_people.popitem(last=False)
    return bucket
