"""Who is on which stream in this process, and what goes from whom to whom. Everything runs on one event loop.

Frames are newest-only: each consumer has one place for each type, a newer frame takes it, and the count of those
that had it goes with the one that leaves. Other live messages are queued by the socket. Durable ones do not come
through here: the log's hub delivers them.
"""

from __future__ import annotations

import asyncio
import logging
import time

from realtime import metrics
from realtime.connections import get_connections
from realtime.db import Together, in_thread
from realtime.outages import log_failure
from realtime.per_loop import PerLoop
from realtime.revocation_poll import get_poll
from streams import pictures
from streams.errors import StreamNotFound, cannot_publish, cannot_read
from streams.live import LiveStream, Peer, Registration
from streams.models import Stream
from streams.presence import Presence
from streams.register import grant
from streams.relay import Relay
from streams.rights import Access, read_access

log = logging.getLogger(__name__)

_received = metrics.STREAM_FRAMES.labels("received")


class Switchboard:
    """All streams of this process that somebody is on."""

    name = "rights on streams"

    def __init__(self) -> None:
        self.streams: dict[str, LiveStream] = {}
        self.relay = Relay(self.streams, on_presence=self._look)
        self.presence = Presence(self.streams, self.relay)
        self.registering = Together(grant)
        get_connections()  # its checks come before ours
        get_poll().checks.append(self)
        self._sharing: set[asyncio.Task[None]] = set()

    def _look(self, stream_id: str) -> None:
        self.presence.look(stream_id)

    # --- Who is here ---

    async def open(self, stream: Stream) -> LiveStream:
        """Return the stream as this process has it. Other processes' messages for it arrive from here on."""
        live = self.streams.setdefault(stream.pk, LiveStream(stream))
        await self.relay.join(live.id)
        return live

    def enter(self, registration: Registration) -> None:
        """Put a socket on a stream that was opened for it."""
        # Everybody else may have left since it was opened, and others may have opened it anew.
        live = registration.stream = self.streams.setdefault(registration.stream.id, registration.stream)
        live.registrations.add(registration)
        self.presence.entered(registration)

    def leave(self, registration: Registration) -> None:
        """Take a socket off a stream."""
        registration.stream.registrations.discard(registration)
        self.presence.left(registration)
        self._drop_if_idle(registration.stream)

    def _drop_if_idle(self, live: LiveStream) -> None:
        if not live.registrations and self.streams.get(live.id) is live:
            del self.streams[live.id]
            self.relay.leave(live.id)

    # --- What they say ---

    def publish_frame(self, live: LiveStream, type_: str, stamped: bytes, payload: memoryview) -> None:
        _received.inc()
        shot = pictures.keep(live.id, payload)
        if shot is not None and pictures.due_to_share(live.id, shot):
            self._share(live.id, shot)
        live.show(type_, stamped, payload)
        if type_ in live.wanted_elsewhere:
            self.relay.send_frame(live.id, type_, stamped, payload)

    def publish(self, live: LiveStream, type_: str, stamped: bytes) -> None:
        live.tell(type_, stamped)
        self.relay.send_text(live.id, type_, stamped)

    def _share(self, stream_id: str, shot: pictures.Shot) -> None:
        async def share() -> None:
            try:
                await in_thread(pictures.share)(stream_id, shot)
            except Exception as error:
                log_failure(log, error, "Could not share the picture of stream %s", stream_id)

        task = asyncio.create_task(share())
        self._sharing.add(task)
        task.add_done_callback(self._sharing.discard)

    # --- What they may ---

    def question(self) -> list[Registration] | None:
        for idle in list(self.streams.values()):
            self._drop_if_idle(idle)  # its socket closed before it entered
        return [r for live in self.streams.values() for r in live.registrations] or None

    def read(self, question: list[Registration]) -> Access:
        return read_access((r.stream.id, r.peer.user_id) for r in question)

    def settle(self, question: list[Registration], answer: Access) -> None:
        """Let go of everybody who lost a right that their registration stands on."""
        streams, rights = answer
        for registration in question:
            if registration not in registration.stream.registrations:
                continue
            now = rights.get((registration.stream.id, registration.peer.user_id))
            if now is None:
                registration.peer.lost(StreamNotFound())
            elif registration.consumes and not now.read:
                registration.peer.lost(cannot_read())
            elif registration.produces and not now.write:
                registration.peer.lost(cannot_publish())
            else:
                registration.rights = now
        for pk, stream in streams.items():
            if (live := self.streams.get(pk)) and live.durable != frozenset(stream.durable_types):
                live.durable = frozenset(stream.durable_types)
                for registration in list(live.registrations):
                    registration.peer.durable_changed(registration)


get_switchboard = PerLoop(Switchboard)


def milliseconds_now() -> int:
    return time.time_ns() // 1_000_000


def sender(peer: Peer) -> dict[str, object]:
    """Return who sends, as the server knows it; `stamp` puts it into what they say."""
    return {"from": {"userId": str(peer.user_id), "connectionId": peer.connection_id}}
