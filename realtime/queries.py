"""Shared reads of the log, and how an event looks on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import orjson

from accounts.models import User
from realtime.errors import CursorTooOld, EpochMismatch
from realtime.models import Event, Store

WRITTEN_PAGE = 20  # an event may be almost a megabyte


def read_heads(names: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Return `{store name: (epoch, head)}` in one query."""
    rows = Store.objects.filter(name__in=list(names)).values_list("name", "epoch", "head")
    return {name: (epoch, head) for name, epoch, head in rows}


def check_position(store: Store, *, cursor: int, epoch: str | None) -> None:
    """Raises EpochMismatch or CursorTooOld if a reader cannot continue from this position."""
    if (epoch is not None and epoch != store.epoch) or cursor > store.head:
        raise EpochMismatch(epoch=store.epoch, head=store.head)
    if cursor < store.pruned_through:
        raise CursorTooOld(epoch=store.epoch, head=store.head)


class Logged(NamedTuple):
    """An encoded event. `created_at` is in seconds since 1970, by the writer's clock."""

    seq: int
    data: bytes
    created_at: float


class _Row(NamedTuple):
    """The columns of an event that are sent. Reading ten thousand takes a third of the time that models take."""

    name: str
    args: str
    seq: int
    parent_seq: int
    event_id: str
    client_id: str
    session_id: str
    actor_id: int | None
    created_at: datetime
    connection_id: str
    auth: str
    via: str
    client_timestamp: int | None
    undoes: int | None
    redoes: int | None
    change: int | None


def read_log(store_name: str, *, after: int, limit: int, epoch: str | None = None) -> list[Logged]:
    """Return up to `limit` encoded events after `after`, ascending by seq. With `epoch`, only if the log still has it.

    Raises CursorTooOld when events between `after` and the first result were pruned.
    """
    found = Event.objects.filter(store__name=store_name, seq__gt=after).order_by("seq")
    if epoch is not None:
        found = found.filter(store__epoch=epoch)
    rows = [_Row(*row) for row in found.values_list(*_Row._fields)[:limit]]
    if rows and rows[0].parent_seq > after:
        raise CursorTooOld
    actors = User.objects.in_bulk({row.actor_id for row in rows if row.actor_id is not None})
    return [
        Logged(row.seq, encode_event(row, actors.get(row.actor_id or 0)), row.created_at.timestamp())
        for row in rows
    ]


def read_events(
    store_name: str, *, after: int, limit: int, epoch: str | None = None
) -> list[tuple[int, bytes]]:
    """Return up to `limit` pairs of seq and encoded event after `after`; else like `read_log`."""
    return [(event.seq, event.data) for event in read_log(store_name, after=after, limit=limit, epoch=epoch)]


def encode_event(event: Event | _Row, actor: User | None) -> bytes:
    """Return an event as JSON. `args` is sent exactly as it came in, and left out if there were none."""
    metadata: dict[str, object] = {
        "userId": str(actor.pk) if actor else None,
        "username": actor.username if actor else None,
        "displayName": str(actor) if actor else None,
        "avatarUrl": actor.avatar_url if actor else None,
        "timestamp": int(event.created_at.timestamp() * 1000),
        "connectionId": event.connection_id or None,
        "auth": event.auth,
        "via": event.via,
    }
    if event.client_timestamp is not None:
        metadata["clientTimestamp"] = event.client_timestamp
    if event.undoes is not None:
        metadata["undoes"] = event.undoes
    if event.redoes is not None:
        metadata["redoes"] = event.redoes
    if event.change is not None:
        metadata["change"] = event.change
    head = orjson.dumps({"name": event.name})[:-1]
    tail = orjson.dumps(
        {
            "seqNum": event.seq,
            "parentSeqNum": event.parent_seq,
            "eventId": event.event_id,
            "clientId": event.client_id,
            "sessionId": event.session_id,
            "metadata": metadata,
        }
    )[1:]
    args = b'"args":' + event.args.encode() + b"," if event.args else b""
    return head + b"," + args + tail


def written_by(user: User, prefix: str) -> Iterator[Event]:
    """Yield the events that a person wrote to logs of one kind, by log and seq, with one page in memory at a time."""
    mine = Event.objects.filter(actor=user, store__name__startswith=prefix)
    for store_id in sorted(mine.order_by().values_list("store_id", flat=True).distinct()):
        here = Event.objects.filter(store_id=store_id, actor=user).select_related("store").order_by("seq")
        last = 0
        while page := list(here.filter(seq__gt=last)[:WRITTEN_PAGE]):
            yield from page
            last = page[-1].seq
