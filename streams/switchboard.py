"""The streams of this process: its registrations, and live delivery between them. Runs on one event loop.

Only the newest frame counts: each consumer has one slot per type, and a newer frame replaces a waiting one. The frame
that is sent has the count of those that it replaced. Sockets queue other live messages. Durable messages are delivered
by the log's hub instead.
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
from streams.errors import RightLost, StreamNotFound, cannot_publish, cannot_read
from streams.live import LiveStream, Peer, Registration
from streams.models import Stream
from streams.presence import Presence
from streams.register import grant
from streams.relay import Relay
from streams.rights import Access, read_access

log = logging.getLogger(__name__)

_received = metrics.STREAM_FRAMES.labels("received")


class Switchboard:
    """All streams that sockets of this process are on."""

    name = "rights on streams"

    def __init__(self) -> None:
        self.streams: dict[str, LiveStream] = {}
        self.relay = Relay(self.streams, on_presence=self._look)
        self.presence = Presence(self.streams, self.relay)
        self.registering = Together(grant)
        get_connections()  # so that its checks come before ours
        get_poll().checks.append(self)
        self._sharing: set[asyncio.Task[None]] = set()

    def _look(self, stream_id: str) -> None:
        self.presence.look(stream_id)

    # --- Registrations ---

    async def open(self, stream: Stream) -> LiveStream:
        """Return this process's LiveStream. From now on other processes' messages for it arrive."""
        live = self.streams.setdefault(stream.pk, LiveStream(stream))
        await self.relay.join(live.id)
        return live

    def enter(self, registration: Registration) -> None:
        """Add a socket to a stream that `open` returned."""
        # The stream may have been dropped since, because everybody left, and then opened again by others.
        live = registration.stream = self.streams.setdefault(registration.stream.id, registration.stream)
        live.registrations.add(registration)
        self.presence.entered(registration)

    def leave(self, registration: Registration) -> None:
        """Remove a socket from a stream."""
        registration.stream.registrations.discard(registration)
        self.presence.left(registration)
        self._drop_if_idle(registration.stream)

    def _drop_if_idle(self, live: LiveStream) -> None:
        if not live.registrations and self.streams.get(live.id) is live:
            del self.streams[live.id]
            self.relay.leave(live.id)

    # --- Messages ---

    def publish_frame(self, live: LiveStream, type_: str, stamped: bytes, payload: memoryview) -> None:
        _received.inc()
        shot = pictures.keep(live.id, payload)
        if shot is not None and pictures.due_to_share(live.id, shot):
            self._share(live.id, shot)
        live.show(type_, stamped, payload)
        if type_ in live.wanted_elsewhere:
            self.relay.send_frame(live.id, type_, stamped, payload)

    def publish(self, live: LiveStream, type_: str, stamped: bytes) -> None:
        live.deliver(type_, stamped)
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

    # --- The check of rights, for the poll ---

    def question(self) -> list[Registration] | None:
        for idle in list(self.streams.values()):
            self._drop_if_idle(idle)  # opened for a socket that closed before it entered
        return [r for live in self.streams.values() for r in live.registrations] or None

    def read(self, question: list[Registration]) -> Access:
        return read_access((r.stream.id, r.peer.user_id) for r in question)

    def settle(self, question: list[Registration], answer: Access) -> None:
        """Close sockets that lost a right which their registration needs, and apply new durable types."""
        streams, rights = answer
        for registration in question:
            if registration not in registration.stream.registrations:
                continue
            now = rights.get((registration.stream.id, registration.peer.user_id))
            if now is None:
                registration.peer.lost(StreamNotFound())
            elif registration.consumes and not now.read:
                registration.peer.lost(cannot_read(RightLost))
            elif registration.produces and not now.write:
                registration.peer.lost(cannot_publish(RightLost))
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
    """Return the sender's identity as the server knows it. `stamp` puts it into their messages."""
    return {"from": {"userId": str(peer.user_id), "connectionId": peer.connection_id}}
