"""A server's WebSocket that one task reads and any task may close."""

import asyncio

from aiohttp import WSMessage, web

CLOSE_SECONDS = 0.3  # how long to wait for a client's close frame; nextcord never sends one
MAX_MESSAGE_BYTES = 64 * 1024


class CloseRequested(Exception):
    """Another task wants the socket closed with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ClientSocket:
    """Wraps aiohttp's WebSocket so that the reading task closes it.

    When another task closes it, aiohttp drops the connection as soon as the handler returns, before the client
    has responded. A client that has not read the close code yet then gets a broken connection (1006) instead.
    """

    def __init__(self) -> None:
        self.response = web.WebSocketResponse(timeout=CLOSE_SECONDS, max_msg_size=MAX_MESSAGE_BYTES)
        self._request: web.Request | None = None
        self._requested_code: int | None = None
        self._reading: asyncio.Timeout | None = None
        self._gone = asyncio.Event()

    @property
    def close_code(self) -> int | None:
        return self.response.close_code

    async def open(self, request: web.Request) -> None:
        self._request = request
        await self.response.prepare(request)

    async def receive(self, *, deadline: float) -> WSMessage:
        """Return the next message. Raises: CloseRequested; TimeoutError after `deadline` (the loop's time)."""
        if self._requested_code is not None:
            raise CloseRequested(self._requested_code)
        try:
            async with asyncio.timeout_at(deadline) as self._reading:
                return await self.response.receive()
        except TimeoutError:
            if self._requested_code is None:
                raise
            raise CloseRequested(self._requested_code) from None
        finally:
            self._reading = None

    async def send(self, message: str | bytes) -> None:
        """Raises: ConnectionError when the socket is closing."""
        if isinstance(message, str):
            await self.response.send_str(message)
        else:
            await self.response.send_bytes(message)

    async def finish(self, code: int, reason: str = "") -> None:
        """Close the socket. Call it from the reading task."""
        await self.response.close(code=code, message=reason.encode())

    def leave(self) -> None:
        """Mark the socket as finished, so that `close` returns. Call it at the end of the reading task."""
        self._gone.set()

    async def close(self, code: int) -> None:
        """Close the socket from any other task, and wait until it is closed. After a timeout it is aborted."""
        if self._requested_code is None:
            self._requested_code = code
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(2 * CLOSE_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            # A client that does not read can block the reading task in a send indefinitely.
            if self._request is not None and self._request.transport is not None:
                self._request.transport.abort()
