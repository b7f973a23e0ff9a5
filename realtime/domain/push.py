"""Apply a batch that a socket pushed, completely or not at all."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from realtime import kinds
from realtime.domain.append import holding, lock_store
from realtime.domain.retry import retrying
from realtime.errors import EpochMismatch, Forbidden
from realtime.kinds import Pushed
from realtime.origin import Origin


@retrying
def push(
    instance: str, events: list[Pushed], *, origin: Origin, epoch: str | None = None
) -> tuple[list[int], int]:
    """Return `(seqs of the events, head)`. If one event is refused, the transaction of the batch is rolled back.

    Raises a Refusal, among them EpochMismatch when `epoch` is not the log's.
    """
    kind, key = kinds.find(instance)
    if kind.push is None:
        raise Forbidden(_("This log is read-only."))
    with transaction.atomic():
        store = lock_store(instance)
        if epoch is not None and epoch != store.epoch:
            raise EpochMismatch(epoch=store.epoch, head=store.head)
        with holding(store):
            seqs = kind.push(store, key, events, origin)
    return seqs, store.head
