"""Shared reads of the log, and how an event looks on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from realtime.errors import CursorTooOld, EpochMismatch
from realtime.models import Event, Store


def read_heads(names: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Return `{store name: (epoch, head)}` in one query."""
    rows = Store.objects.filter(name__in=list(names)).values_list("name", "epoch", "head")
    return {name: (epoch, head) for name, epoch, head in rows}


def check_position(store: Store, *, cursor: int, epoch: str | None) -> None:
    """Raises EpochMismatch or CursorTooOld when nobody can continue from there."""
    if (epoch is not None and epoch != store.epoch) or cursor > store.head:
        raise EpochMismatch(epoch=store.epoch, head=store.head)
    if cursor < store.pruned_through:
        raise CursorTooOld(epoch=store.epoch, head=store.head)


def read_events(store_name: str, *, after: int, limit: int) -> list[tuple[int, bytes]]:
    """Return up to `limit` encoded events behind `after`, ascending by seq."""
    events = (
        Event.objects.filter(store__name=store_name, seq__gt=after)
        .select_related("actor")
        .order_by("seq")[:limit]
    )
    return [(event.seq, encode_event(event)) for event in events]


def encode_event(event: Event) -> bytes:
    """Return an event as JSON. `args` goes out exactly as it came in, and not at all where there were none."""
    metadata: dict[str, Any] = {
        "userId": str(event.actor_id) if event.actor_id else None,
        "username": event.actor.username if event.actor else None,
        "avatarUrl": event.actor.avatar_url if event.actor else None,
        "timestamp": int(event.created_at.timestamp() * 1000),
        "connectionId": event.connection_id or None,
        "auth": event.auth,
        "via": event.via,
    }
    if event.client_timestamp is not None:
        metadata["clientTimestamp"] = event.client_timestamp
    head = json.dumps({"name": event.name}, ensure_ascii=False)[:-1]
    tail = json.dumps(
        {
            "seqNum": event.seq,
            "parentSeqNum": event.parent_seq,
            "eventId": event.event_id,
            "clientId": event.client_id,
            "sessionId": event.session_id,
            "metadata": metadata,
        },
        ensure_ascii=False,
    )[1:]
    args = f'"args":{event.args},' if event.args else ""
    return f"{head},{args}{tail}".encode()
