"""Read a `register` message, and decide whether to grant it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.domain.sessions import Principal
from accounts.errors import Refusal
from realtime.domain.append import ensure_store
from realtime.models import Store
from realtime.queries import check_position
from streams.domain.streams import claim_stream
from streams.errors import InvalidMessage, StreamNotFound, cannot_publish, cannot_read
from streams.frames import types_field
from streams.limits import MAX_CREDIT
from streams.models import STREAM_ID, Stream, stream_id_validator
from streams.rights import NO_RIGHTS, Access, Rights, read_access

_CLIENT_TYPE = re.compile(r"[\w.-]{0,32}", re.ASCII)


@dataclass(frozen=True)
class Request:
    """A `register` message. `since`: the durable messages after this seq are requested. None: only new ones."""

    stream_id: str
    client_type: str
    produces: frozenset[str]
    consumes: frozenset[str]
    since: int | None
    epoch: str | None
    credit: int | None
    presence: bool


@dataclass(frozen=True)
class Granted:
    """A granted request. `(epoch, head)` is the position of the stream's log."""

    stream: Stream
    rights: Rights
    epoch: str
    head: int


def read_request(message: dict[str, object]) -> Request:
    """Return the request in a `register` message. Raises InvalidMessage."""
    client_type, epoch = message.get("clientType", ""), message.get("epoch")
    if not isinstance(client_type, str) or not _CLIENT_TYPE.fullmatch(client_type):
        raise InvalidMessage(_("`clientType` must be a word of at most 32 characters."))
    if not isinstance(epoch, str | None):
        raise InvalidMessage(_("`epoch` must be a string."))
    return Request(
        stream_id=stream_id_field(message),
        client_type=client_type,
        produces=types_field(message, "produces"),
        consumes=types_field(message, "consumes"),
        since=_number(message, "since", 0, 2**63 - 1),
        epoch=epoch,
        credit=_number(message, "credit", 1, MAX_CREDIT),
        presence=message.get("presence") is True,
    )


def stream_id_field(message: dict[str, object]) -> str:
    """Return the message's `streamId`. Raises InvalidMessage."""
    value = message.get("streamId")
    if not isinstance(value, str) or not STREAM_ID.fullmatch(value):
        sentence = _("`streamId`: %(rule)s")
        raise InvalidMessage(sentence % {"rule": stream_id_validator.message})
    return value


def _number(message: dict[str, object], name: str, low: int, high: int) -> int | None:
    value = message.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        sentence = _("`%(field)s` must be a whole number from %(low)s to %(high)s.")
        raise InvalidMessage(sentence % {"field": name, "low": low, "high": high})
    return value


def grant(asked: Sequence[tuple[Principal, Request]]) -> list[Granted | Exception]:
    """Decide each request. Creates a missing stream for a producer. Uses the ORM.

    Takes two queries for any number of owners, because all devices register at once when a service is back. Refusals:
    NoPermission, StreamNotFound, TooManyStreams, EpochMismatch or CursorTooOld.
    """
    pairs = {(request.stream_id, principal.user.pk) for principal, request in asked}
    access = read_access(pairs)
    stores = {
        store.name: store for store in Store.objects.filter(name__in={f"stream:{pk}" for pk, _ in pairs})
    }
    return [_grant_one(principal, request, access, stores) for principal, request in asked]


def _grant_one(
    principal: Principal, request: Request, access: Access, stores: dict[str, Store]
) -> Granted | Exception:
    pk, user = request.stream_id, principal.user
    try:
        if principal.store not in (None, f"stream:{pk}"):  # a device token for another stream
            raise cannot_publish() if request.produces else cannot_read()
        streams, rights = access
        if pk not in streams:
            if not request.produces:
                raise StreamNotFound
            claim_stream(user, pk)
            streams, rights = read_access([(pk, user.pk)])
        mine = rights.get((pk, user.pk), NO_RIGHTS)
        if request.produces and not mine.write:
            raise cannot_publish()
        if not mine.read:
            raise cannot_read()
        store = stores.get(streams[pk].log) or ensure_store(streams[pk].log)
        if request.since is not None:
            check_position(store, cursor=request.since, epoch=request.epoch)
        return Granted(streams[pk], mine, store.epoch, store.head)
    except Refusal as error:
        return error
