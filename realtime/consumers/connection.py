"""The base of our WebSocket consumers: authentication, expiry and closing, whatever the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import ClassVar, NoReturn

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings
from django.utils.translation import gettext as _

from accounts.domain.sessions import Principal
from accounts.errors import Refusal, TokenExpired, Unauthenticated
from accounts.metrics import count_authentication, count_grace, refusals_counted
from realtime import metrics
from realtime.asgi import Message, Receive, Scope, Send
from realtime.connections import get_connections
from realtime.db import in_thread
from realtime.errors import BadHandshake, Forbidden, NoAccess, RateLimited, TooManyConnections
from realtime.handshake import authenticate_scope, authenticate_token, offered_token, origin_allowed, refusal
from realtime.limits import MAX_REFUSED, Meter
from realtime.upgrade import FAULT, Fault, handshake_fault

log = logging.getLogger(__name__)

INIT_SECONDS = 10.0
EXPIRY_NOTICE_SECONDS = 60.0
SEND_SECONDS = 20.0  # a peer that reads nothing for so long is gone; the hub is stricter with live pulls


class Connection(AsyncConsumer):
    """Accepts or refuses the upgrade, runs the timers of the caller's token, sends one message at a time.

    The subclass handles the messages in `websocket_receive`. It sets `endpoint` (for metrics and logs), and
    `instance` once it serves one.
    """

    # With a channel layer, Channels would pass each of its messages through a thread. The hub delivers instead.
    channel_layer_alias = None
    endpoint: ClassVar[str]

    def __init__(self) -> None:
        self.connection_id = uuid.uuid4().hex
        self.principal: Principal | None = None
        self.instance = ""
        self._meter = Meter()
        self._sending = asyncio.Lock()  # ASGI allows no two sends at once on one socket
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []
        self._forget: Callable[[], None] | None = None
        self._unwatch: Callable[[], None] | None = None
        self._closing = False
        self._closed = False
        self._counted = False

    def __str__(self) -> str:
        return f"connection {self.connection_id} on /{self.endpoint}"

    # --- Opening and closing ---

    async def websocket_connect(self, message: Message) -> None:
        principal, subprotocol = await self._let_in()
        await self.base_send({"type": "websocket.accept", "subprotocol": subprotocol})
        metrics.SOCKETS_OPEN.labels(self.endpoint).inc()
        self._counted = True
        if principal is not None:
            try:
                self._admit(principal)
            except TooManyConnections as error:
                self._close_soon(4429, error)  # on the open socket: browsers hide why an upgrade was refused
        self._later(INIT_SECONDS, self._init_missing)

    @classmethod
    async def refuse(cls, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request that is not a handshake. Missing rights are reported before the malformed request."""
        self = cls()
        self.scope, self.base_send = scope, send
        with contextlib.suppress(StopConsumer):
            await self._let_in()
            fault = (
                scope.get(FAULT)
                or handshake_fault(scope)
                or Fault(426, _("This address only accepts WebSocket connections."), [])
            )
            await self._refuse(BadHandshake(fault.sentence, fault.status), fault.headers)

    async def _let_in(self) -> tuple[Principal | None, str | None]:
        """Return `(principal, subprotocol to answer)`. The principal is None if a message will authenticate later.

        Raises StopConsumer after it has refused the connection.
        """
        try:
            subprotocol = offered_token(self.scope)[1]
            with refusals_counted(self.endpoint):
                principal = await self._identify()
            if not origin_allowed(self.scope):
                raise Forbidden(_("Connections from this origin are not allowed."))
            if self.scope["type"] == "websocket":
                await self._open(principal)
        except Refusal as error:
            await self._refuse(error)
        return principal, subprotocol

    async def _identify(self) -> Principal | None:
        """Return who opens the socket, None if a message will authenticate later. Raises a Refusal."""
        return await in_thread(authenticate_scope)(
            self.scope, grace_seconds=self._grace_seconds, sync_tokens=True
        )

    async def _open(self, principal: Principal | None) -> None:
        """Open what the URL names, before the upgrade. Raises a Refusal."""

    async def _refuse(self, error: Refusal, more: Iterable[tuple[bytes, bytes]] = ()) -> NoReturn:
        metrics.count_rejection(self.endpoint, error.code, self.connection_id)
        if self.scope["type"] == "http":
            more = [*more, (b"connection", b"close")]  # as servers do when they refuse an upgrade
        for message in refusal(self.scope, error.status, error.code, str(error), more):
            await self.base_send(message)
        raise StopConsumer

    async def websocket_disconnect(self, message: Message) -> None:
        self._release()
        raise StopConsumer

    def _release(self) -> None:
        """Stop the tasks and timers, and unregister the socket. Calling it twice is harmless."""
        self._closed = True
        if self._counted:
            self._counted = False
            metrics.SOCKETS_OPEN.labels(self.endpoint).dec()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        self._stop_clocks()
        for forget in (self._forget, self._unwatch):
            if forget:
                forget()
        self._forget = self._unwatch = None

    async def close(self, code: int) -> None:
        if not self._closed:
            self._release()
            metrics.count_close(self.endpoint, code, self.connection_id)
            if not self.instance:
                metrics.count_rejection(self.endpoint, str(code), self.connection_id)
            with contextlib.suppress(OSError):  # the peer went away by itself
                await self.base_send({"type": "websocket.close", "code": code})

    def _close_soon(self, code: int, error: Refusal | None = None) -> None:
        """Close from a callback. If the peer still reads, send the reason first. The first call's reason counts."""
        if self._closing:
            return
        self._closing = True

        async def send_and_close() -> None:
            if error is not None and not self._sending.locked():
                await self.send(self._error_frame(error.code, str(error), None))
            await self.close(code)

        self._start(send_and_close())

    def _start(self, work: Coroutine[object, object, None]) -> None:
        """Run `work` in a task, which is cancelled when the socket closes."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Unexpected error in %s", self, exc_info=error)
            self._close_soon(1011)

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(max(seconds, 0), callback))

    def _init_missing(self) -> None:
        if not self.instance:
            self._close_soon(4408)

    # --- Who it is ---

    @property
    def _grace_seconds(self) -> int:
        return settings.SYNC_GRACE_SECONDS

    async def _authenticate(self, token: str) -> None:
        """Check a token that came in a message. Raises Unauthenticated, or NoAccess if it is another user's."""
        with refusals_counted(self.endpoint):
            principal = await in_thread(authenticate_token)(
                token, grace_seconds=self._grace_seconds, sync_tokens=True
            )
            self._check_token(principal)
        known = self.principal
        if known is not None and known.session is not None and known.user.pk != principal.user.pk:
            raise NoAccess(_("This connection belongs to another user."))
        self._admit(principal)

    def _check_token(self, principal: Principal) -> None:
        """Raises TokenInvalid or NoAccess for a valid token that is not for this connection."""

    def _admit(self, principal: Principal) -> None:
        """Admit a caller, or its renewed token. Call `_serve` afterwards, when the peer has its answer.

        Raises TooManyConnections.
        """
        if self._forget:
            self._forget()
            self._forget = None
        before, self.principal = self.principal, principal
        count_authentication(self.endpoint, self.auth)
        if self.auth == "grace":
            self._count_grace()
        if principal.session is not None:
            self._meter.belongs_to(principal.user.pk)  # anonymous callers all share one user
            self._forget = get_connections().add(principal.session, self._ended)
        if before is None or before.session != principal.session:
            session = principal.session.pk if principal.session else None
            metrics.log_acceptance(self.endpoint, self.connection_id, user=principal.user.pk, session=session)

    def _count_grace(self) -> None:
        assert self.principal is not None
        count_grace(self.endpoint, self.principal.user.pk)

    def _serve(self, instance: str) -> None:
        """Serve the instance while the token and the rights last. Calling it again restarts the timers."""
        assert self.principal is not None
        if self._unwatch:
            self._unwatch()
        self.instance = instance
        self._unwatch = get_connections().watch(instance, self.principal.user.pk, self._access_lost)
        self._set_clocks(self.principal)

    def _stop_clocks(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _set_clocks(self, principal: Principal) -> None:
        self._stop_clocks()
        if principal.expires_at is not None:
            left = (principal.expires_at - datetime.now(UTC)).total_seconds()
            over = left + settings.TOKEN_LEEWAY_SECONDS
            grace = settings.SYNC_GRACE_SECONDS if principal.store is None else 0
            if self.auth != "grace":  # a caller admitted in grace was notified and counted already
                self._later(left - EXPIRY_NOTICE_SECONDS, self._expiring)
                if grace:
                    self._later(over, self._in_grace)
            self._later(over + grace, self._expired)

    @property
    def auth(self) -> str:
        """`valid`, `grace` or `anonymous`, as of now."""
        principal = self.principal
        if principal is not None and principal.session is None:
            return "anonymous"
        if principal is None or principal.expires_at is None:
            return "valid"
        leeway = timedelta(seconds=settings.TOKEN_LEEWAY_SECONDS)
        return "grace" if datetime.now(UTC) >= principal.expires_at + leeway else "valid"

    def _expiring(self) -> None:
        """The token is about to expire. A subclass may notify the client."""

    def _in_grace(self) -> None:
        """The token expired while the socket was open."""
        self._count_grace()

    def _expired(self) -> None:
        self._close_soon(4401, TokenExpired())

    def _ended(self, reason: Unauthenticated) -> None:
        self._close_soon(4401, reason)

    def _access_lost(self) -> None:
        self._close_soon(4403, Forbidden(_("You no longer have access to this.")))

    # --- Messages ---

    def _count_message(self, message: Message) -> None:
        """Raises RateLimited, with close code 4429 once more than MAX_REFUSED messages were refused."""
        wait = self._meter.charge(len(message.get("text") or message.get("bytes") or b""))
        if wait:
            error = RateLimited(retryAfterMs=int(wait * 1000) + 1)
            if self._meter.refused > MAX_REFUSED:
                error.close_code = 4429
            raise error

    async def send(self, frame: dict[str, object]) -> None:
        await self.send_text(json.dumps(frame, separators=(",", ":")))

    async def send_text(self, text: str) -> None:
        """Send after earlier messages have been written. A peer that does not read is disconnected."""
        if self._closed:
            return
        try:
            async with asyncio.timeout(SEND_SECONDS), self._sending:
                await self.base_send({"type": "websocket.send", "text": text})
        except TimeoutError:
            self._close_soon(4490)
        except OSError:  # the peer went away; `websocket.disconnect` follows
            self._release()

    def _send_soon(self, frame: dict[str, object]) -> None:
        """Send from a callback."""
        self._start(self.send(frame))

    @staticmethod
    def _error_frame(code: str, detail: str, frame_id: object, **data: object) -> dict[str, object]:
        return {"type": "error", "id": frame_id, "code": code, "detail": detail, **data}


def milliseconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp() * 1000) if moment else None
