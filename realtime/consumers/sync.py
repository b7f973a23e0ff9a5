"""`/sync`: an ordered, durable event log per instance. docs/protocol.md describes the frames."""

from __future__ import annotations

import json
import logging

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from accounts.errors import AuthRequired, Refusal
from accounts.metrics import refresh_counted, refusals_counted
from realtime import frames, kinds
from realtime.asgi import Message
from realtime.consumers.connection import milliseconds
from realtime.consumers.pulls import MAX_PULLS, Pull, PullConnection
from realtime.db import in_thread
from realtime.domain.access import find_position, open_instance
from realtime.domain.push import push
from realtime.errors import BadMessage, CursorTooOld, EpochMismatch, ExpiredWhileOpen
from realtime.hub import Batch
from realtime.models import Via
from realtime.origin import Origin
from realtime.queries import read_heads

log = logging.getLogger(__name__)


class SyncConsumer(PullConnection):
    endpoint = "sync"

    def __init__(self) -> None:
        super().__init__()
        self.client_id = ""
        self.session_id = ""

    # --- What comes in ---

    async def websocket_receive(self, message: Message) -> None:
        if self._closed or self._closing:
            return
        frame: dict[str, object] = {}
        try:
            frame = frames.decode(message.get("text"), message.get("bytes"))
            self._count_message(message)  # after decoding, so that the refusal has the message's id
            await self._handle(frame, message["text"])
        except Refusal as error:
            await self.send(self._error_frame(error.code, str(error), frame.get("id"), **error.data))
            if error.close_code is not None:
                await self.close(error.close_code)
        except (OperationalError, InterfaceError) as error:
            log.warning("Database unavailable for %s: %r", self, error)
            detail = _("The database is not responding. Try again in a moment.")
            await self.send(self._error_frame("UNAVAILABLE", detail, frame.get("id")))
        except Exception:
            log.exception("Unexpected error in %s", self)
            detail = _("Something went wrong on our side.")
            await self.send(self._error_frame("INTERNAL_ERROR", detail, frame.get("id")))

    async def _handle(self, frame: dict[str, object], text: str) -> None:
        kind = frame["type"]
        if kind == "init":
            await self._init(frame)
        elif kind == "auth":
            await self._renew(frame)
        elif not self.instance or self.principal is None:
            raise BadMessage(_("Send `init` first."))
        elif kind == "pull":
            await self._pull(frame)
        elif kind == "push":
            await self._push(frame, text)
        elif kind == "unpull":
            self._unpull(_key(frame))
        elif kind == "ping":
            heads = await in_thread(read_heads)([self.instance])
            head = heads[self.instance][1] if self.instance in heads else 0
            await self.send({"type": "pong", "id": frame.get("id"), "head": head})
        else:
            raise BadMessage(_("Unknown message type %(type)s.") % {"type": f"{str(kind)[:50]!r}"})

    # --- Who it is ---

    async def _init(self, frame: dict[str, object]) -> None:
        instance = kinds.instance_named(frames.text_field(frame, "instanceId", required=True))
        if self.instance and instance != self.instance:
            raise BadMessage(_("A connection can use only one instance. Open another connection."))
        if token := frame.get("authToken"):
            if not isinstance(token, str):
                raise BadMessage(_("`authToken` must be a string."))
            await self._authenticate(token)
        if self.principal is None:
            with refusals_counted(self.endpoint):
                raise AuthRequired
        epoch, head = await in_thread(open_instance)(self.principal, instance)
        self.instance = instance
        self.client_id = frames.text_field(frame, "clientId")[:100]
        self.session_id = frames.text_field(frame, "sessionId")[:100]
        expires_at = milliseconds(self.principal.expires_at)
        ready: dict[str, object] = {
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
            self._serve(instance)  # after `ready`, which must be the first frame a client gets

    async def _renew(self, frame: dict[str, object]) -> None:
        token = frame.get("authToken")
        if not isinstance(token, str):
            raise BadMessage(_("`authToken` must be a string."))
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
        self._send_soon({"type": "notice", "code": "TOKEN_EXPIRING", "expiresAt": expires_at})

    def _in_grace(self) -> None:
        super()._in_grace()
        assert self.principal is not None
        expired_at = milliseconds(self.principal.expires_at)
        self._send_soon({"type": "notice", "code": "TOKEN_IN_GRACE", "expiredAt": expired_at})

    # --- Writing ---

    async def _push(self, frame: dict[str, object], text: str) -> None:
        assert self.principal is not None
        events = frames.pushed_events(frame, text)
        if self.auth == "grace" and not kinds.find(self.instance)[0].grace:
            raise ExpiredWhileOpen
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

    async def _pull(self, frame: dict[str, object]) -> None:
        assert self.principal is not None
        cursor = frames.cursor_field(frame)
        epoch = frames.text_field(frame, "epoch") or None
        key, pull_id = _key(frame), frame.get("id")
        if key in self._pulls:
            raise BadMessage(_("A pull with this id is already running."))
        if self._pulls_full:
            raise BadMessage(_("At most %(limit)s pulls may run at once.") % {"limit": MAX_PULLS})
        epoch, head = await in_thread(find_position)(
            self.principal, self.instance, cursor=cursor, epoch=epoch
        )

        def encode(batch: Batch) -> bytes:
            body = b",".join(batch.events)
            return b'{"type":"events","id":%b,"events":[%b],"remaining":%d}' % (
                key.encode(),
                body,
                batch.remaining,
            )

        def lost(reason: str) -> None:
            error = CursorTooOld() if reason == "pruned" else EpochMismatch()
            self._send_soon(self._error_frame(error.code, str(error), pull_id))

        pull = Pull(key, epoch, head, cursor, encode, lost)
        if not frame.get("live"):
            self._start(self._pull_once(pull, {"type": "end", "id": pull_id}))
            return
        if cursor == head:  # an empty batch tells the client at once that it is up to date
            await self._send_batch(pull, Batch([], last=head, remaining=0))
        self._pull_live(pull)


def _key(frame: dict[str, object]) -> str:
    return json.dumps(frame.get("id"))
