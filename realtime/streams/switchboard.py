"""Who is on which stream in this process, and what goes from whom to whom. Everything runs on one event loop.

Frames are newest-only: each consumer has one place for each type, a newer frame takes it, and the count of those
that had it goes with the one that leaves. Other live messages are queued by the socket. Durable ones do not come
through here: the log's hub delivers them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from typing import Any, Protocol

from realtime import metrics
from realtime.connections import get_connections
from realtime.db import Together, in_thread
from realtime.per_loop import PerLoop
from realtime.poll import get_poll
from realtime.streams import frames, pictures
from realtime.streams.errors import StreamNotFound, cannot_publish, cannot_read
from realtime.streams.models import Stream
from realtime.streams.presence import Presence
from realtime.streams.register import grant
from realtime.streams.relay import Relay
from realtime.streams.rights import Access, Rights, again_and_again, read_access

log = logging.getLogger(__name__)

# Of frames on the streams of one owner. Types are any words, so one person could have a gigabyte wait in a minute for
# consumers that acknowledge nothing.
MAX_WAITING_BYTES = 64_000_000

_missed = metrics.STREAM_FRAMES.labels("missed")
_relayed = metrics.STREAM_FRAMES.labels("delivered")
_received = metrics.STREAM_FRAMES.labels("received")


class Peer(Protocol):
    """A socket, as the switchboard sees it."""

    connection_id: str
    user_id: int

    def queue(self, message: bytes) -> None:
        """Send a message that is ready for the wire, after those queued before."""

    def pump(self) -> None:
        """Something may be there to send."""

    def durable_changed(self, registration: Registration) -> None:
        """Other types of a stream are kept in its log from now on."""

    def lost(self, error: Exception) -> None:
        """A right or the stream itself is gone."""


_waiting_bytes: Counter[int] = Counter()  # by the stream's owner


class Frame:
    """A frame on its way to this process's consumers, encoded once for all that missed none before it."""

    __slots__ = ("_owner_id", "_shared", "number", "payload", "stamped")

    def __init__(self, stamped: bytes, number: int, payload: memoryview, *, owner_id: int) -> None:
        self.stamped = stamped
        self.number = number
        self.payload = payload
        self._shared: bytes | None = None
        self._owner_id = owner_id
        _waiting_bytes[owner_id] += payload.nbytes

    def __del__(self) -> None:
        """Nobody waits for it any more."""
        _waiting_bytes[self._owner_id] -= self.payload.nbytes
        if not _waiting_bytes[self._owner_id]:
            del _waiting_bytes[self._owner_id]

    def message(self, missed: int) -> bytes:
        if missed:
            return frames.binary_message(self.stamped, self.number, missed, self.payload)
        if self._shared is None:
            self._shared = frames.binary_message(self.stamped, self.number, 0, self.payload)
        return self._shared


