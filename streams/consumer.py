"""`/ws`: live streams between devices and services. docs/protocol.md describes the messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime

import orjson
from channels.exceptions import StopConsumer
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from accounts.domain.sessions import Principal
from accounts.errors import AuthRequired, Refusal, TokenInvalid
from accounts.metrics import refresh_counted
from realtime.asgi import Message, Receive, Scope, Send
from realtime.consumers.connection import EXPIRY_NOTICE_SECONDS, Connection, milliseconds
from realtime.db import in_thread
from realtime.errors import EpochMismatch, NoAccess, RateLimited, StoreNotFound
from realtime.hub import Batch, Subscription, get_hub
from realtime.limits import MAX_REFUSED
from realtime.models import Via
from realtime.origin import Origin
from realtime.preframed import listen
from streams import frames, pictures
from streams.domain.alerts import write_alert
from streams.errors import InvalidMessage
from streams.limits import FrameMeter
from streams.live import LiveStream, Registration
from streams.models import RESERVED_TYPES
from streams.register import read_request, stream_id_field
from streams.registrations import Registrations
from streams.switchboard import get_switchboard, milliseconds_now, sender
from streams.writer import Writer

log = logging.getLogger(__name__)

AFTER_EXPIRY_SECONDS = 60.0
MAX_REGISTRATIONS = 32
MAX_ACK_BYTES = 256
LAST_WORD_SECONDS = 0.2


class StreamConsumer(Connection):
    endpoint = "ws"

    def __init__(self) -> None:
        super().__init__()
        self.user_id = 0
        self._registrations = Registrations()
        self._subscriptions: dict[str, Subscription] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Not with Channels' dispatch, which uses a thread for each message: there are many acknowledgements.
        self.scope, self.base_send = scope, send
        self._writer = Writer(
            scope, send, self._registrations, lambda: self._close_soon(4490), name=str(self)
        )
        listen(scope, self._hear)
        handlers = {
            "websocket.connect": self.websocket_connect,
            "websocket.receive": self.websocket_receive,
            "websocket.disconnect": self.websocket_disconnect,
        }
        try:
            while True:
                message = await receive()
                await handlers[message["type"]](message)
        except StopConsumer:
            return
        finally:
            self._release()

    # --- Opening and closing ---

    async def _identify(self) -> Principal:
        principal = await super()._identify()
        if principal is None:
            raise AuthRequired
        self._check_token(principal)
        return principal

    def _release(self) -> None:
        super()._release()
        for stream_id in list(self._registrations):
            self._unregister(stream_id)
        self._writer.close()

    async def close(self, code: int) -> None:
        """Stop sending frames, and wait until the queued reason is written if the peer still reads."""
        if not self._closed:
            for stream_id in list(self._registrations):
                self._unregister(stream_id)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD_SECONDS):
                    await self._writer.until_written()
        await super().close(code)

    # --- Who it is ---

    @property
    def _grace_seconds(self) -> int:
        return 0

    def _check_token(self, principal: Principal) -> None:
        if principal.store is None:
            return
        if not principal.store.startswith("stream:"):
            raise TokenInvalid
        if any(each.stream.log != principal.store for each in self._registrations.values()):
            raise NoAccess(_("The token is for another stream."))

    def _admit(self, principal: Principal) -> None:
        if self.user_id != principal.user.pk:
            self.user_id = principal.user.pk
            self._frame_meter = FrameMeter(self.user_id)
        super()._admit(principal)
        self._set_clocks(principal)

    def _serve(self, instance: str) -> None:
        """Only note the instance: a connection has many streams, and the switchboard watches their rights."""
        self.instance = instance

    def _set_clocks(self, principal: Principal) -> None:
        self._stop_clocks()
        if principal.expires_at is not None:
            left = (principal.expires_at - datetime.now(UTC)).total_seconds()
            self._later(left - EXPIRY_NOTICE_SECONDS, self._expiring)
            self._later(left + AFTER_EXPIRY_SECONDS, self._expired)

    def _expiring(self) -> None:
        assert self.principal is not None
        expires_at = milliseconds(self.principal.expires_at)
        self._send_soon({"type": "notice", "code": "TOKEN_EXPIRING", "expiresAt": expires_at})

    async def _renew(self, message: frames.ClientMessage) -> None:
        token = message.get("authToken")
        if not isinstance(token, str):
            raise InvalidMessage(_("`authToken` must be a string."))
        with refresh_counted(self.endpoint):
            await self._authenticate(token)
        assert self.principal is not None
        expires_at = milliseconds(self.principal.expires_at)
        self._send_soon({"type": "authed", "id": message.get("id"), "expiresAt": expires_at})

    def lost(self, error: Exception) -> None:
        """Close, because a registration lost its right or its stream."""
        assert isinstance(error, Refusal)
        assert error.close_code is not None
        self._close_soon(error.close_code, error)

    # --- What comes in ---

    async def websocket_receive(self, message: Message) -> None:
        if self._closed or self._closing:
            return
        received: frames.ClientMessage = {}
        try:
            if message.get("bytes") is not None:
                self._receive_frame(message["bytes"])
                return
            try:
                received = frames.decode_text(message["text"])
            except InvalidMessage:
                self._count_message(message)
                raise
            if received["type"] == "ack" and self._acknowledge(received):
                return  # not counted: there cannot be more of these than frames we sent
            self._count_message(message)
            await self._handle(received)
        except Refusal as error:
            self._send_error_soon(error, received)
            gone = isinstance(error, StoreNotFound) and self._registrations  # keep the other streams open
            if error.close_code is not None and not gone:
                await self.close(error.close_code)
        except (OperationalError, InterfaceError) as error:
            log.warning("Database unavailable for %s: %r", self, error)
            self._send_soon(
                self._error_frame("UNAVAILABLE", _("The database is not responding."), received.get("id"))
            )
        except Exception:
            log.exception("Unexpected error in %s", self)
            detail = _("Something went wrong on our side.")
            self._send_soon(self._error_frame("INTERNAL_ERROR", detail, received.get("id")))

    async def _handle(self, message: frames.ClientMessage) -> None:
        kind = message["type"]
        if (handler := _HANDLERS.get(kind)) is not None:
            await handler(self, message)
        elif kind in RESERVED_TYPES:
            raise InvalidMessage(_("`%(type)s` cannot be sent by clients.") % {"type": kind})
        else:
            await self._publish(message)

    async def _ping(self, message: frames.ClientMessage) -> None:
        self._send_soon({"type": "pong", "id": message.get("id"), "timestamp": milliseconds_now()})

    async def _ack(self, message: frames.ClientMessage) -> None:
        """Ignore an acknowledgement of a frame that was sent without credit or was acknowledged before."""

    # --- Registrations ---

    async def _register(self, message: frames.ClientMessage) -> None:
        assert self.principal is not None
        request = read_request(message)
        if len(self._registrations) >= MAX_REGISTRATIONS and request.stream_id not in self._registrations:
            raise InvalidMessage(
                _("A connection may register at most %(limit)s streams.") % {"limit": MAX_REGISTRATIONS}
            )
        granted = await get_switchboard().registering.ask((self.principal, request))
        self._unregister(request.stream_id)

        live = await get_switchboard().open(granted.stream)
        if self._closed:
            return
        registration = Registration(live, self, request, granted)
        get_switchboard().enter(registration)
        self._registrations[live.id] = registration
        self._serve(live.log)
        answer = {
            "type": "registered",
            "id": message.get("id"),
            "streamId": request.stream_id,
            "connectionId": self.connection_id,
            "userId": str(self.user_id),
            "epoch": granted.epoch,
            "head": granted.head,
        }
        if self.auth == "anonymous":
            answer["warning"] = {"code": "AUTH_DISABLED"}
        self._send_soon(answer)
        if request.since is not None:
            self._follow(registration)  # the log may have messages from when other types were durable
        else:
            self._follow_durable(registration)

    async def _leave(self, message: frames.ClientMessage) -> None:
        stream_id = stream_id_field(message)
        self._unregister(stream_id)
        self._send_soon({"type": "unregistered", "id": message.get("id"), "streamId": stream_id})

    def _unregister(self, stream_id: str) -> None:
        if subscription := self._subscriptions.pop(stream_id, None):
            subscription.close()
        if registration := self._registrations.pop(stream_id, None):
            get_switchboard().leave(registration)

    def durable_changed(self, registration: Registration) -> None:
        live = registration.stream
        types = sorted(live.durable)
        self._send_soon(
            {"type": "notice", "code": "DURABLE_TYPES", "streamId": live.id, "durableTypes": types}
        )
        self._follow_durable(registration)

    def _follow_durable(self, registration: Registration) -> None:
        live = registration.stream
        if registration.consumes & live.durable and live.id not in self._subscriptions:
            self._follow(registration)

    def _follow(self, registration: Registration) -> None:
        """Deliver the durable messages after `cursor`, then each new one."""
        live = registration.stream

        def encode(batch: Batch) -> list[tuple[str, int, bytes]]:
            return [frames.durable_message(event, live.id) for event in batch.events]

        def deliver(batch: Batch) -> Coroutine[object, object, None] | None:
            messages = batch.shared("ws", encode)
            return self._writer.queue_batch(m for type_, _, m in messages if type_ in registration.consumes)

        def lost(reason: str) -> None:
            if reason == "slow":
                self._close_soon(4490)
                return
            self._unregister(live.id)
            self._send_soon(
                self._error_frame(EpochMismatch.code, str(EpochMismatch.sentence), None, streamId=live.id)
            )

        self._subscriptions[live.id] = get_hub().subscribe(
            live.log,
            epoch=registration.epoch,
            head=registration.head,
            cursor=registration.cursor,
            send=deliver,
            on_lost=lost,
        )

    # --- Messages and frames ---

    async def _publish(self, message: frames.ClientMessage) -> None:
        type_, message_id = message["type"], frames.message_id(message)
        live = self._registrations.publishing(type_, message.get("streamId")).stream
        stamped = frames.stamp(type_, live.id, message, **sender(self), timestamp=milliseconds_now())
        answer: dict[str, object] = {"type": "ack", "id": message_id, "streamId": live.id}
        if type_ in live.durable:
            answer["seq"] = await self._publish_durable(live, type_, message)
        else:
            get_switchboard().publish(live, type_, stamped)
        if message_id is not None:
            self._send_soon(answer)

    async def _publish_durable(self, live: LiveStream, type_: str, message: frames.ClientMessage) -> int:
        assert self.principal is not None
        origin = Origin(
            user=self.principal.user,
            via=Via.SYNC,
            auth=self.auth,
            connection_id=self.connection_id,
            command_id=message.get("id") or "",
        )

        def write() -> int:
            picture = pictures.newest_for_alert(live.id)
            return write_alert(live.id, type_, frames.own_fields(message), origin=origin, picture=picture)

        return await in_thread(write)()

    def _receive_frame(self, data: bytes) -> None:
        if wait := self._frame_meter.charge(len(data)):
            error = RateLimited(
                _("Too many frames. This one was dropped."), retryAfterMs=int(wait * 1000) + 1
            )
            if self._frame_meter.refused > MAX_REFUSED:
                error.close_code = 4429
            raise error
        frame = frames.decode_binary(data)
        live = self._registrations.publishing(frame.type, frame.stream_id).stream
        if frame.type in live.durable:
            raise InvalidMessage(
                _("`%(type)s` is kept in the log, so it must be JSON.") % {"type": frame.type}
            )
        stamped = frames.stamp(
            frame.type, live.id, frame.header, **sender(self), timestamp=milliseconds_now()
        )
        get_switchboard().publish_frame(live, frame.type, stamped, frame.payload)

    def _hear(self, text: bytes) -> bool:
        """Handle an acknowledgement without a task, which would take several times as long as the work itself."""
        if self._closed or len(text) > MAX_ACK_BYTES or b'"ack"' not in text:
            return False
        try:
            received = orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        return isinstance(received, dict) and received.get("type") == "ack" and self._acknowledge(received)

    def _acknowledge(self, message: frames.ClientMessage) -> bool:
        """Return credit to a consumer for the frames it has shown. Returns False if none were unacknowledged."""
        if not self._registrations.acknowledge(message.get("frame"), message.get("streamId")):
            return False
        self.pump()
        return True

    # --- What goes out ---

    def queue(self, message: bytes) -> None:
        self._writer.queue(message)

    def pump(self) -> None:
        self._writer.pump()

    async def send_text(self, text: str) -> None:
        self.queue(frames.text_message(text.encode()))

    def _send_soon(self, frame: dict[str, object]) -> None:
        """Queue a message at once, without a task, because a close may follow."""
        if frame.get("id") is None:
            frame.pop("id", None)
        self.queue(frames.text_message(orjson.dumps(frame)))

    def _send_error_soon(self, error: Refusal, message: frames.ClientMessage) -> None:
        data = dict(error.data)
        if isinstance(message.get("streamId"), str):
            data["streamId"] = message["streamId"][:64]
        self._send_soon(self._error_frame(error.code, str(error), message.get("id"), **data))

    @staticmethod
    def _error_frame(code: str, detail: str, frame_id: object, **data: object) -> dict[str, object]:
        return {"type": "error", "id": frame_id, "code": code, "message": detail, **data}


# The messages of the protocol that a client may send. Every name is in RESERVED_TYPES.
_HANDLERS: dict[str, Callable[[StreamConsumer, frames.ClientMessage], Awaitable[None]]] = {
    "register": StreamConsumer._register,
    "unregister": StreamConsumer._leave,
    "auth": StreamConsumer._renew,
    "ping": StreamConsumer._ping,
    "ack": StreamConsumer._ack,
}
