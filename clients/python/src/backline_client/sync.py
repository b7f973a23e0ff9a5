"""`/sync`: an ordered, durable log of events."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from backline_client.backoff import Backoff
from backline_client.errors import BacklineError, ConnectionLost, Refused, TooLarge, refusal
from backline_client.frames import to_json
from backline_client.inbox import Inbox
from backline_client.link import RETRY_SECONDS, TEMPORARY, Link
from backline_client.position import Position
from backline_client.requests import Request, Requests
from backline_client.tokens import Token

MAX_WAITING = 10_000
MAX_BYTES = 900_000


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a log. The server sets `seq`, `parent_seq` and `metadata` (docs/protocol.md), the writer the rest."""

    name: str
    args: Any  # JSON
    seq: int
    parent_seq: int
    event_id: str
    client_id: str
    session_id: str
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to push, or a command for a guild's log. The server ignores an `event_id` that it already has."""

    name: str
    args: Any = None  # JSON
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Ack:
    """The response to a push: the `seqs` of the appended events, and the `head` of the log after them."""

    head: int
    seqs: list[int]


class SyncClient(Link):
    """A connection to one log: `app:<name>` (or just the name), `guild:<id>` or `stream:<id>`.

    Use it with `async with`, which waits until the log is open, even while the server is unreachable, and raises
    Refused. When the connection is lost, it reconnects with jitter. Pulls then continue from their position, and a
    push without a response is sent again with the same ids, so that nothing is stored twice.
    """

    path = "/sync"
    final_closes = frozenset({4400, 4403, 4404, 4413})

    def __init__(self, url: str, instance: str, token: Token, *, backoff: Backoff | None = None) -> None:
        super().__init__(url, token, backoff=backoff or Backoff())
        self.instance = instance
        self.epoch = ""
        self.head = 0
        """The log's newest `seq` that this client knows of."""
        self.user_id = ""
        self._client_id = str(uuid.uuid4())
        self._requests = Requests()
        self._pushing = asyncio.Lock()
        self._pull: Pull | None = None
        self._in_grace = False
        self._opened: asyncio.Future[None] | None = None
        self._over: BacklineError | None = None

    async def __aenter__(self) -> Self:
        self._opened = asyncio.get_running_loop().create_future()
        self._start()
        try:
            await asyncio.shield(self._opened)
        except BaseException:
            await self.close()
            raise
        return self

    def events(self, since: Position | int = 0, *, live: bool = True) -> Pull:
        """Return the events after a position, in order, each exactly once. With `live`, future events follow.

        There is one pull at a time, with one reader. A new pull ends the previous one.
        """
        position = Position("", since) if isinstance(since, int) else since
        pull, before = Pull(self, position, live), self._pull
        if before is not None:
            pull._id = before._id  # `_ask` ends the pull with this id
            before._inbox.end()
        self._pull = pull
        if self._over is not None:
            pull._inbox.end(self._over)
        else:
            self._do_beside(pull._ask())
        return pull

    async def push(self, events: Sequence[NewEvent], *, after: int | None = None) -> Ack:
        """Append events, all or none, and wait for the response. Pushes are sent one at a time.

        With `after` the push is refused with `SERVER_AHEAD` unless the log's head is `after` (only for `app:` logs).
        Raises Refused, TooLarge, or ConnectionLost when the client is closed.
        """
        frame = {"type": "push", "id": str(uuid.uuid4()), "events": _pushed(events, after)}
        if len(to_json(frame)) > MAX_BYTES:
            raise TooLarge("TOO_LARGE", f"A push may have at most {MAX_BYTES} bytes.")
        async with self._pushing:
            if self._over is not None:
                raise self._over
            request = self._requests.add(frame)
            try:
                if self._ready:
                    await self._send(frame)
                answer = await request.answer
            finally:
                self._requests.forget(request)
        return Ack(answer["head"], answer["seqNums"])

    # --- The connection ---

    async def _wanted(self) -> None:
        return  # a connection is always needed

    async def _begin(self) -> None:
        await self._send(
            {"type": "init", "id": "init", "instanceId": self.instance, "clientId": self._client_id}
        )

    async def _receive(self, raw: str | bytes) -> None:
        frame: dict[str, Any] = json.loads(raw)
        if await self._common(frame):
            return
        if frame["type"] == "ready":
            await self._open_log(frame)
        elif frame["type"] in ("events", "end"):
            if self._pull is not None and self._pull._id == frame.get("id"):
                self._pull._take(frame)
        elif frame["type"] == "ack":
            self.head = max(self.head, frame["head"])
            self._requests.answered(frame)
        elif frame["type"] == "error":
            self._refused(frame)

    async def _open_log(self, ready: dict[str, Any]) -> None:
        self._let_in()
        self.epoch, self.head, self.user_id = ready["epoch"], ready["head"], ready["userId"]
        self._in_grace = ready["auth"] == "grace"
        if self._pull is not None:
            await self._pull._ask()
        for request in self._requests.waiting():
            await self._send(request.frame)
        if self._in_grace:
            self._renew()
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(None)

    async def _renewed(self) -> None:
        self._in_grace = False
        for request in self._requests.waiting():
            if request.reauthenticated:
                await self._send(request.frame)

    def _refused(self, frame: dict[str, Any]) -> None:
        error = refusal(frame)
        request = self._requests.get(frame["id"])
        pull = self._pull if self._pull is not None and self._pull._id == frame["id"] else None
        if request is None and pull is None:
            self._last_error = (
                error  # about `init` or `auth`. The close code that follows decides whether it is final
            )
            if error.code in TEMPORARY:
                self._do_beside(self._ask_again(error, None, None))
        elif error.code in TEMPORARY:
            self._do_beside(self._ask_again(error, request, pull))
        elif pull is not None:
            pull._inbox.end(error)
        elif request is not None and error.code == "TOKEN_EXPIRED" and self._may_renew(request):
            request.reauthenticated = True
            self._renew()
        elif request is not None and not request.answer.done():
            request.answer.set_exception(error)

    def _may_renew(self, request: Request) -> bool:
        return not isinstance(self._token, str) and not request.reauthenticated

    async def _ask_again(self, error: Refused, request: Request | None, pull: Pull | None) -> None:
        socket = self._socket
        await asyncio.sleep(max(RETRY_SECONDS, error.data.get("retryAfterMs", 0) / 1000))
        if socket is None or socket is not self._socket:
            return  # it was already repeated on the new connection
        if pull is not None:
            await pull._ask()
        elif request is None:
            await self._begin()
        elif not request.answer.done():
            await self._send(request.frame)

    def _lost(self, close_code: int, reason: Refused | None) -> None:
        self._requests.connection_lost()

    def _ended(self, error: BacklineError | None) -> None:
        self._over = self._over or error or ConnectionLost("The client was closed.")
        self._requests.fail(self._over)
        if self._pull is not None:
            self._pull._inbox.end(error)
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(self._over)
            self._opened.exception()  # mark it as retrieved: the caller may no longer wait