class Registration:
    """One socket on one stream. With `credit`, so many frames may be unacknowledged; null: as many as it takes.

    `(epoch, head)` is the position of the log when it registered. Durable messages are due from behind `cursor`.
    """

    __slots__ = (
        "client_type", "consumes", "credit", "cursor", "epoch", "head", "in_flight", "missed", "peer", "presence",
        "produces", "rights", "slots", "stream",
    )  # fmt: skip

    def __init__(
        self,
        stream: LiveStream,
        peer: Peer,
        *,
        rights: Rights,
        client_type: str,
        produces: frozenset[str],
        consumes: frozenset[str],
        credit: int | None,
        presence: bool,
        epoch: str,
        head: int,
        cursor: int,
    ) -> None:
        self.stream = stream
        self.peer = peer
        self.rights = rights
        self.client_type = client_type
        self.produces = produces
        self.consumes = consumes
        self.credit = credit
        self.presence = presence
        self.epoch = epoch
        self.head = head
        self.cursor = cursor
        self.slots: dict[str, Frame] = {}
        self.missed: dict[str, int] = {}
        self.in_flight: deque[int] = deque()

    def offer(self, type_: str, frame: Frame, *, missed: int = 0) -> None:
        """Put a frame in its place. `missed`: how many before it were lost on the way here."""
        missed += type_ in self.slots
        if missed:
            self.missed[type_] = self.missed.get(type_, 0) + missed
            _missed.inc(missed)
        self.slots[type_] = frame
        self.peer.pump()

    def drop(self) -> None:
        """Let go of what waits; it counts as missed."""
        for type_ in self.slots:
            self.missed[type_] = self.missed.get(type_, 0) + 1
        _missed.inc(len(self.slots))
        self.slots.clear()

    def peek(self) -> tuple[str, bytes] | None:
        """Return the frame that is due and its type, null when there is none or no credit for it."""
        if not self.slots or (self.credit is not None and len(self.in_flight) >= self.credit):
            return None
        type_ = next(iter(self.slots))  # the type that waits longest
        return type_, self.slots[type_].message(self.missed.get(type_, 0))

    def sent(self, type_: str) -> None:
        """What `peek` returned is on its way."""
        frame = self.slots.pop(type_)
        self.missed.pop(type_, None)
        if self.credit is not None:
            self.in_flight.append(frame.number)
        _relayed.inc()

    def acknowledge(self, number: int) -> bool:
        """Take back credit for the frames up to `number`. Returns whether that made a difference."""
        before = len(self.in_flight)
        while self.in_flight and self.in_flight[0] <= number:
            self.in_flight.popleft()
        return len(self.in_flight) < before


class LiveStream:
    """A stream that somebody is on, in this process."""

    def __init__(self, stream: Stream) -> None:
        self.id = stream.pk
        self.log = stream.log
        self.owner_id = stream.owner_id
        self.durable = frozenset(stream.durable_types)
        self.registrations: set[Registration] = set()
        self.wanted_elsewhere: frozenset[str] = frozenset()  # types that other processes consume
        self.presence_told = b""  # what its members know
        self._number = 0

    def show(self, type_: str, stamped: bytes, payload: memoryview, *, missed: int = 0) -> None:
        """Offer a frame to everybody here who consumes its type. `missed` before it never came to this process."""
        self._number += 1 + missed
        if _waiting_bytes[self.owner_id] > MAX_WAITING_BYTES:
            for registration in self.registrations:
                registration.drop()
        frame = Frame(stamped, self._number, payload, owner_id=self.owner_id)
        for registration in self.registrations:
            if type_ in registration.consumes:
                registration.offer(type_, frame, missed=missed)

    def tell(self, type_: str, stamped: bytes) -> None:
        """Send a live message to everybody here who consumes its type."""
        message = frames.text_message(stamped + b"}")
        for registration in list(self.registrations):  # a full queue ends its socket
            if type_ in registration.consumes:
                registration.peer.queue(message)


class Switchboard:
    """All streams of this process that somebody is on."""

    name = "rights on streams"

    def __init__(self) -> None:
        self.streams: dict[str, LiveStream] = {}
        self.relay = Relay(self)
        self.presence = Presence(self)
        self.registering = Together(grant)
        self._asking = again_and_again()
        get_connections()  # its checks come before ours
        get_poll().checks.append(self)
        self._sharing: set[asyncio.Task[None]] = set()

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
                log.warning("Picture not shared: %s", type(error).__name__)

        task = asyncio.create_task(share())
        self._sharing.add(task)
        task.add_done_callback(self._sharing.discard)

    # --- What they may ---

    def question(self) -> list[Registration] | None:
        for idle in list(self.streams.values()):
            self._drop_if_idle(idle)  # its socket closed before it entered
        return [r for live in self.streams.values() for r in live.registrations] or None

    def read(self, question: list[Registration]) -> Access:
        return read_access(((r.stream.id, r.peer.user_id) for r in question), self._asking)

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


def sender(peer: Peer) -> dict[str, Any]:
    """Return who sends, as the server knows it; `stamp` puts it into what they say."""
    return {"from": {"userId": str(peer.user_id), "connectionId": peer.connection_id}}
