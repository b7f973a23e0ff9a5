"""A stream that somebody is on, in this process, and who is on it."""

from __future__ import annotations

from collections import Counter, deque
from typing import Protocol

from realtime import metrics
from streams import frames
from streams.models import Stream
from streams.rights import Rights

# Of frames on the streams of one owner. Types are any words, so one person could have a gigabyte wait in a minute for
# consumers that acknowledge nothing.
MAX_WAITING_BYTES = 64_000_000

_missed = metrics.STREAM_FRAMES.labels("missed")
_relayed = metrics.STREAM_FRAMES.labels("delivered")


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
