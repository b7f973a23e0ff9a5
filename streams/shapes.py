"""How REST shows streams. docs/protocol.md lists the fields."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.shapes import user_shape
from realtime.models import Event
from streams.models import Stream, StreamGrant, StreamPresence
from streams.rights import Rights

PRESENT_SECONDS = 30  # a process updates `seen_at` every ten seconds


def present_on(stream_ids: Iterable[str]) -> list[StreamPresence]:
    """Return who is on these streams now, in any process, in order of arrival."""
    fresh = timezone.now() - timedelta(seconds=PRESENT_SECONDS)
    rows = StreamPresence.objects.filter(stream_id__in=list(stream_ids), seen_at__gt=fresh)
    return list(rows.select_related("user"))


def presence_shape(row: StreamPresence) -> dict[str, Any]:
    return {
        "connection_id": row.connection_id,
        "user": user_shape(row.user),
        "client_type": row.client_type,
        "produces": row.produces,
        "consumes": row.consumes,
        "since": row.since.isoformat(),
    }


def stream_shape(stream: Stream, rights: Rights, present: Iterable[StreamPresence]) -> dict[str, Any]:
    """Return a stream as somebody with these rights sees it. Only members see who is on it."""
    here = [row for row in present if row.stream_id == stream.pk]
    return {
        "id": stream.pk,
        "name": stream.name,
        "owner": user_shape(stream.owner),
        "public": stream.public,
        "durable_types": stream.durable_types,
        "access": rights.name,
        "created_at": stream.created_at.isoformat(),
        "producing": sum(1 for row in here if row.produces),
        "watching": sum(1 for row in here if row.consumes),
        "presence": [presence_shape(row) for row in here] if rights.member else None,
    }


def grant_shape(grant: StreamGrant) -> dict[str, Any]:
    return {
        "id": grant.pk,
        "user": user_shape(grant.user) if grant.user else None,
        "guild_id": grant.guild_id or None,
        "role_id": grant.role_id or None,
        "access": "write" if grant.write else "read",
    }


def alert_shape(event: Event, *, has_frame: bool) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "type": event.name,
        "args": json.loads(event.args),
        "from": user_shape(event.actor) if event.actor else None,
        "created_at": event.created_at.isoformat(),
        "has_frame": has_frame,
    }
