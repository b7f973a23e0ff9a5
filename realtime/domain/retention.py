"""Prune logs whose state is stored elsewhere.

A guild's tables are its snapshot, which contains everything up to the head at the moment it is read. So old events of
such a log can be deleted. A client with an older cursor gets CURSOR_TOO_OLD and takes a snapshot. The last hour is
always kept, because a client may just have taken a snapshot and be about to pull from there. An `app:` log is the only
copy of its app's data, and a stream's log is the only copy of its alerts. Neither is ever pruned.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from realtime import kinds
from realtime.domain.append import lock_store
from realtime.errors import StoreNotFound
from realtime.models import Command, Event, Store

LAST = timedelta(hours=1)
CHUNK = 5000  # events deleted in one transaction, so that writers wait only for a moment


def may_be_pruned(store: Store) -> bool:
    try:
        kind, _ = kinds.find(store.name)
    except StoreNotFound:
        return False
    return kind.snapshot is not None


def find_cut(store: Store, *, now: datetime, days: int, count: int) -> int:
    """Return the seq up to which events are older than `days` or more than `count` behind the head. 0: no limit.

    The result is at least `pruned_through`, which means that there is nothing to delete.
    """
    events = Event.objects.filter(store=store).order_by("-seq")
    too_many = store.head - count if count else 0
    too_old = 0
    if days:
        old = events.filter(created_at__lt=now - timedelta(days=days))
        too_old = old.values_list("seq", flat=True).first() or 0
    settled = events.filter(created_at__lt=now - LAST).values_list("seq", flat=True).first() or 0
    return max(store.pruned_through, min(max(too_many, too_old), settled))


def prune(store: Store, cut: int) -> int:
    """Delete the events up to `cut` and return how many. Safe to interrupt: each step leaves a consistent log."""
    assert may_be_pruned(store)
    deleted = 0
    while store.pruned_through < cut:
        with transaction.atomic():
            store = lock_store(store.name)
            events = Event.objects.filter(store=store, seq__lte=cut).order_by("seq")
            chunk = list(events.values_list("seq", flat=True)[:CHUNK])
            through = chunk[-1] if len(chunk) == CHUNK else cut
            Event.objects.filter(store=store, seq__lte=through).delete()
            deleted += len(chunk)
            store.pruned_through = through
            store.save(update_fields=["pruned_through"])
    return deleted


def prune_logs() -> int:
    """Prune every log and delete saved answers by the EVENT_RETENTION settings. Returns how many rows were deleted."""
    now = timezone.now()
    days, count = settings.EVENT_RETENTION_DAYS, settings.EVENT_RETENTION_COUNT
    gone = 0
    for store in filter(may_be_pruned, list(Store.objects.filter(head__gt=F("pruned_through")))):
        gone += prune(store, find_cut(store, now=now, days=days, count=count))
    if days:
        gone += forget_answers(before=now - timedelta(days=days))
    return gone


def forget_answers(*, before: datetime) -> int:
    """Delete saved answers to commands. A command that a client repeats afterwards runs again."""
    deleted, _ = Command.objects.filter(created_at__lt=before).delete()
    return deleted
