"""`/sync`: an ordered, durable event log per instance. The frames are in docs/protocol.md."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings

from accounts.domain.sessions import Principal
from accounts.errors import AccountsError, AuthRequired, TokenExpired
from accounts.metrics import count_authentication, refresh_counted, refusals_counted
from realtime import frames, kinds, metrics
from realtime.connections import get_connections
from realtime.db import in_thread
from realtime.domain.push import push
from realtime.errors import BadMessage, Forbidden, InvalidName, RealtimeError, StoreNotFound
from realtime.handshake import authenticate_scope, authenticate_token, offered_token, origin_allowed, refusal
from realtime.hub import READ_BATCH, Batch, Subscription, get_hub, in_batches
from realtime.models import Store, Via
from realtime.origin import Origin
from realtime.preframed import frame_writer, text_frame
from realtime.queries import check_position, read_events, read_heads

log = logging.getLogger(__name__)

ENDPOINT = "sync"  # in metrics and logs
INIT_SECONDS = 10.0
EXPIRY_NOTICE_SECONDS = 60.0
MAX_PULLS = 16
SEND_SECONDS = 20.0  # a peer that takes nothing for so long has gone; the hub is stricter with live pulls


def _open_instance(principal: Principal, instance: str) -> tuple[str, int]:
    """Return `(epoch, head)` of an instance that the user, and the token, may read."""
    if principal.store not in (None, instance):
        error = Forbidden("This token is for another store.")
        error.close_code = 4403
        raise error
    kind, key = kinds.find(instance)
    try:
        kind.authorize(principal.user, key)
    except InvalidName:
        raise
    except StoreNotFound:
        if kind.create is None:
            raise
        kind.create(principal.user, key)
        kind.authorize(principal.user, key)
    store = Store.objects.filter(name=instance).first()
    return (store.epoch, store.head) if store else ("", 0)


def _position(principal: Principal, instance: str, cursor: int, epoch: str | None) -> tuple[str, int]:
    kind, key = kinds.find(instance)
    kind.authorize(principal.user, key)  # rights may have gone since `init`
    store = Store.objects.get(name=instance)
    check_position(store, cursor=cursor, epoch=epoch)
    return store.epoch, store.head


class SyncConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels ships no types
    # Channels would hop through a thread for each message of a layer; the hub delivers instead.
    channel_layer_alias = None

    def __init__(self) -> None:
        self.connection_id = uuid.uuid4().hex
        self.principal: Principal | None = None
        self.instance = ""
        self.client_id = ""
        self.session_id = ""
        self._sending = asyncio.Lock()  # ASGI allows no two sends at once on one socket
        self._pulls: dict[str, Subscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []
        self._forget: Any = None
        self._unwatch: Any = None
        self._closed = False
        self._counted = False

    # --- The connection ---

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        if not origin_allowed(self.scope):
            await self._refuse(403, Forbidden("This origin may not connect."))
        try:
            _, subprotocol = offered_token(self.scope)
            with refusals_counted(ENDPOINT):
                principal = await in_thread(authenticate_scope)(
                    self.scope, grace_seconds=settings.SYNC_GRACE_SECONDS, sync_tokens=True
                )
        except AccountsError as error:
            await self._refuse(401, error)
            return
        await self.base_send({"type": "websocket.accept", "subprotocol": subprotocol})
        metrics.SOCKETS_OPEN.labels(ENDPOINT).inc()
        self._counted = True
        self._later(INIT_SECONDS, self._nothing_said)
        if principal is not None:
            self._admit(principal)

    async def _refuse(self, status: int, error: AccountsError | RealtimeError) -> None:
        metrics.count_rejection(ENDPOINT, error.code)
        for message in refusal(self.scope, status, error.code, str(error)):
            await self.base_send(message)
        raise StopConsumer

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        self._release()
        raise StopConsumer

    def _release(self) -> None:
        self._closed = True
        if self._counted:
            self._counted = False
            metrics.SOCKETS_OPEN.labels(ENDPOINT).dec()
        for subscription in self._pulls.values():
            subscription.close()
        self._pulls.clear()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        for timer in self._timers:
            timer.cancel()
        if self._forget:
            self._forget()
            self._forget = None
        if self._unwatch:
            self._unwatch()
            self._unwatch = None

    async def close(self, code: int) -> None:
        if not self._closed:
            self._release()
            metrics.count_close(ENDPOINT, code)
            if not self.instance:
                metrics.count_rejection(ENDPOINT, str(code))
            await self.base_send({"type": "websocket.close", "code": code})

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Unexpected error on /sync", exc_info=error)
            self._close_soon(1011)

    def _close_soon(self, code: int, error: AccountsError | RealtimeError | None = None) -> None:
        """Close from a callback, with the reason said first where the peer still reads."""

        async def say_and_close() -> None:
            if error is not None and not self._sending.locked():
                await self._send(self._error_frame(error.code, str(error), None))
            await self.close(code)

        self._start(say_and_close())

    def _later(self, seconds: float, callback: Any) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(max(seconds, 0), callback))

    def _nothing_said(self) -> None:
        if not self.instance:
            self._close_soon(4408)

    # --- Who it is ---

    def _admit(self, principal: Principal) -> None:
        """Take a caller in, or its renewed token."""
        if self._forget:
            self._forget()
            self._forget = None
        self.principal = principal
        count_authentication(ENDPOINT, self._auth)
        if principal.session is not None:
            self._forget = get_connections().add(str(principal.session.pk), self._ended)
        if self.instance:
            self._set_clocks(principal)

    def _set_clocks(self, principal: Principal) -> None:
        """After `ready`, which is the first thing a client hears, and again for each renewed token."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if principal.expires_at is not None:
            left = (principal.expires_at - datetime.now(UTC)).total_seconds()
            if self._auth != "grace":  # `ready` and `authed` told already
                self._later(left - EXPIRY_NOTICE_SECONDS, self._expiring)
            grace = settings.SYNC_GRACE_SECONDS if principal.store is None else 0
            self._later(left + settings.TOKEN_LEEWAY_SECONDS + grace, self._expired)

    def _access_lost(self) -> None:
        self._close_soon(4403, Forbidden("You may no longer read this."))

    def _ended(self, reason: AccountsError) -> None:
        self._close_soon(4401, reason)

    def _expiring(self) -> None:
        if self.principal and self.principal.expires_at:
            self._say(
                {
                    "type": "notice",
                    "code": "TOKEN_EXPIRING",
                    "expiresAt": _milliseconds(self.principal.expires_at),
                }
            )

    def _expired(self) -> None:
        self._close_soon(4401, TokenExpired())

    async def _authenticate(self, token: str) -> None:
        """Check a token that came in a frame. Raises an AccountsError; another user's closes with 4403."""
        with refusals_counted(ENDPOINT):
            principal = await in_thread(authenticate_token)(
                token, grace_seconds=settings.SYNC_GRACE_SECONDS, sync_tokens=True
            )
        known = self.principal
        if known is not None and known.session is not None and known.user.pk != principal.user.pk:
            error = Forbidden("This connection belongs to somebody else.")
            error.close_code = 4403
            raise error
        self._admit(principal)

    @property
    def _auth(self) -> str:
        principal = self.principal
        if principal is not None and principal.session is None:
            return "anonymous"
        if principal is None or principal.expires_at is None:
            return "valid"
        leeway = timedelta(seconds=settings.TOKEN_LEEWAY_SECONDS)
        return "grace" if datetime.now(UTC) >= principal.expires_at + leeway else "valid"

    # --- Messages ---

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        if self._closed:
            return
        frame: dict[str, Any] = {}
        try:
            frame = frames.decode(message.get("text"), message.get("bytes"))
            await self._handle(frame, message["text"])
        except AccountsError as error:
            await self._send(self._error_frame(error.code, str(error), frame.get("id")))
            # In grace one may go on reading; every other refusal leaves nobody to talk to.
            if not (isinstance(error, TokenExpired) and frame.get("type") == "push"):
                await self.close(4401)
        except RealtimeError as error:
            await self._send(self._error_frame(error.code, str(error), frame.get("id"), **error.data))
            if error.close_code is not None:
                await self.close(error.close_code)
        except Exception:
            log.exception("Unexpected error on /sync")
            await self._send(
                self._error_frame("INTERNAL_ERROR", "Something went wrong on our side.", frame.get("id"))
            )

    async def _handle(self, frame: dict[str, Any], text: str) -> None:
        kind = frame["type"]
        if kind == "init":
            await self._init(frame)
        elif kind == "auth":
            await self._renew(frame)
        elif not self.instance or self.principal is None:
            raise BadMessage("Say `init` first.")
        elif kind == "pull":
            await self._pull(frame)
        elif kind == "push":
            await self._push(frame, text)
        elif kind == "unpull":
            if subscription := self._pulls.pop(_key(frame), None):
                subscription.close()
        elif kind == "ping":
            heads = await in_thread(read_heads)([self.instance])
            head = heads[self.instance][1] if self.instance in heads else 0
            await self._send({"type": "pong", "id": frame.get("id"), "head": head})
        else:
            raise BadMessage(f"There is no message of type {kind[:50]!r}.")

    async def _init(self, frame: dict[str, Any]) -> None:
        instance = kinds.instance_named(frames.text_field(frame, "instanceId", required=True))
        if self.instance and instance != self.instance:
            raise BadMessage("A connection serves one instance; open another for another.")
        if token := frame.get("authToken"):
            if not isinstance(token, str):
                raise BadMessage("`authToken` must be a string.")
            await self._authenticate(token)
        if self.principal is None:
            with refusals_counted(ENDPOINT):
                raise AuthRequired
        epoch, head = await in_thread(_open_instance)(self.principal, instance)
        if not self.instance:
            self._unwatch = get_connections().watch(instance, self.principal.user.pk, self._access_lost)
        self.instance = instance
        self.client_id = frames.text_field(frame, "clientId")[:100]
        self.session_id = frames.text_field(frame, "sessionId")[:100]
        ready: dict[str, Any] = {
            "type": "ready",
            "id": frame.get("id"),
            "epoch": epoch,
            "head": head,
            "connectionId": self.connection_id,
            "userId": str(self.principal.user.pk),
            "auth": self._auth,
            "expiresAt": _milliseconds(self.principal.expires_at),
        }
        if self._auth == "grace":
            ready["warning"] = {
                "code": "TOKEN_IN_GRACE",
                "expiredAt": _milliseconds(self.principal.expires_at),
            }
        elif self._auth == "anonymous":
            ready["warning"] = {"code": "AUTH_DISABLED"}
        await self._send(ready)
        self._set_clocks(self.principal)

    async def _renew(self, frame: dict[str, Any]) -> None:
        token = frame.get("authToken")
        if not isinstance(token, str):
            raise BadMessage("`authToken` must be a string.")
        with refresh_counted(ENDPOINT):
            await self._authenticate(token)
        assert self.principal is not None
        if self.instance:
            await in_thread(_open_instance)(self.principal, self.instance)
        await self._send(
            {"type": "authed", "id": frame.get("id"), "expiresAt": _milliseconds(self.principal.expires_at)}
        )

    async def _push(self, frame: dict[str, Any], text: str) -> None:
        assert self.principal is not None
        events = frames.pushed_events(frame, text)
        if self._auth == "grace" and not kinds.find(self.instance)[0].grace:
            raise TokenExpired
        origin = Origin(
            user=self.principal.user,
            via=Via.SYNC,
            auth=self._auth,
            connection_id=self.connection_id,
            client_id=self.client_id,
            session_id=self.session_id,
        )
        seqs, head = await in_thread(push)(self.instance, events, origin=origin)
        await self._send({"type": "ack", "id": frame.get("id"), "head": head, "seqNums": seqs})

    async def _pull(self, frame: dict[str, Any]) -> None:
        assert self.principal is not None
        cursor = frames.cursor_field(frame)
        epoch = frames.text_field(frame, "epoch") or None
        key, pull_id = _key(frame), frame.get("id")
        if key in self._pulls:
            raise BadMessage("A pull of this id is running.")
        if len(self._pulls) + len(self._tasks) >= MAX_PULLS:
            raise BadMessage(f"At most {MAX_PULLS} pulls at once.")
        epoch, head = await in_thread(_position)(self.principal, self.instance, cursor, epoch)
        if not frame.get("live"):
            self._start(self._pull_once(pull_id, cursor, head))  # meanwhile the socket is read on
            return
        if cursor == head:
            await self._send_events(pull_id, [], 0)  # says at once that there is nothing to catch up with

        write = frame_writer(self.scope)

        def payload(batch: Batch) -> bytes:
            return _events_payload(key, batch.events, batch.remaining)

        def deliver(batch: Batch) -> Coroutine[Any, Any, None] | None:
            if write and write(batch.shared((ENDPOINT, key), lambda batch: text_frame(payload(batch)))):
                return None
            return self._send_text(payload(batch).decode())

        def lost(reason: str) -> None:
            self._pulls.pop(key, None)
            if reason == "slow":
                self._close_soon(4490)
            else:
                self._say(
                    self._error_frame("EPOCH_MISMATCH", "The log was replaced. Take a snapshot.", pull_id)
                )

        self._pulls[key] = get_hub().subscribe(
            self.instance, epoch=epoch, head=head, cursor=cursor, send=deliver, on_lost=lost
        )

    async def _pull_once(self, pull_id: Any, cursor: int, head: int) -> None:
        while True:
            batch = [
                (seq, data)
                for seq, data in await in_thread(read_events)(self.instance, after=cursor, limit=READ_BATCH)
                if seq <= head
            ]
            if not batch:
                break
            for part in in_batches(batch, head):
                await self._send_events(pull_id, part.events, part.remaining)
            cursor = batch[-1][0]
        await self._send({"type": "end", "id": pull_id})

    # --- Sending ---

    async def _send_events(self, pull_id: Any, events: list[bytes], remaining: int) -> None:
        await self._send_text(_events_payload(json.dumps(pull_id), events, remaining).decode())

    async def _send(self, frame: dict[str, Any]) -> None:
        await self._send_text(json.dumps(frame, separators=(",", ":")))

    async def _send_text(self, text: str) -> None:
        if self._closed:
            return
        try:
            async with asyncio.timeout(SEND_SECONDS), self._sending:
                await self.base_send({"type": "websocket.send", "text": text})
        except TimeoutError:
            self._close_soon(4490)
        except OSError:  # the peer went away; `websocket.disconnect` follows
            self._release()

    def _say(self, frame: dict[str, Any]) -> None:
        """Send from a callback."""
        self._start(self._send(frame))

    @staticmethod
    def _error_frame(code: str, detail: str, frame_id: Any, **data: object) -> dict[str, Any]:
        return {"type": "error", "id": frame_id, "code": code, "detail": detail, **data}


def _key(frame: dict[str, Any]) -> str:
    return json.dumps(frame.get("id"))


def _events_payload(pull_key: str, events: list[bytes], remaining: int) -> bytes:
    body = b",".join(events)
    return b'{"type":"events","id":%b,"events":[%b],"remaining":%d}' % (pull_key.encode(), body, remaining)


def _milliseconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp() * 1000) if moment else None
