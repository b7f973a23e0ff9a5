"""Who is on a stream, in any process. The table says it; sockets that asked are told when it changes.

Changes of a moment are written together. Each process says every ten seconds that it is there; what a killed one
left behind goes stale. A hint tells other processes to look, and they look by themselves every few seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from realtime.db import in_thread
from realtime.streams import frames
from realtime.streams.models import Stream, StreamPresence
from realtime.streams.relay import PROCESS
from realtime.streams.shapes import present_on

if TYPE_CHECKING:
    from realtime.streams.switchboard import Registration, Switchboard

log = logging.getLogger(__name__)

TOGETHER_SECONDS = 0.2
LOOK_SECONDS = 5.0
SAY_SECONDS = 10.0
GONE = timedelta(minutes=5)
SHOWN = 50  # of each stream; `producing` and `watching` count all


class Presence:
    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard
        self._rows: dict[Registration, StreamPresence] = {}  # what the table should hold of this process
        self._new: list[StreamPresence] = []
        self._gone: list[StreamPresence] = []
        self._unseen: set[str] = set()
        self._wake = asyncio.Event()
        self._said_at = 0.0
        self._task = asyncio.create_task(self._run(), name="stream presence")

    def entered(self, registration: Registration) -> None:
        now = timezone.now()
        row = self._rows[registration] = StreamPresence(
            stream_id=registration.stream.id,
            user_id=registration.peer.user_id,
            connection_id=registration.peer.connection_id,
            process=PROCESS,
            client_type=registration.client_type,
            produces=sorted(registration.produces),
            consumes=sorted(registration.consumes),
            since=now,
            seen_at=now,
        )
        self._new.append(row)
        registration.stream.presence_told = b""  # the newcomer has not been told
        self._wake.set()

    def left(self, registration: Registration) -> None:
        row = self._rows.pop(registration)
        if row in self._new:
            self._new.remove(row)
        else:
            self._gone.append(row)
        self._wake.set()

    def look(self, stream_id: str) -> None:
        """Another process says that something changed."""
        self._unseen.add(stream_id)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
                await asyncio.sleep(TOGETHER_SECONDS)
            except TimeoutError:
                self._unseen.update(self._switchboard.streams)  # a hint may have been lost
            self._wake.clear()
            try:
                await self._write()
                await self._tell()
            except Exception as error:
                log.warning("Stream presence: %s; trying again", type(error).__name__)
                await asyncio.sleep(1)
                self._wake.set()

    async def _write(self) -> None:
        if self._rows and time.monotonic() - self._said_at > SAY_SECONDS:
            known = sum(1 for row in self._rows.values() if row.pk is not None)
            if await in_thread(_say_here)() != known:
                await in_thread(_forget_here)()  # an earlier loop's, or some were lost
                self._new = list(self._rows.values())
                self._gone.clear()
            self._said_at = time.monotonic()
        new, gone, self._new, self._gone = self._new, self._gone, [], []
        if not new and not gone:
            return
        try:
            await in_thread(_write)(new, gone)
        except BaseException:
            self._new[:0], self._gone[:0] = [row for row in new if row in self._rows.values()], gone
            raise
        for stream_id in {row.stream_id for row in (*new, *gone)}:
            self._unseen.add(stream_id)
            self._switchboard.relay.say_presence(stream_id)

    async def _tell(self) -> None:
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
            live = self._switchboard.streams.get(stream_id)
            if live is None:
                continue
            here = by_stream[stream_id]
            live.wanted_elsewhere = frozenset(
                type_ for row in here if row.process != PROCESS for type_ in row.consumes
            )
            message = _message(stream_id, here)
            if message == live.presence_told:
                continue
            live.presence_told = message
            for registration in list(live.registrations):
                if registration.presence and registration.rights.member:
                    registration.peer.queue(message)

    def _matters(self, stream_id: str) -> bool:
        """Whether somebody here asked who is there, or another process may want this one's frames."""
        live = self._switchboard.streams.get(stream_id)
        return live is not None and bool(settings.REDIS_URL or any(r.presence for r in live.registrations))


def _message(stream_id: str, rows: list[StreamPresence]) -> bytes:
    frame: dict[str, Any] = {
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


def _say_here() -> int:
    """Say that this process is there, and clear away those long gone. Returns how many rows it has."""
    now = timezone.now()
    StreamPresence.objects.filter(seen_at__lt=now - GONE).delete()
    return StreamPresence.objects.filter(process=PROCESS).update(seen_at=now)


def _forget_here() -> None:
    StreamPresence.objects.filter(process=PROCESS).delete()


@transaction.atomic
def _write(new: list[StreamPresence], gone: list[StreamPresence]) -> None:
    StreamPresence.objects.filter(pk__in=[row.pk for row in gone if row.pk is not None]).delete()
    streams = set(Stream.objects.filter(pk__in={row.stream_id for row in new}).values_list("pk", flat=True))
    users = set(User.objects.filter(pk__in={row.user_id for row in new}).values_list("pk", flat=True))
    for row in new:
        row.pk = None
    StreamPresence.objects.bulk_create(
        row for row in new if row.stream_id in streams and row.user_id in users
    )
