"""`/livestore`: the log of an `app:` store for unmodified LiveStore clients. The frames are in realtime/livestore.py.

Their pull must never be answered with an error that time would heal: the client would stop pulling for good. So where
the database or a right is gone the socket is closed, which the client takes for being offline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

from accounts.domain.sessions import Principal
from accounts.errors import AccountsError, AuthRequired
from accounts.metrics import refusals_counted
from realtime import livestore, metrics
from realtime.consumers.connection import Connection
from realtime.db import in_thread
from realtime.domain.access import find_position, open_instance
from realtime.domain.push import push
from realtime.errors import (
    BadMessage,
    CursorTooOld,
    EpochMismatch,
    Forbidden,
    InvalidPush,
    RealtimeError,
    ServerAhead,
    StoreFull,
    StoreNotFound,
    TooLarge,
)
from realtime.handshake import authenticate_scope, authenticate_token, offered_token, origin_allowed
from realtime.hub import READ_BATCH, Batch, Subscription, get_hub, in_batches
from realtime.livestore import Address, Message
from realtime.models import Via
from realtime.origin import Origin
from realtime.preframed import frame_writer, text_frame
from realtime.queries import read_events

log = logging.getLogger(__name__)

MAX_PULLS = 16


def _enter(scope: dict[str, Any], address: Address) -> Principal:
    """Return who opens the socket, with the right to the store. Raises an AccountsError or a RealtimeError.

    The first credential present decides; the token in `syncPayload` comes before the cookie.
    """
    grace = settings.SYNC_GRACE_SECONDS
    offered, _ = offered_token(scope)
    if offered is None and address.token:
        principal = authenticate_token(address.token, grace_seconds=grace, sync_tokens=True)
    else:
        found = authenticate_scope(scope, grace_seconds=grace, sync_tokens=True)
        if found is None:
            raise AuthRequired
        principal = found
    if not address.instance.startswith("app:"):
        raise StoreNotFound("LiveStore's events live in `app:` stores.")
    open_instance(principal, address.instance)
    return principal


class LivestoreConsumer(Connection):
    endpoint = "livestore"
    address: Address

    def __init__(self) -> None:
        super().__init__()
        self._pulls: dict[str, Subscription] = {}

    # --- Opening and closing ---

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        if not origin_allowed(self.scope):
            await self._refuse(403, Forbidden("This origin may not connect."))
        try:
            _, subprotocol = offered_token(self.scope)
            self.address = livestore.read_address(self.scope.get("query_string", b""))
            with refusals_counted(self.endpoint):
                principal = await in_thread(_enter)(self.scope, self.address)
        except AccountsError as error:
            await self._refuse(401, error)
            return
        except RealtimeError as error:
            await self._refuse(error.status, error)
            return
        await self.base_send({"type": "websocket.accept", "subprotocol": subprotocol})
        metrics.SOCKETS_OPEN.labels(self.endpoint).inc()
        self._counted = True
        self._token = self.address.token
        self._admit(principal)
        self._serve(self.address.instance)

    def _set_clocks(self, principal: Principal) -> None:
        """Its payload is fixed, so it could not renew: a connection lives as long as its session or sync token."""
        if principal.store is not None:
            super()._set_clocks(principal)

    def _release(self) -> None:
        for subscription in self._pulls.values():
            subscription.close()
        self._pulls.clear()
        super()._release()

    def _close_soon(self, code: int, error: AccountsError | RealtimeError | None = None) -> None:
        super()._close_soon(code)  # there is no frame for a reason outside of a request

    # --- What comes in ---

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        text: Any = message.get("text")
        try:
            await self._hold_back(len(text or ""))
            for number, said in enumerate(livestore.decode(text)):
                if number:
                    await self._hold_back(0)  # an array is as many messages as it holds
                if self._closed or self._closing:  # the session may have ended while it waited its turn
                    return
                await self._handle(said, text)
        except AccountsError:
            await self.close(4401)
        except RealtimeError as error:
            await self.close(error.close_code or 4400)
        except Exception:
            log.exception("Unexpected error on /livestore")
            await self.close(1011)

    async def _hold_back(self, size: int) -> None:
        """Wait until a message of that size may be read: refusing would only make the client try again."""
        while not self._closed:
            wait = self._meter.charge(size)
            if not wait:
                return
            await asyncio.sleep(wait)

    async def _handle(self, said: Message, text: str) -> None:
        if said.tag == "Ping":
            await self.send({"_tag": "Pong"})
        elif said.tag == "Interrupt":
            if subscription := self._pulls.pop(said.request_id, None):
                subscription.close()
            await self.send(livestore.interrupted(said.request_id))
        elif said.tag == "Request":
            await self._request(said, text)
        elif said.tag not in {"Ack", "Eof"}:  # we send no faster than the socket takes
            raise BadMessage

    async def _request(self, said: Message, text: str) -> None:
        if said.payload.get("storeId") != self.address.store_id:
            raise BadMessage("A connection serves one store.")
        token = livestore.token_of(said.payload.get("payload"))
        if token and token != self._token:
            await self._authenticate(token)
            assert self.principal is not None
            await in_thread(open_instance)(self.principal, self.instance)
            self._serve(self.instance)
            self._token = token
        kind = said.body.get("tag")
        try:
            if kind == livestore.PULL:
                await self._pull(said)
            elif kind == livestore.PUSH:
                await self._push(said, text)
            else:
                raise BadMessage
        except EpochMismatch as error:
            _, epoch = (
                livestore.read_cursor(said) if kind == livestore.PULL else (0, livestore.read_backend(said))
            )
            ids = {"expected": error.data.get("epoch", ""), "received": epoch or ""}
            await self.send(livestore.failure(said.request_id, "BackendIdMismatchError", **ids))
        except (OperationalError, InterfaceError) as error:
            log.warning("Database on /livestore: %s", type(error).__name__)
            await self.close(1013)

    async def _push(self, said: Message, text: str) -> None:
        assert self.principal is not None
        epoch = livestore.read_backend(said)
        try:
            events = livestore.read_batch(said, text)
            origin = Origin(
                user=self.principal.user, via=Via.SYNC, auth=self.auth, connection_id=self.connection_id
            )
            if events:
                await in_thread(push)(self.instance, events, origin=origin, epoch=epoch)
        except ServerAhead as error:
            ahead = {"minimumExpectedNum": error.data["head"], "providedNum": events[0].parent_seq}
            await self.send(livestore.failure(said.request_id, "ServerAheadError", **ahead))
        except (Forbidden, InvalidPush, StoreFull, TooLarge) as error:
            await self.send(livestore.unknown(said.request_id, error.code, str(error)))
        else:
            await self.send(livestore.success(said.request_id))

    # --- What goes out ---

    async def _pull(self, said: Message) -> None:
        assert self.principal is not None
        request_id = said.request_id
        cursor, epoch = livestore.read_cursor(said)
        if request_id in self._pulls or len(self._pulls) + len(self._tasks) >= MAX_PULLS:
            raise BadMessage("Too many pulls, or two of one id.")
        epoch, head = await in_thread(find_position)(
            self.principal, self.instance, cursor=cursor, epoch=epoch
        )
        if cursor == head:  # each pull begins with a page, an empty one where there is nothing
            await self._send_chunk(request_id, [], remaining=0, epoch=epoch)
        if said.payload.get("live") is not True:
            self._start(self._pull_once(request_id, epoch, cursor, head))
            return

        write = frame_writer(self.scope)

        def payload(batch: Batch) -> bytes:
            return livestore.chunk(request_id, batch.events, remaining=batch.remaining, epoch=epoch)

        def deliver(batch: Batch) -> Coroutine[Any, Any, None] | None:
            key = (self.endpoint, request_id)
            if write and write(batch.shared(key, lambda batch: text_frame(payload(batch)))):
                return None
            return self.send_text(payload(batch).decode())

        def lost(reason: str) -> None:
            self._pulls.pop(request_id, None)
            self._close_soon(4490 if reason == "slow" else 1012)  # it comes back and is told why

        if not self._closed:
            self._pulls[request_id] = get_hub().subscribe(
                self.instance, epoch=epoch, head=head, cursor=cursor, send=deliver, on_lost=lost
            )

    async def _pull_once(self, request_id: str, epoch: str, cursor: int, head: int) -> None:
        """Send what is behind the cursor up to the head of when it was asked for."""
        try:
            while cursor < head:
                page = await in_thread(read_events)(
                    self.instance, after=cursor, limit=READ_BATCH, epoch=epoch
                )
                batch = [(seq, data) for seq, data in page if seq <= head]
                if not batch:
                    raise EpochMismatch
                for part in in_batches(batch, head):
                    await self._send_chunk(request_id, part.events, remaining=part.remaining, epoch=epoch)
                cursor = batch[-1][0]
        except (EpochMismatch, CursorTooOld, OperationalError, InterfaceError):
            self._close_soon(1012)
        else:
            await self.send(livestore.end(request_id))

    async def _send_chunk(self, request_id: str, events: list[bytes], *, remaining: int, epoch: str) -> None:
        await self.send_text(livestore.chunk(request_id, events, remaining=remaining, epoch=epoch).decode())
