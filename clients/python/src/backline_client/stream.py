"""`/ws`: live streams between devices and services."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from backline_client.backoff import Backoff
from backline_client.errors import BacklineError, ConnectionLost, Refused, refusal
from backline_client.frames import (
    Frame,
    Message,
    Presence,
    pack,
    read_frame,
    read_message,
    read_presence,
    to_text,
)
from backline_client.inbox import Inbox
from backline_client.link import RETRY_SECONDS, TEMPORARY, Link
from backline_client.position import Position
from backline_client.requests import Request, Requests
from backline_client.tokens import Token

MAX_WAITING = 1_000

type Item = Message | Frame | Presence


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that the server has accepted. `seq` is None unless the type is durable."""

    id: str
    seq: int | None


class Stream(AsyncIterator[Item]):
    """A client's registration on one stream, across connections. Created by `StreamClient.register`.

    Iterate over it to receive. It supports one reader. Durable messages arrive in order, each exactly once, even
    across reconnects. Of frames, only the newest of each type arrives. Asking for the next item acknowledges the
    previous frame. A reader that falls `MAX_WAITING` messages behind loses live messages. Durable ones are then
    read from the log. Iterating raises Refused when the stream or the permission is gone, raises PositionLost when
    the log cannot be continued, and ends when the client is closed.
    """

    def __init__(
        self, client: StreamClient, stream_id: str, asked: dict[str, Any], since: Position | None
    ) -> None:
        self.id = stream_id
        self.connection_id = ""
        self.user_id = ""
        self.presence: Presence | None = None
        """The latest presence, if it was requested."""
        self.position = since
        """The position after the last durable message you received. Pass it as `since` in another process."""
        self._client = client
        self._asked = asked
        self._received = since
        self._credit: bool = asked.get("credit") is not None
        self._inbox: Inbox[Item] = Inbox(MAX_WAITING)
        self._behind = False  # the inbox was full: the next durable messages must be read from the log
        self._shown: tuple[int, int] | None = None  # connection and number of the last frame the reader got
        self._connection = 0
        self._registering = ""
        self._registered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._over: BacklineError | None = None

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Item:
        await self._acknowledge()
        if self._behind and self._inbox.empty:
            await self._client._register(self)
        item = await self._inbox.take()
        if isinstance(item, Frame):
            self._shown = (self._connection, item.number)
        elif isinstance(item, Message) and item.seq is not None and self.position is not None:
            self.position = Position(self.position.epoch, item.seq)
        return item

    async def send(
        self,
        type_: str,
        data: Mapping[str, Any] | None = None,
        *,
        message_id: str | None = None,
        again: bool = True,
    ) -> Sent:
        """Send a JSON message and wait for the server's response. Canceling this does not recall the message.

        After a lost connection, or when the server is busy, the message is sent again with the same id (8 to 64
        characters; by default a UUID). A durable message is still stored only once. A live one may arrive twice,
        unless `again` is False. Raises Refused, TooLarge, ConnectionLost (when the client is closed; with `again`
        False, also when the connection is lost), or ValueError for an id that is still in use.
        """
        message = {**(data or {}), "type": type_, "streamId": self.id, "id": message_id or str(uuid.uuid4())}
        answer = await self._client._ask(self, message, again=again)
        return Sent(message["id"], answer.get("seq"))

    async def send_frame(self, type_: str, payload: bytes, data: Mapping[str, Any] | None = None) -> bool:
        """Send a binary frame, at the speed of the network. Returns False when there is no connection.

        The server does not acknowledge frames, and none is stored for the next connection. Raises TooLarge, Refused
        when the registration has ended, or ValueError for a type that was not registered in `produces`.
        """
        if type_ not in self._asked["produces"]:
            raise ValueError(f"The type {type_!r} was not registered in `produces`.")
        message = pack({**(data or {}), "type": type_, "streamId": self.id}, payload)
        if self._over is not None:
            raise self._over
        return self._client._is_on(self) and await self._client._write(message)

    async def leave(self) -> None:
        """Unregister. Iterating ends after the items already received."""
        await self._client._leave(self)

    # --- For the client ---

    def _register_frame(self) -> dict[str, Any]:
        self._registering = str(uuid.uuid4())
        frame = {**self._asked, "type": "register", "streamId": self.id, "id": self._registering}
        if self._received is not None:
            frame["since"] = self._received.seq
            if self._received.epoch:
                frame["epoch"] = self._received.epoch
        return frame

    def _let_in(self, frame: dict[str, Any], connection: int) -> None:
        self.connection_id, self.user_id = frame["connectionId"], frame["userId"]
        seq = frame["head"] if self._received is None else self._received.seq
        self._received = Position(frame["epoch"], seq)
        self.position = Position(frame["epoch"], seq if self.position is None else self.position.seq)
        self._connection = connection
        self._behind = False
        if not self._registered.done():
            self._registered.set_result(None)

    def _offer(self, item: Item) -> None:
        if isinstance(item, Frame):
            before = self._inbox.waiting(item.type)
            if isinstance(before, Frame):
                item = _after(item, before)
            self._inbox.replace(item.type, item)
        elif isinstance(item, Presence):
            self.presence = item
            self._inbox.replace("", item)
        elif item.seq is None or self._received is None:
            self._inbox.put(item)
        elif not self._behind and item.seq > self._received.seq:
            if self._inbox.put(item):
                self._received = Position(self._received.epoch, item.seq)
            else:
                self._behind = True

    async def _acknowledge(self) -> None:
        shown, self._shown = self._shown, None
        # Frame numbers of an earlier connection may be from another server.
        if self._credit and shown is not None and shown[0] == self._connection:
            await self._client._send({"type": "ack", "streamId": self.id, "frame": shown[1]})

    def _end(self, error: BacklineError | None) -> None:
        self._over = self._over or error or ConnectionLost("The client was closed.")
        self._inbox.end(error)
        if not self._registered.done():
            self._registered.set_exception(self._over)
            self._registered.exception()  # mark it as retrieved: `register` may have been canceled


