"""`/livestore`: the log of an `app:` store for unmodified LiveStore clients. realtime/livestore.py has the frames.

Never answer a pull with a temporary error: the client would stop pulling for good. If the database is unavailable or
a right was lost, the socket is closed, and the client treats that as being offline.
"""

from __future__ import annotations

import asyncio
import logging

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from accounts.domain.sessions import Principal
from accounts.errors import AuthRequired, Refusal
from realtime import asgi, livestore
from realtime.asgi import Scope
from realtime.consumers.pulls import Pull, PullConnection
from realtime.db import in_thread
from realtime.domain.access import find_position, open_instance
from realtime.domain.push import push
from realtime.errors import (
    BadMessage,
    EpochMismatch,
    Forbidden,
    InvalidPush,
    ServerAhead,
    StoreFull,
    StoreNotFound,
    TooLarge,
)
from realtime.handshake import authenticate_scope, authenticate_token, offered_token
from realtime.hub import Batch
from realtime.livestore import Address, Message
from realtime.models import Via
from realtime.origin import Origin

log = logging.getLogger(__name__)


def _authenticate(scope: Scope, address: Address) -> Principal:
    """Return who opens the socket. Raises Unauthenticated.

    The first credential present decides. The token in `syncPayload` comes before the cookie.
    """
    grace = settings.SYNC_GRACE_SECONDS
    offered, _ = offered_token(scope)
    if offered is None and address.token:
        return authenticate_token(address.token, grace_seconds=grace, sync_tokens=True)
    found = authenticate_scope(scope, grace_seconds=grace, sync_tokens=True)
    if found is None:
        raise AuthRequired
    return found


class LivestoreConsumer(PullConnection):
    endpoint = "livestore"
    address: Address

    # --- Opening and closing ---

    async def _identify(self) -> Principal:
        try:
            self.address = livestore.read_address(self.scope.get("query_string", b""))
        except BadMessage:
            await super()._identify()  # report a bad credential before a bad address
            raise
        self._token = self.address.token
        return await in_thread(_authenticate)(self.scope, self.address)

    async def _open(self, principal: Principal | None) -> None:
        assert principal is not None
        if not self.address.instance.startswith("app:"):
            raise StoreNotFound(_("LiveStore only works with `app:` stores."))
        await in_thread(open_instance)(principal, self.address.instance)

    async def websocket_connect(self, message: asgi.Message) -> None:
        await super().websocket_connect(message)
        self._serve(self.address.instance)

    def _set_clocks(self, principal: Principal) -> None:
        """Only a sync token expires. LiveStore's payload is fixed, so the client could not send a renewed token.

        Other connections live as long as their session.
        """
        if principal.store is not None:
            super()._set_clocks(principal)

    def _close_soon(self, code: int, error: Refusal | None = None) -> None:
        super()._close_soon(code)  # the protocol has no frame for an error outside of a request

    # --- What comes in ---

    async def websocket_receive(self, message: asgi.Message) -> None:
        text = message.get("text")
        try:
            await self._hold_back(len(text or ""))
            for number, each in enumerate(livestore.decode(text)):
                if number:
                    await self._hold_back(0)  # each element of an array counts as a message
                if self._closed or self._closing:  # the session may have ended during the wait
                    return
                assert text is not None  # `decode` refuses None
                await self._handle(each, text)
        except Refusal as error:
            await self.close(error.close_code or 4400)
        except Exception:
            log.exception("Unexpected error in %s", self)
            await self.close(1011)

    async def _hold_back(self, size: int) -> None:
        """Wait until a message of that size may be read. After a refusal the client would only try again."""
        while not self._closed:
            wait = self._meter.charge(size)
            if not wait:
                return
            await asyncio.sleep(wait)

    async def _handle(self, message: Message, text: str) -> None:
        if message.tag == "Ping":
            await self.send({"_tag": "Pong"})
        elif message.tag == "Interrupt":
            self._unpull(message.request_id)
            await self.send(livestore.interrupted(message.request_id))
        elif message.tag == "Request":
            await self._request(message, text)
        elif message.tag not in {"Ack", "Eof"}:  # flow control; we never send faster than the socket takes
            raise BadMessage

    async def _request(self, message: Message, text: str) -> None:
        if message.payload.get("storeId") != self.address.store_id:
            raise BadMessage(_("A connection can use only one store."))
        token = livestore.token_of(message.payload.get("payload"))
        if token and token != self._token:
            await self._authenticate(token)
            assert self.principal is not None
            await in_thread(open_instance)(self.principal, self.instance)
            self._serve(self.instance)
            self._token = token
        kind = message.body.get("tag")
        try:
            if kind == livestore.PULL:
                await self._pull(message)
            elif kind == livestore.PUSH:
                await self._push(message, text)
            else:
                raise BadMessage
        except EpochMismatch as error:
            pull = kind == livestore.PULL
            epoch = livestore.read_cursor(message)[1] if pull else livestore.read_backend(message)
            ids = {"expected": error.data.get("epoch", ""), "received": epoch or ""}
            await self.send(livestore.failure(message.request_id, "BackendIdMismatchError", **ids))
        except (OperationalError, InterfaceError) as error:
            log.warning("Database unavailable for %s: %r", self, error)
            await self.close(1013)

    async def _push(self, message: Message, text: str) -> None:
        assert self.principal is not None
        epoch = livestore.read_backend(message)
        try:
            events = livestore.read_batch(message, text)
            origin = Origin(
                user=self.principal.user, via=Via.SYNC, auth=self.auth, connection_id=self.connection_id
            )
            if events:
                await in_thread(push)(self.instance, events, origin=origin, epoch=epoch)
        except ServerAhead as error:
            ahead = {"minimumExpectedNum": error.data["head"], "providedNum": events[0].parent_seq}
            await self.send(livestore.failure(message.request_id, "ServerAheadError", **ahead))
        except (Forbidden, InvalidPush, StoreFull, TooLarge) as error:
            await self.send(livestore.unknown(message.request_id, error.code, str(error)))
        else:
            await self.send(livestore.success(message.request_id))

    # --- What goes out ---

    async def _pull(self, message: Message) -> None:
        assert self.principal is not None
        request_id = message.request_id
        cursor, epoch = livestore.read_cursor(message)
        if request_id in self._pulls or self._pulls_full:
            raise BadMessage(_("Too many pulls are running, or one with this id is already running."))
        epoch, head = await in_thread(find_position)(
            self.principal, self.instance, cursor=cursor, epoch=epoch
        )

        def encode(batch: Batch) -> bytes:
            return livestore.chunk(request_id, batch.events, remaining=batch.remaining, epoch=epoch)

        def lost(reason: str) -> None:
            self._close_soon(1012)  # the client reconnects and learns the reason then

        pull = Pull(request_id, epoch, head, cursor, encode, lost)
        if cursor == head:  # the answer to a pull must begin with a page, even an empty one
            await self._send_batch(pull, Batch([], last=head, remaining=0))
        if message.payload.get("live") is True:
            self._pull_live(pull)
        else:
            self._start(self._pull_once(pull, livestore.end(request_id)))