class Pull(AsyncIterator[Event]):
    """The events of a log, for one reader. Created by `SyncClient.events`.

    Iterating raises PositionLost when the log cannot be continued, raises Refused when the permission is gone, and
    ends when the client is closed or, unless live, at the head.
    """

    def __init__(self, client: SyncClient, since: Position, live: bool) -> None:
        self.position = since
        """The position after the last event you received. Pass it as `since` in another process."""
        self._client = client
        self._live = live
        self._received = since
        self._inbox: Inbox[Event] = Inbox(MAX_WAITING)
        self._behind = False  # the inbox was full: the next events must be read from the log
        self._id = ""

    def __aiter__(self) -> Pull:
        return self

    async def __anext__(self) -> Event:
        if self._behind and self._inbox.empty:
            await self._ask()
        event = await self._inbox.take()
        self.position = Position(self._received.epoch, event.seq)
        return event

    # --- For the client ---

    async def _ask(self) -> None:
        """Send a pull from the current position. Events of an earlier pull are then ignored."""
        if not self._client._ready:
            return  # `_open_log` sends the pull when the log is open
        if self._id:
            await self._client._send({"type": "unpull", "id": self._id})
        self._id = str(uuid.uuid4())
        self._behind = False
        if not self._received.epoch:
            self._received = Position(self._client.epoch, self._received.seq)
        await self._client._send(
            {
                "type": "pull",
                "id": self._id,
                "cursor": self._received.seq,
                "epoch": self._received.epoch,
                "live": self._live,
            }
        )

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "end":
            if not self._behind:
                self._inbox.end()
            return
        for event in map(_read_event, frame["events"]):
            self._client.head = max(self._client.head, event.seq)
            if self._behind or event.seq <= self._received.seq:
                continue
            if self._inbox.put(event):
                self._received = Position(self._received.epoch, event.seq)
            else:
                self._behind = True


def _read_event(event: dict[str, Any]) -> Event:
    return Event(
        name=event["name"],
        args=event.get("args"),
        seq=event["seqNum"],
        parent_seq=event["parentSeqNum"],
        event_id=event["eventId"],
        client_id=event.get("clientId", ""),
        session_id=event.get("sessionId", ""),
        metadata=event["metadata"],
    )


def _pushed(events: Sequence[NewEvent], after: int | None) -> list[dict[str, Any]]:
    pushed: list[dict[str, Any]] = [
        {"eventId": event.event_id, "name": event.name, "args": event.args} for event in events
    ]
    if after is not None:
        for parent, event in enumerate(pushed, after):
            event |= {"parentSeqNum": parent, "seqNum": parent + 1}
    return pushed
