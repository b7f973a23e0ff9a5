"""A WebSocket to one endpoint, reopened whenever it is lost."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from backline_client.backoff import Backoff
from backline_client.errors import BacklineError, Refused, Unreachable, refusal
from backline_client.frames import to_json
from backline_client.tokens import Token, fetch

log = logging.getLogger("backline_client")

OPEN_SECONDS = 10.0
PING_SECONDS = 15.0  # a dead network is detected after at most twice this time
CLOSE_SECONDS = 2.0
MAX_MESSAGE_BYTES = 16_000_000
WITHOUT_PROXY = {"127.0.0.1", "::1", "localhost"}  # HTTP_PROXY is for the outside world, not for this machine
GOOD_AFTER_SECONDS = 5.0  # after a connection that lasted this long, the backoff starts again at its base
# The shortest delay, even if the server asks for a shorter one. The server's delay is for one message. If all pending
# messages were sent again that soon, they would exceed the limit again.
RETRY_SECONDS = 1.0

# Codes of refusals after which a retry may succeed.
TEMPORARY = {"RATE_LIMITED", "UNAVAILABLE"}
UNAUTHENTICATED = 4401
CLOSED = {
    4400: "The server could not read a message of this client.",
    4401: "The token is no longer valid.",
    4403: "You do not have access.",
    4404: "Not found.",
    4413: "A message was too large.",
}


class Link(ABC):
    """Base of both clients. Subclasses send their first messages in `_begin` and handle messages in `_receive`.

    Everything runs on one event loop. `url` is the server's, `http(s)://` or `ws(s)://`.
    """

    path: str
    final_closes: frozenset[int]

    def __init__(self, url: str, token: Token, *, backoff: Backoff = Backoff()) -> None:  # noqa: B008 (frozen)
        self._address = socket_url(url, self.path)
        self._token = token
        self._backoff = backoff
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[None]] = set()
        self._renewing = False  # a new token is being sent; ends with the server's `authed`
        self._ready = False  # the server has accepted this connection
        self._expired_before = False
        self._last_error: Refused | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection and end everything that waits for it. Safe to call twice."""
        tasks = [task for task in (self._task, *self._beside) if task is not None]
        self._task = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._ended(None)

    # --- For subclasses ---

    @abstractmethod
    async def _begin(self) -> None:
        """Send the first messages on a new connection."""

    @abstractmethod
    async def _receive(self, raw: str | bytes) -> None:
        """Handle a message from the server."""

    @abstractmethod
    async def _renewed(self) -> None:
        """Called when the server has accepted a new token on the open connection."""

    @abstractmethod
    def _lost(self, close_code: int, reason: Refused | None) -> None:
        """Called when the connection is lost, before reconnecting. `reason` is the server's last error, if any."""

    @abstractmethod
    def _ended(self, error: BacklineError | None) -> None:
        """Called when there will be no more connections: after an error, or because the client was closed."""

    @abstractmethod
    async def _wanted(self) -> None:
        """Return as soon as a connection is needed."""

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"backline {self.path}")

    def _let_in(self) -> None:
        self._ready = True
        self._expired_before = False

    async def _write(self, data: str | bytes) -> bool:
        """Send data. Returns False when there is no connection."""
        if self._socket is None:
            return False
        try:
            await self._socket.send(data)
        except ConnectionClosed:  # `_run` gets the same exception and reconnects
            return False
        return True

    async def _send(self, frame: dict[str, Any]) -> bool:
        return await self._write(to_json(frame))

    def _do_beside(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _renew(self) -> None:
        """Send the server a new token, if the client can get one."""
        if isinstance(self._token, str):
            log.warning("The token is about to expire, and no function was given that returns a new one.")
        elif not self._renewing:
            self._renewing = True
            self._do_beside(self._send_new_token())

    async def _send_new_token(self) -> None:
        socket, failures = self._socket, 0
        while socket is not None and socket is self._socket:
            try:
                token = await fetch(self._token)
            except OSError as error:  # the old token may still be valid when the network is back
                failures += 1
                log.warning("Could not get a new token, retrying: %r", error)
                await asyncio.sleep(self._backoff.delay(failures))
            except Exception as error:
                log.warning("Could not get a new token: %r", error)
                await socket.close()  # `_open` calls the function again; if that fails too, the client ends
            else:
                if socket is self._socket:
                    await self._send({"type": "auth", "id": "auth", "authToken": token})
                return

    async def _common(self, frame: dict[str, Any]) -> bool:
        """Handle a message that all endpoints have. Returns whether it was one."""
        if frame["type"] == "notice":
            if frame.get("code") == "TOKEN_EXPIRING":
                self._renew()
            return True
        if frame["type"] == "authed":
            self._renewing = False
            await self._renewed()
            return True
        if frame["type"] == "error" and frame.get("id") is None:
            self._last_error = refusal(frame)
            log.warning("The server sent an error: %s", self._last_error)
            return True
        return False

    # --- The connection ---

    async def _run(self) -> None:
        failures = 0
        try:
            while True:
                await self._wanted()
                opened = time.monotonic()
                try:
                    why, retry_after = await self._live(), 0.0
                except Unreachable as error:
                    why, retry_after = str(error), error.retry_after
                good = self._ready and time.monotonic() - opened > GOOD_AFTER_SECONDS
                failures = 1 if good else failures + 1
                wait = max(self._backoff.delay(failures), retry_after)
                log.warning("%s Retrying in %.1f s.", why, wait)
                await asyncio.sleep(wait)
        except asyncio.CancelledError:
            raise
        except BacklineError as error:
            self._ended(error)
        except Exception as error:
            # An error of the token function, or a server with another protocol: pass it to the callers that wait.
            ended = BacklineError(f"{type(error).__name__}: {error}")
            ended.__cause__ = error
            self._ended(ended)

    async def _live(self) -> str:
        """Open one connection and handle its messages until it ends. Returns why it ended.

        Raises Unreachable, or Refused when a new connection would not help.
        """
        self._ready, self._renewing, self._last_error = False, False, None
        socket = await self._open()
        log.info("Connected to %s.", self._address)
        self._socket = socket
        try:
            await self._begin()
            while True:
                await self._receive(await socket.recv())
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
        finally:
            self._socket = None
            await socket.close()
        reason = self._last_error
        final = code in self.final_closes or (code == UNAUTHENTICATED and not self._ready)
        if final:
            raise reason or Refused(f"CLOSED_{code}", CLOSED[code])
        self._lost(code, reason)
        return f"The connection was lost ({reason or code})."

    async def _open(self) -> ClientConnection:
        """Open a WebSocket. Raises Unreachable or Refused."""
        try:
            token = await fetch(self._token)
            return await connect(
                self._address,
                proxy=None if urlsplit(self._address).hostname in WITHOUT_PROXY else True,
                additional_headers={"Authorization": f"Bearer {token}"} if token else None,
                compression=None,  # the server has it off: it costs CPU time, and images are already compressed
                open_timeout=OPEN_SECONDS,
                ping_interval=PING_SECONDS,
                ping_timeout=PING_SECONDS,
                close_timeout=CLOSE_SECONDS,
                max_size=MAX_MESSAGE_BYTES,
            )
        except InvalidStatus as error:
            raise self._refused_upgrade(error) from error
        except InvalidURI as error:
            raise Refused("BAD_URL", str(error)) from error
        except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"Cannot reach {self._address}: {reason}.") from error

    def _refused_upgrade(self, error: InvalidStatus) -> BacklineError:
        response = error.response
        status = response.status_code
        try:
            body = json.loads(response.body or b"")
            refused = refusal(body if isinstance(body, dict) else {})
        except ValueError:
            refused = Refused(f"HTTP_{status}", f"{self._address} answered with HTTP {status}.")
        if status == 429 or status >= 500:
            after = response.headers.get("Retry-After", "")
            return Unreachable(str(refused), float(after) if after.isdigit() else 0.0)
        if refused.code == "TOKEN_EXPIRED" and not isinstance(self._token, str) and not self._expired_before:
            self._expired_before = True  # it expired in transit or in a cache: get a new one, once
            return Unreachable(str(refused))
        return refused


def socket_url(url: str, path: str) -> str:
    """Return the WebSocket URL of an endpoint. Raises ValueError."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise ValueError(f"{url!r} is not a URL such as http://127.0.0.1:1337")
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + path, "", ""))
