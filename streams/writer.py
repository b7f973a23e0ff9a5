"""Write to one socket of `/ws`: messages in order, then the newest frames of each stream.

A frame is chosen only when the socket can take it. So while the socket is busy, newer frames replace waiting ones.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable

from realtime.asgi import Scope, Send
from realtime.preframed import frame_writer, until_writable
from streams import frames
from streams.live import Registration
from streams.registrations import Registrations

log = logging.getLogger(__name__)

MAX_WAITING_BYTES = 1_000_000
MAX_WAITING_MESSAGES = 1_000
STALL_SECONDS = 20.0


class Writer:
    """The sender of one socket, which is called `name` in log messages.

    `registrations` are the socket's own, by stream. `too_slow` is called when the socket reads too slowly.
    """

    def __init__(
        self,
        scope: Scope,
        send: Send,
        registrations: Registrations,
        too_slow: Callable[[], None],
        *,
        name: str,
    ) -> None:
        self._name = name
        self._send = send
        self._write, self._until_writable = frame_writer(scope), until_writable(scope)
        self._registrations = registrations
        self._too_slow = too_slow
        self._outbox: deque[bytes] = deque()  # encoded messages; frames wait in their registration's slots
        self._outbox_bytes = 0
        self._written = 0
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self._emptied = asyncio.Event()
        self._emptied.set()

    def queue(self, message: bytes) -> None:
        """Send a ready WebSocket frame after those queued before."""
        if self._closed:
            return
        self._outbox.append(message)
        self._outbox_bytes += len(message)
        self._emptied.clear()
        self.pump()
        if self._outbox_bytes > MAX_WAITING_BYTES or len(self._outbox) > MAX_WAITING_MESSAGES:
            self._too_slow()

    def queue_batch(self, messages: Iterable[bytes]) -> Coroutine[object, object, None] | None:
        """Send messages that the caller can hold back. Returns None when the socket took them at once.

        Otherwise returns a coroutine that ends when they are written. Only one batch is in the outbox at a time: the
        batches of many logs that resume together would exceed its limit.
        """
        if self.busy:
            return self._queue_in_turn(messages)
        self._queue_all(messages)
        return self.until_written() if self.busy else None

    async def _queue_in_turn(self, messages: Iterable[bytes]) -> None:
        while self.busy:
            await self._emptied.wait()
        self._queue_all(messages)
        await self._emptied.wait()

    def _queue_all(self, messages: Iterable[bytes]) -> None:
        for message in messages:
            self.queue(message)

    def pump(self) -> None:
        """Send as much as the socket accepts now, and the rest in a task."""
        if self._closed or self._task is not None or self._write_now():
            return
        self._task = asyncio.create_task(self._write_later())
        self._task.add_done_callback(self._done)

    async def until_written(self) -> None:
        """Return when the outbox is empty, or when the writer is closed.

        Frames may still be waiting. Waiting for them might never end, because newer ones keep arriving.
        """
        await self._emptied.wait()

    @property
    def busy(self) -> bool:
        return bool(self._outbox)

    def close(self) -> None:
        """Drop everything that waits. Calling it twice is harmless."""
        self._end()
        if self._task is not None:
            self._task.cancel()

    def _end(self) -> None:
        self._closed = True
        self._outbox.clear()
        self._emptied.set()

    def _write_now(self) -> bool:
        """Write until the socket accepts no more. Returns whether everything was written."""
        while (due := self._next()) is not None:
            message, registration, type_ = due
            if self._write is None or not self._write(message):
                return False
            self._took(registration, type_)
            if registration is None:
                self._look_if_emptied()
        return True

    def _look_if_emptied(self) -> None:
        if not self._outbox:
            self._emptied.set()

    def _next(self) -> tuple[bytes, Registration | None, str] | None:
        """Return what to send next: queued messages first, then the streams' frames in turn, with their type."""
        if self._outbox:
            return self._outbox[0], None, ""
        for registration in self._registrations.values():
            if (frame := registration.peek()) is not None:
                type_, message = frame
                return message, registration, type_
        return None

    def _took(self, registration: Registration | None, type_: str) -> None:
        """Note that what `_next` returned was sent."""
        self._written += 1
        if registration is None:
            self._outbox_bytes -= len(self._outbox.popleft())
            return
        registration.sent(type_)
        if len(self._registrations) > 1:
            self._registrations.let_others_go_first(registration.stream.id)

    async def _write_later(self) -> None:
        async with asyncio.timeout(STALL_SECONDS) as patience:
            while (due := self._next()) is not None:
                if self._until_writable is None:  # a server that does its own framing
                    self._took(*due[1:])
                    await self._send(frames.unframed(due[0]))
                    self._look_if_emptied()
                else:
                    before = self._written
                    await self._until_writable()
                    if not self._write_now() and self._written == before:
                        self._end()  # the peer went away; `websocket.disconnect` follows
                        return
                patience.reschedule(asyncio.get_running_loop().time() + STALL_SECONDS)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self.pump()  # more may have been queued meanwhile
            return
        self._end()
        if isinstance(error, TimeoutError):
            self._too_slow()
        elif not isinstance(error, OSError):  # OSError: the peer went away
            log.error("Unexpected error in the writer of %s", self._name, exc_info=error)
