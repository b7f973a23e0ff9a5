"""Relay live messages of streams between processes, over the channel layer. Without Redis there is only one process.

A process joins the layer's group of each stream that one of its sockets is on. The send queue is bounded: it has the
newest frame of each type and the newest thousand other messages. All of these may be lost. Durable messages do not use
the relay.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from functools import cache
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

from realtime.outages import log_failure
from streams import pictures
from streams.live import LiveStream

log = logging.getLogger(__name__)

type _Message = dict[str, Any]  # as the channel layer packs it

MAX_WAITING = 1_000
JOIN_SECONDS = 2.0
AGAIN_SECONDS = 1.0


@cache
def this_process() -> str:
    """Return a random name for this process. Not a constant, because workers are forked after the imports."""
    return uuid.uuid4().hex


def _group(stream_id: str) -> str:
    return f"backline.stream.{stream_id}"


class Relay:
    """Sends and receives for this process. `streams`: those that its sockets are on.

    `on_presence(stream_id)` is called when another process has changed the presence of a stream.
    """

    def __init__(self, streams: Mapping[str, LiveStream], *, on_presence: Callable[[str], None]) -> None:
        self._streams = streams
        self._on_presence = on_presence
        self._messages: deque[tuple[str, _Message]] = deque(maxlen=MAX_WAITING)
        self._frames: dict[tuple[str, str], _Message] = {}
        self._something = asyncio.Event()
        self._channel: str | None = None
        self._joined: set[str] = set()
        self._moves = asyncio.Lock()  # joining and leaving, one at a time
        self._tasks: set[asyncio.Task[None]] = set()
        if settings.REDIS_URL:
            self._start(self._run_sending())
            self._start(self._run_receiving())

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work, name="streams relay")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- Receiving ---

    async def join(self, stream_id: str) -> None:
        """Receive a stream from now on. If the layer does not answer in time, the receiving task joins later."""
        if not settings.REDIS_URL or stream_id in self._joined:
            return
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await self._move()
        except Exception as error:
            log_failure(log, error, "Could not receive stream %s from other processes yet", stream_id)

    def leave(self, stream_id: str) -> None:
        if settings.REDIS_URL:
            self._start(self._leave(stream_id))

    async def _leave(self, stream_id: str) -> None:
        try:
            await self._move()
        except Exception as error:
            log_failure(log, error, "Could not stop receiving stream %s from other processes", stream_id)

    async def _move(self) -> None:
        """Join and leave groups so that they match `streams`."""
        async with self._moves:
            if self._channel is None:
                return  # the receiving task calls this once it has a channel
            layer = get_channel_layer()
            for stream_id in self._joined - self._streams.keys():
                await layer.group_discard(_group(stream_id), self._channel)
                self._joined.discard(stream_id)
            for stream_id in self._streams.keys() - self._joined:
                await layer.group_add(_group(stream_id), self._channel)
                self._joined.add(stream_id)

    async def _run_receiving(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                self._channel = await layer.new_channel("streams")
                self._joined.clear()
                await self._move()
                while True:
                    self._hear(await layer.receive(self._channel))
            except Exception as error:
                log_failure(log, error, "Could not receive streams from other processes, retrying")
                self._channel = None
                await asyncio.sleep(AGAIN_SECONDS)

    def _hear(self, message: _Message) -> None:
        live = self._streams.get(message["stream"])
        if live is None or message["process"] == this_process():
            return
        if message["type"] == "frame":
            payload = memoryview(message["payload"])
            pictures.keep(live.id, payload)  # a consumer here may raise an alert about it
            live.show(message["of"], message["stamped"], payload, missed=message["missed"])
        elif message["type"] == "text":
            live.deliver(message["of"], message["stamped"])
        elif message["type"] == "presence":
            self._on_presence(live.id)

    # --- Sending ---

    def send_frame(self, stream_id: str, type_: str, stamped: bytes, payload: memoryview) -> None:
        if settings.REDIS_URL:
            unsent = self._frames.get((stream_id, type_))
            self._frames[stream_id, type_] = {
                "type": "frame", "of": type_, "stamped": stamped, "payload": payload,
                "missed": unsent["missed"] + 1 if unsent else 0,
            }  # fmt: skip
            self._something.set()

    def send_text(self, stream_id: str, type_: str, stamped: bytes) -> None:
        self._send(stream_id, {"type": "text", "of": type_, "stamped": stamped})

    def announce_presence(self, stream_id: str) -> None:
        """Tell other processes that this one changed the presence of a stream."""
        self._send(stream_id, {"type": "presence"})

    def _send(self, stream_id: str, message: _Message) -> None:
        if settings.REDIS_URL:
            self._messages.append((stream_id, message))
            self._something.set()

    async def _run_sending(self) -> None:
        layer = get_channel_layer()
        while True:
            await self._something.wait()
            self._something.clear()
            try:
                while self._messages or self._frames:
                    if self._messages:
                        stream_id, message = self._messages.popleft()
                    else:
                        key = next(iter(self._frames))
                        stream_id, message = key[0], self._frames.pop(key)
                        message["payload"] = bytes(message["payload"])
                    await layer.group_send(
                        _group(stream_id), {**message, "stream": stream_id, "process": this_process()}
                    )
            except Exception as error:
                log_failure(log, error, "Could not send a message of stream %s to other processes", stream_id)
                await asyncio.sleep(AGAIN_SECONDS)
