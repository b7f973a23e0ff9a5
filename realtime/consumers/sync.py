"""`/sync`: an ordered, durable event log per instance. The frames are in docs/protocol.md."""

from __future__ import annotations

import json
import logging
from collections.abc import Coroutine
from typing import Any

from django.db import InterfaceError, OperationalError

from accounts.errors import AccountsError, AuthRequired, TokenExpired
from accounts.metrics import refresh_counted, refusals_counted
from realtime import frames, kinds
from realtime.consumers.connection import Connection, milliseconds
from realtime.db import in_thread
from realtime.domain.access import find_position, open_instance
from realtime.domain.push import push
from realtime.errors import BadMessage, CursorTooOld, EpochMismatch, RealtimeError
from realtime.hub import READ_BATCH, Batch, Subscription, get_hub, in_batches
from realtime.models import Via
from realtime.origin import Origin
from realtime.preframed import frame_writer, text_frame
from realtime.queries import read_events, read_heads

log = logging.getLogger(__name__)

MAX_PULLS = 16


class SyncConsumer(Connection):
    endpoint = "sync"

    def __init__(self) -> None:
        super().__init__()
        self.client_id = ""
        self.session_id = ""
        self._pulls: dict[str, Subscription] = {}

    def _release(self) -> None:
        for subscription in self._pulls.values():
            subscription.close()
        self._pulls.clear()
        super()._release()

    # --- What comes in ---

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        if self._closed or self._closing:
            return
        frame: dict[str, Any] = {}
        try:
            frame = frames.decode(message.get("text"), message.get("bytes"))
            self._count_message(message)  # after reading it, so that the refusal says which one it is about
            await self._handle(frame, message["text"])
        except AccountsError as error:
            await self.send(self._error_frame(error.code, str(error), frame.get("id")))
            # In grace one may go on reading; every other refusal leaves nobody to talk to.
            if not (isinstance(error, TokenExpired) and frame.get("type") == "push"):
                await self.close(4401)
        except RealtimeError as error:
            await self.send(self._error_frame(error.code, str(error), frame.get("id"), **error.data))
            if error.close_code is not None:
                await self.close(error.close_code)
        except (OperationalError, InterfaceError) as error:
            log.warning("Database on /sync: %s", type(error).__name__)
            detail = "The database does not answer. Try again in a moment."
            await self.send(self._error_frame("UNAVAILABLE", detail, frame.get("id")))
        except Exception:
            log.exception("Unexpected error on /sync")
            detail = "Something went wrong on our side."
            await self.send(self._error_frame("INTERNAL_ERROR", detail, frame.get("id")))

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
            await self.send({"type": "pong", "id": frame.get("id"), "head": head})
        else:
            raise BadMessage(f"There is no message of type {kind[:50]!r}.")

    # --- Who it is ---

    async def _init(self, frame: dict[str, Any]) -> None:
        instance = kinds.instance_named(frames.text_field(frame, "instanceId", required=True))
        if self.instance and instance != self.instance:
            raise BadMessage("A connection serves one instance; open another for another.")
        if token := frame.get("authToken"):
            if not isinstance(token, str):
                raise BadMessage("`authToken` must be a string.")
            await self._authenticate(token)
        if self.principal is None:
            with refusals_counted(self.endpoint):
                raise AuthRequired
        epoch, head = await in_thread(open_instance)(self.principal, instance)
        self.instance = instance
        self.client_id = frames.text_field(frame, "clientId")[:100]
        self.session_id = frames.text_field(frame, "sessionId")[:100]
        expires_at = milliseconds(self.principal.expires_at)
        ready: dict[str, Any] = {
            "type": "ready",
            "id": frame.get("id"),
            "epoch": epoch,
            "head": head,
            "connectionId": self.connection_id,
            "userId": str(self.principal.user.pk),
            "auth": self.auth,
            "expiresAt": expires_at,
        }
        if self.auth == "grace":
            ready["warning"] = {"code": "TOKEN_IN_GRACE", "expiredAt": expires_at}
        elif self.auth == "anonymous":
            ready["warning"] = {"code": "AUTH_DISABLED"}
        await self.send(ready)
        if not self._closed:
            self._serve(instance)  # its notices come after `ready`, the first thing a client hears

    async def _renew(self, frame: dict[str, Any]) -> None:
        token = frame.get("authToken")
        if not isinstance(token, str):
            raise BadMessage("`authToken` must be a string.")
        with refresh_counted(self.endpoint):
            await self._authenticate(token)
        assert self.principal is not None
        if self.instance:
            await in_thread(open_instance)(self.principal, self.instance)
        expires_at = milliseconds(self.principal.expires_at)
        await self.send({"type": "authed", "id": frame.get("id"), "expiresAt": expires_at})
        if self.instance and not self._closed:
            self._serve(self.instance)

    def _expiring(self) -> None:
        assert self.principal is not None
        expires_at = milliseconds(self.principal.expires_at)
        self._say({"type": "notice", "code": "TOKEN_EXPIRING", "expiresAt": expires_at})

    def _in_grace(self) -> None:
        super()._in_grace()
        assert self.principal is not None
        expired_at = milliseconds(self.principal.expires_at)
        self._say({"type": "notice", "code": "TOKEN_IN_GRACE", "expiredAt": expired_at})

    # --- Writing ---

    async def _push(self, frame: dict[str, Any], text: str) -> None:
        assert self.principal is not None
        events = frames.pushed_events(frame, text)
        if self.auth == "grace" and not kinds.find(self.instance)[0].grace:
            raise TokenExpired
        origin = Origin(
            user=self.principal.user,
            via=Via.SYNC,
            auth=self.auth,
            connection_id=self.connection_id,
            client_id=self.client_id,
            session_id=self.session_id,
        )
        epoch = frames.text_field(frame, "epoch") or None
        seqs, head = await in_thread(push)(self.instance, events, origin=origin, epoch=epoch)
        await self.send({"type": "ack", "id": frame.get("id"), "head": head, "seqNums": seqs})

    # --- Reading ---

    async def _pull(self, frame: dict[str, Any]) -> None:
        assert self.principal is not None
        cursor = frames.cursor_field(frame)
        epoch = frames.text_field(frame, "epoch") or None
        key, pull_id = _key(frame), frame.get("id")
        if key in self._pulls:
            raise BadMessage("A pull of this id is running.")
        if len(self._pulls) + len(self._tasks) >= MAX_PULLS:
            raise BadMessage(f"At most {MAX_PULLS} pulls at once.")
        epoch, head = await in_thread(find_position)(
            self.principal, self.instance, cursor=cursor, epoch=epoch
        )
        if not frame.get("live"):
            self._start(self._pull_once(pull_id, epoch, cursor, head))  # meanwhile the socket is read on
            return
        if cursor == head:
            await self._send_events(pull_id, [], 0)  # says at once that there is nothing to catch up with

        write = frame_writer(self.scope)

        def payload(batch: Batch) -> bytes:
            return _events_payload(key, batch.events, batch.remaining)

        def deliver(batch: Batch) -> Coroutine[Any, Any, None] | None:
            if write and write(batch.shared((self.endpoint, key), lambda batch: text_frame(payload(batch)))):
                return None
            return self.send_text(payload(batch).decode())

        def lost(reason: str) -> None:
            self._pulls.pop(key, None)
            if reason == "slow":
                self._close_soon(4490)
            else:
                error = CursorTooOld() if reason == "pruned" else EpochMismatch()
                self._say(self._error_frame(error.code, str(error), pull_id))

        if not self._closed:
            self._pulls[key] = get_hub().subscribe(
                self.instance, epoch=epoch, head=head, cursor=cursor, send=deliver, on_lost=lost
            )

    async def _pull_once(self, pull_id: Any, epoch: str, cursor: int, head: int) -> None:
        """Send what is behind the cursor up to the head of when it was asked for."""
        try:
            while cursor < head:
                page = await in_thread(read_events)(
                    self.instance, after=cursor, limit=READ_BATCH, epoch=epoch
                )
                batch = [(seq, data) for seq, data in page if seq <= head]
                if not batch:
                    raise EpochMismatch  # what was there a moment ago is another log's past now
                for part in in_batches(batch, head):
                    await self._send_events(pull_id, part.events, part.remaining)
                cursor = batch[-1][0]
        except (EpochMismatch, CursorTooOld) as error:
            await self.send(self._error_frame(error.code, str(error), pull_id))
        else:
            await self.send({"type": "end", "id": pull_id})

    async def _send_events(self, pull_id: Any, events: list[bytes], remaining: int) -> None:
        await self.send_text(_events_payload(json.dumps(pull_id), events, remaining).decode())


def _key(frame: dict[str, Any]) -> str:
    return json.dumps(frame.get("id"))


def _events_payload(pull_key: str, events: list[bytes], remaining: int) -> bytes:
    body = b",".join(events)
    return b'{"type":"events","id":%b,"events":[%b],"remaining":%d}' % (pull_key.encode(), body, remaining)