class StreamClient(Link):
    """A connection to `/ws` with its registrations on streams. Use it with `async with`.

    It connects at the first registration, and reconnects with jitter when the connection is lost. It then repeats
    the registrations from their last position. `url` is the server's, such as `https://backline.example`.
    """

    path = "/ws"
    # Other close codes can be about one of several streams. Registering again shows which one.
    final_closes = frozenset({4400, 4413})

    def __init__(
        self, url: str, token: Token, *, client_type: str = "service", backoff: Backoff | None = None
    ) -> None:
        super().__init__(url, token, backoff=backoff or Backoff())
        self._client_type = client_type
        self._streams: dict[str, Stream] = {}
        self._some = asyncio.Event()
        self._requests = Requests()
        self._connections = 0

    async def register(
        self,
        stream_id: str,
        *,
        produces: Iterable[str] = (),
        consumes: Iterable[str] = (),
        since: Position | int | None = None,
        credit: int | None = 1,
        presence: bool = False,
    ) -> Stream:
        """Register on a stream and wait for the server to accept it, even while the server is unreachable.

        `since` requests the durable messages after that position, 0 requests all. With `credit` 1 the server sends
        one frame at a time, so that each is new. With None, frames may queue in network buffers. Raises Refused, or
        ValueError when this client is already registered on the stream.
        """
        if stream_id in self._streams:
            raise ValueError(f"This client is already registered on stream {stream_id!r}.")
        asked: dict[str, Any] = {
            "clientType": self._client_type,
            "produces": list(produces),
            "consumes": list(consumes),
            "presence": presence,
        }
        if credit is not None and asked["consumes"]:
            asked["credit"] = credit
        position = Position("", since) if isinstance(since, int) else since
        stream = self._streams[stream_id] = Stream(self, stream_id, asked, position)
        self._some.set()
        self._start()
        try:
            await self._register(stream)
            await asyncio.shield(stream._registered)
        except asyncio.CancelledError:
            await self._leave(stream)
            raise
        return stream

    async def ping(self) -> None:
        """Wait until the server has processed everything sent before. Raises ConnectionLost."""
        request = self._requests.add({"type": "ping", "id": str(uuid.uuid4())}, again=False)
        try:
            if not await self._send(request.frame):
                raise ConnectionLost("There is no connection now.")
            await request.answer
        finally:
            self._requests.forget(request)

    # --- For the streams ---

    def _is_on(self, stream: Stream) -> bool:
        """Return whether the stream is registered on the current connection."""
        return self._socket is not None and stream._connection == self._connections

    async def _register(self, stream: Stream) -> None:
        await self._send(stream._register_frame())

    async def _ask(self, stream: Stream, frame: dict[str, Any], *, again: bool) -> dict[str, Any]:
        to_text(frame)
        if stream._over is not None:
            raise stream._over
        request = self._requests.add(frame, about=stream.id, again=again)
        try:
            # If it cannot be sent now, `_registered` sends it once the stream is registered on a connection.
            if not (self._is_on(stream) and await self._send(frame)) and not again:
                raise ConnectionLost("There is no connection now.")
            return await request.answer
        finally:
            self._requests.forget(request)

    async def _leave(self, stream: Stream) -> None:
        if self._streams.get(stream.id) is stream:
            self._drop(stream, None)
            await self._send({"type": "unregister", "streamId": stream.id})

    def _drop(self, stream: Stream, error: BacklineError | None) -> None:
        self._streams.pop(stream.id, None)
        stream._end(error)
        self._requests.fail(error or ConnectionLost("The stream was left."), about=stream.id)
        if not self._streams:
            self._some.clear()

    # --- The connection ---

    async def _wanted(self) -> None:
        await self._some.wait()

    async def _begin(self) -> None:
        self._connections += 1
        for stream in list(self._streams.values()):
            await self._register(stream)

    async def _renewed(self) -> None:
        return

    async def _receive(self, raw: str | bytes) -> None:
        if isinstance(raw, bytes):
            frame = read_frame(raw)
            stream = self._streams.get(frame.stream_id)
            if stream is not None and self._is_on(stream):
                stream._offer(frame)
            return
        message: dict[str, Any] = json.loads(raw)
        if await self._common(message):
            return
        stream = self._streams.get(message.get("streamId", ""))
        if message["type"] == "error":
            await self._refused(message)
        elif message["type"] in ("ack", "pong"):
            self._requests.answered(message)
        elif message["type"] == "registered":
            if stream is not None and message.get("id") == stream._registering:
                await self._registered(stream, message)
        elif stream is None or not self._is_on(stream) or message["type"] == "unregistered":
            return  # it belongs to a registration that has ended
        elif message["type"] == "presence":
            stream._offer(read_presence(message))
        else:
            stream._offer(read_message(message))

    async def _registered(self, stream: Stream, message: dict[str, Any]) -> None:
        self._let_in()
        unsent = [] if self._is_on(stream) else self._requests.waiting(stream.id)
        stream._let_in(message, self._connections)
        for request in unsent:
            await self._send(request.frame)

    async def _common(self, message: dict[str, Any]) -> bool:
        if message["type"] == "error" and message.get("id") is None:
            # The log was replaced or pruned meanwhile, and the server has ended the registration.
            stream = self._streams.get(message.get("streamId", ""))
            if stream is not None and message.get("code") in ("EPOCH_MISMATCH", "CURSOR_TOO_OLD"):
                self._drop(stream, refusal(message))
                return True
        return await super()._common(message)

    async def _refused(self, frame: dict[str, Any]) -> None:
        error = refusal(frame)
        request = self._requests.get(frame["id"])
        stream = next((s for s in self._streams.values() if s._registering == frame["id"]), None)
        if error.code in TEMPORARY and (request or stream):
            self._do_beside(self._ask_again(error, request, stream))
        elif stream is not None:
            self._drop(stream, error)
        elif request is not None and not request.answer.done():
            request.answer.set_exception(error)
        elif request is None:
            self._last_error = error  # about `auth`

    async def _ask_again(self, error: Refused, request: Request | None, stream: Stream | None) -> None:
        connection = self._connections
        await asyncio.sleep(max(RETRY_SECONDS, error.data.get("retryAfterMs", 0) / 1000))
        if connection != self._connections:
            return  # it was already repeated on the new connection
        if stream is not None:
            await self._register(stream)
        elif request is not None and not request.answer.done():
            await self._send(request.frame)

    def _lost(self, close_code: int, reason: Refused | None) -> None:
        self._requests.connection_lost()

    def _ended(self, error: BacklineError | None) -> None:
        for stream in list(self._streams.values()):
            self._drop(stream, error)
        self._requests.fail(error or ConnectionLost("The client was closed."))


def _after(frame: Frame, before: Frame) -> Frame:
    """Return `frame` with the count of missed frames after it replaced `before`, which the reader did not take."""
    return Frame(
        frame.type,
        frame.stream_id,
        frame.data,
        frame.payload,
        frame.sender,
        frame.timestamp_ms,
        frame.number,
        frame.missed + before.missed + 1,
    )
