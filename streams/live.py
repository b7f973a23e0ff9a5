"""The streams that sockets of this process are on, with their registrations."""

from __future__ import annotations

from collections import Counter, deque
from typing import Protocol

from realtime import metrics
from streams import frames
from streams.models import Stream
from streams.register import Granted, Request

# The limit of waiting frames on all streams of one owner. Without it, one person could invent many types, and fill a
# gigabyte within a minute with frames for consumers that acknowledge nothing.
MAX_WAITING_BYTES = 64_000_000

_missed = metrics.STREAM_FRAMES.labels("missed")
_relayed = metrics.STREAM_FRAMES.labels("delivered")


class Peer(Protocol):
    """The switchboard's view of a socket."""

    connection_id: str
    user_id: int

    def queue(self, message: bytes) -> None:
        """Send a ready WebSocket frame after those queued before."""

    def pump(self) -> None:
        """Send what may be waiting."""

    def durable_changed(self, registration: Registration) -> None:
        """Called when the durable types of the stream changed."""

    def lost(self, error: Exception) -> None:
        """Called when the socket lost a right, or the stream was deleted."""


_waiting_bytes: Counter[int] = Counter()  # by the stream's owner


class Frame:
    """A frame for this process's consumers, encoded once for all that missed no frame before it."""

    __slots__ = ("_owner_id", "_shared", "number", "payload", "stamped")

    def __init__(self, stamped: bytes, number: int, payload: memoryview, *, owner_id: int) -> None:
        self.stamped = stamped
        self.number = number
        self.payload = payload
        self._shared: bytes | None = None
        self._owner_id = owner_id
        _waiting_bytes[owner_id] += payload.nbytes

    def __del__(self) -> None:
        """Stop counting its bytes: no consumer waits for it any more."""
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
    """One socket on one stream. `credit` is how many frames may be unacknowledged, None for no limit.

    `(epoch, head)` is the position of the log at registration. Durable messages after `cursor` are sent.
    """

    __slots__ = (
        "client_type", "consumes", "credit", "cursor", "epoch", "head", "in_flight", "missed", "peer", "presence",
        "produces", "rights", "slots", "stream",
    )  # fmt: skip

    def __init__(self, stream: LiveStream, peer: Peer, request: Request, granted: Granted) -> None:
        self.stream = stream
        self.peer = peer
        self.rights = granted.rights
        self.client_type = request.client_type
        self.produces = request.produces
        self.consumes = request.consumes
        self.credit = request.credit
        self.presence = request.presence
        self.epoch = granted.epoch
        self.head = granted.head
        self.cursor = granted.head if request.since is None else request.since
        self.slots: dict[str, Frame] = {}
        self.missed: dict[str, int] = {}
        self.in_flight: deque[int] = deque()

    def offer(self, type_: str, frame: Frame, *, missed: int = 0) -> None:
        """Replace the waiting frame of that type. `missed`: how many frames were lost on the way to this process."""
        missed += type_ in self.slots
        if missed:
            self.missed[type_] = self.missed.get(type_, 0) + missed
            _missed.inc(missed)
        self.slots[type_] = frame
        self.peer.pump()

    def drop(self) -> None:
        """Drop the waiting frames and count them as missed."""
        for type_ in self.slots:
            self.missed[type_] = self.missed.get(type_, 0) + 1
        _missed.inc(len(self.slots))
        self.slots.clear()

    def peek(self) -> tuple[str, bytes] | None:
        """Return `(type, encoded frame)` of the next frame, None if there is none or no credit for it."""
        if not self.slots or (self.credit is not None and len(self.in_flight) >= self.credit):
            return None
        type_ = next(iter(self.slots))  # the type that has waited longest
        return type_, self.slots[type_].message(self.missed.get(type_, 0))

    def sent(self, type_: str) -> None:
        """Note that the frame that `peek` returned was sent."""
        frame = self.slots.pop(type_)
        self.missed.pop(type_, None)
        if self.credit is not None:
            self.in_flight.append(frame.number)
        _relayed.inc()

    def acknowledge(self, number: int) -> bool:
        """Free the credit of the frames up to `number`. Returns whether there were any."""
        before = len(self.in_flight)
        while self.in_flight and self.in_flight[0] <= number:
            self.in_flight.popleft()
        return len(self.in_flight) < before


class LiveStream:
    """A stream that at least one socket of this process is on."""

    def __init__(self, stream: Stream) -> None:
        self.id = stream.pk
        self.log = stream.log
        self.owner_id = stream.owner_id
        self.durable = frozenset(stream.durable_types)
        self.registrations: set[Registration] = set()
        self.wanted_elsewhere: frozenset[str] = frozenset()  # types that other processes consume
        self.last_presence = b""  # the presence message sent last
        self._number = 0

    def show(self, type_: str, stamped: bytes, payload: memoryview, *, missed: int = 0) -> None:
        """Offer a frame to all consumers of its type in this process. `missed` frames before it never arrived here."""
        self._number += 1 + missed
        if _waiting_bytes[self.owner_id] > MAX_WAITING_BYTES:
            for registration in self.registrations:
                registration.drop()
        frame = Frame(stamped, self._number, payload, owner_id=self.owner_id)
        for registration in self.registrations:
            if type_ in registration.consumes:
                registration.offer(type_, frame, missed=missed)

    def deliver(self, type_: str, stamped: bytes) -> None:
        """Send a live message to all consumers of its type in this process."""
        message = frames.text_message(stamped + b"}")
        for registration in list(self.registrations):  # a copy: a full queue closes its socket
            if type_ in registration.consumes:
                registration.peer.queue(message)
