"""Who is on a stream, in any process. The table has this, and sockets that asked are notified of changes.

Changes within TOGETHER_SECONDS are written together. Each process updates its rows every ten seconds, so the rows of a
killed process go stale. A message tells other processes to read the table, and they also poll it every LOOK_SECONDS.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from realtime.db import in_thread
from realtime.outages import log_failure
from streams import frames
from streams.live import LiveStream, Registration
from streams.models import Stream, StreamPresence
from streams.relay import Relay, this_process
from streams.shapes import present_on

log = logging.getLogger(__name__)

TOGETHER_SECONDS = 0.2
LOOK_SECONDS = 5.0
REFRESH_SECONDS = 10.0
GONE = timedelta(minutes=5)
SHOWN = 50  # per stream; `producing` and `watching` count everybody


class Presence:
    """Writes this process's presence and notifies its sockets. `streams`: those that its sockets are on."""

    def __init__(self, streams: Mapping[str, LiveStream], relay: Relay) -> None:
        self._streams = streams
        self._relay = relay
        self._rows: dict[Registration, StreamPresence] = {}  # what the table should have for this process
        self._changed = False  # whether the table may differ from `_rows`
        self._unseen: set[str] = set()
        self._wake = asyncio.Event()
        self._refreshed_at = self._looked_at = -math.inf
        self._task = asyncio.create_task(self._run(), name="stream presence")

    def entered(self, registration: Registration) -> None:
        self._rows[registration] = StreamPresence(
            stream_id=registration.stream.id,
            user_id=registration.peer.user_id,
            connection_id=registration.peer.connection_id,
            process=this_process(),
            client_type=registration.client_type,
            produces=sorted(registration.produces),
            consumes=sorted(registration.consumes),
            since=timezone.now(),
        )
        registration.stream.last_presence = b""  # send it again, because the newcomer has not seen it
        self._changed = True
        self._wake.set()

    def left(self, registration: Registration) -> None:
        del self._rows[registration]
        self._changed = True
        self._wake.set()

    def look(self, stream_id: str) -> None:
        """Read a stream's presence again, because another process changed it."""
        self._unseen.add(stream_id)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
                await asyncio.sleep(TOGETHER_SECONDS)
            self._wake.clear()
            if time.monotonic() - self._looked_at >= LOOK_SECONDS:
                self._unseen.update(self._streams)  # a hint may have been lost
                self._looked_at = time.monotonic()
            try:
                await self._write()
                await self._send()
            except Exception as error:
                log_failure(log, error, "Could not store the presence of streams, retrying")
                await asyncio.sleep(1)
                self._wake.set()

    async def _write(self) -> None:
        now = time.monotonic()
        refresh = bool(self._rows) and now - self._refreshed_at > REFRESH_SECONDS
        if not (self._changed or refresh):
            return
        self._changed = False
        try:
            different = await in_thread(_write)(list(self._rows.values()), refresh=refresh)
        except BaseException:
            self._changed = True
            raise
        if refresh:
            self._refreshed_at = now
        for stream_id in different:
            self._unseen.add(stream_id)
            self._relay.announce_presence(stream_id)

    async def _send(self) -> None:
        looked = {stream_id for stream_id in self._unseen if self._matters(stream_id)}
        self._unseen = set()
        if not looked:
            return
        try:
            rows = await in_thread(present_on)(looked)
        except BaseException:
            self._unseen |= looked
            raise
        by_stream: defaultdict[str, list[StreamPresence]] = defaultdict(list)
        for row in rows:
            by_stream[row.stream_id].append(row)
        for stream_id in looked:
            live = self._streams.get(stream_id)
            if live is None:
                continue
            here = by_stream[stream_id]
            live.wanted_elsewhere = frozenset(
                type_ for row in here if row.process != this_process() for type_ in row.consumes
            )
            message = _message(stream_id, here)
            if message == live.last_presence:
                continue
            live.last_presence = message
            for registration in list(live.registrations):
                if registration.presence and registration.rights.member:
                    registration.peer.queue(message)

    def _matters(self, stream_id: str) -> bool:
        """Return whether a socket here asked for presence, or another process may want this process's frames."""
        live = self._streams.get(stream_id)
        return live is not None and bool(settings.REDIS_URL or any(r.presence for r in live.registrations))


def _message(stream_id: str, rows: list[StreamPresence]) -> bytes:
    frame: dict[str, object] = {
        "type": "presence",
        "streamId": stream_id,
        "producing": sum(1 for row in rows if row.produces),
        "watching": sum(1 for row in rows if row.consumes),
        "present": [
            {
                "connectionId": row.connection_id,
                "userId": str(row.user_id),
                "username": row.user.username,
                "displayName": str(row.user),
                "clientType": row.client_type,
                "produces": row.produces,
                "consumes": row.consumes,
                "since": int(row.since.timestamp() * 1000),
            }
            for row in rows[:SHOWN]
        ],
    }
    return frames.text_message(orjson.dumps(frame))


@transaction.atomic
def _write(rows: list[StreamPresence], *, refresh: bool) -> set[str]:
    """Make the table have exactly these rows for this process. Returns the ids of the streams that changed.

    The table is read each time. So rows that were lost with a stream or a failed commit are written again, and existing
    rows are left alone. `refresh`: also update `seen_at`, and delete rows that are older than GONE.
    """
    now = timezone.now()
    if refresh:
        StreamPresence.objects.filter(seen_at__lt=now - GONE).delete()
    here = StreamPresence.objects.filter(process=this_process())
    held = dict(here.order_by().values_list("pk", "stream_id"))
    wanted = {row.pk for row in rows}
    gone = {pk: stream_id for pk, stream_id in held.items() if pk not in wanted}
    if gone:
        StreamPresence.objects.filter(pk__in=gone).delete()
    new = _possible([row for row in rows if row.pk not in held])
    for row in new:
        row.pk, row.seen_at = None, now
    StreamPresence.objects.bulk_create(new)
    if refresh:
        here.update(seen_at=now)
    return {*gone.values(), *(row.stream_id for row in new)}


def _possible(rows: list[StreamPresence]) -> list[StreamPresence]:
    """Leave out rows whose stream or user was deleted. The poll is about to close their sockets."""
    streams = set(Stream.objects.filter(pk__in={row.stream_id for row in rows}).values_list("pk", flat=True))
    users = set(User.objects.filter(pk__in={row.user_id for row in rows}).values_list("pk", flat=True))
    return [row for row in rows if row.stream_id in streams and row.user_id in users]
