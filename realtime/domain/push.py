"""Carry out what a socket pushed: all of it or nothing."""

from __future__ import annotations

import dataclasses

from django.db import transaction

from realtime import kinds
from realtime.domain.append import lock_store
from realtime.domain.retry import retrying
from realtime.errors import Forbidden
from realtime.kinds import Pushed
from realtime.origin import Origin


@retrying
def push(instance: str, events: list[Pushed], *, origin: Origin) -> tuple[list[int], int]:
    """Return `(seqs appended, head)`. A refused event refuses the batch: the transaction is rolled back."""
    kind, key = kinds.find(instance)
    if kind.push is None:
        raise Forbidden("This log is read only.")
    seqs: list[int] = []
    with transaction.atomic():
        store = lock_store(instance)
        for event in events:
            theirs = dataclasses.replace(
                origin, command_id=event.event_id, client_timestamp=event.client_timestamp
            )
            seqs += kind.push(key, event, theirs).seqs
        store.refresh_from_db(fields=["head"])
    return seqs, store.head
