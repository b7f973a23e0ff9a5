"""The frames of the `@livestore/sync-cf` 0.4.0 client: Effect RPC as JSON, without any I/O.

The frames are not documented. These are the ones that its package and `@effect/rpc` write (src/RpcMessage.ts). A store
is LiveStore's `storeId`, an epoch its `backendId`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard, cast
from urllib.parse import parse_qs, unquote

from django.utils.translation import gettext as _

from realtime import json_text
from realtime.errors import BadMessage, InvalidPush, TooLarge
from realtime.frames import MAX_BYTES, MAX_EVENTS, MAX_ID, MAX_SEQ, is_storable
from realtime.kinds import Pushed, instance_named

# The client's own limit counts only its events, not the request, the payload and the trace ids around them.
MAX_MESSAGE_BYTES = MAX_BYTES + 16_384
PULL, PUSH = "SyncWsRpc.Pull", "SyncWsRpc.Push"


@dataclass(frozen=True)
class Address:
    """What a client asks for when it connects. `token` is empty if its `syncPayload` has none."""

    store_id: str
    instance: str
    token: str


@dataclass(frozen=True)
class Message:
    """One message, which begins at `at` in the text. `request_id` is empty for messages without a request."""

    tag: str
    request_id: str
    body: dict[str, object]
    at: int

    @property
    def payload(self) -> dict[str, object]:
        payload = self.body.get("payload")
        if not isinstance(payload, dict):
            raise BadMessage(_("A request must have a `payload`."))
        return payload


def read_address(query_string: bytes) -> Address:
    """Return the address in the URL's query string. Raises BadMessage.

    The client writes `syncPayload` as JSON and encodes it twice.
    """
    query = parse_qs(query_string.decode("latin-1"), keep_blank_values=True)
    store_id = query.get("storeId", [""])[0]
    if not store_id or len(store_id) > MAX_ID or not is_storable(store_id):
        raise BadMessage(_("Name the store in `?storeId=`."))
    payload: object = None
    if raw := query.get("payload", [""])[0]:
        try:
            payload = json.loads(unquote(raw, errors="strict"))
        except (ValueError, RecursionError) as error:
            raise BadMessage(_("`payload` must be URL-encoded JSON.")) from error
    instance = payload.get("instanceId") if isinstance(payload, dict) else None
    if instance is not None and not (isinstance(instance, str) and len(instance) <= MAX_ID):
        raise BadMessage(_("`instanceId` must be the name of a store."))
    name = instance_named(instance or f"app:{store_id}")
    return Address(store_id=store_id, instance=name, token=token_of(payload))


def token_of(payload: object) -> str:
    """Return the token of a `syncPayload`, empty if it has none."""
    token = payload.get("authToken") if isinstance(payload, dict) else None
    return token if isinstance(token, str) else ""


def decode(text: str | None) -> list[Message]:
    """Return the messages of one frame: one, or several in an array. Raises BadMessage or TooLarge."""
    if text is None:
        raise BadMessage(_("This socket accepts text messages, not binary."))
    if len(text) > MAX_MESSAGE_BYTES or len(text.encode()) > MAX_MESSAGE_BYTES:
        error = TooLarge()
        error.close_code = 4413
        raise error
    try:
        value = json_text.parse(text)
    except ValueError as error:
        raise BadMessage(_("The message is not valid JSON.")) from error
    if isinstance(value, list):
        return [_message(each, at) for each, at in zip(value, json_text.elements(text, 0), strict=True)]
    return [_message(value, 0)]


def _message(value: object, at: int) -> Message:
    if not isinstance(value, dict) or not isinstance(value.get("_tag"), str):
        raise BadMessage(_("A message must be an object with a `_tag`."))
    request_id = value.get("id" if value["_tag"] == "Request" else "requestId", "")
    if not isinstance(request_id, str) or len(request_id) > MAX_ID:
        raise BadMessage(_("A request's id must be a string."))
    return Message(tag=value["_tag"], request_id=request_id, body=value, at=at)


def read_cursor(message: Message) -> tuple[int, str | None]:
    """Return `(seq, epoch)` of a pull's cursor, `(0, None)` for the beginning. Raises BadMessage."""
    cursor = _option(message.payload.get("cursor"))
    if cursor is None:
        return 0, None
    if not isinstance(cursor, dict):
        raise BadMessage(_("`cursor` must have a `backendId` and an `eventSequenceNumber`."))
    seq, epoch = cursor.get("eventSequenceNumber"), cursor.get("backendId")
    if not _is_seq(seq) or not isinstance(epoch, str):
        raise BadMessage(_("`cursor` must have a `backendId` and an `eventSequenceNumber`."))
    return seq, epoch


def read_backend(message: Message) -> str | None:
    """Return the epoch of the log that a push is for, None if it names none. Raises BadMessage."""
    epoch = _option(message.payload.get("backendId"))
    if epoch is not None and not isinstance(epoch, str):
        raise BadMessage(_("`backendId` must be a string."))
    return epoch


def read_batch(message: Message, text: str) -> list[Pushed]:
    """Return the events of a push, with args exactly as in `text`. Raises InvalidPush or TooLarge.

    LiveStore's events have no ids. A repeated event is recognized by its seq, and refused because the head is ahead.
    """
    batch = message.payload.get("batch")
    if not isinstance(batch, list):
        raise InvalidPush(_("`batch` must be a list of events."))
    if len(batch) > MAX_EVENTS:
        raise TooLarge
    payload_at = json_text.members(text, message.at)["payload"][0]
    starts = json_text.elements(text, json_text.members(text, payload_at)["batch"][0])
    return [_pushed(event, text, start) for event, start in zip(batch, starts, strict=True)]


def _pushed(event: object, text: str, start: int) -> Pushed:
    if not isinstance(event, dict):
        raise InvalidPush(_("An event must be an object."))
    name, client_id, session_id = (_word(event.get(field)) for field in ("name", "clientId", "sessionId"))
    seq, parent_seq = event.get("seqNum"), event.get("parentSeqNum")
    if not name or not (_is_seq(parent_seq) and _is_seq(seq) and seq > parent_seq):
        raise InvalidPush(_("An event must have a name and a `seqNum` above its `parentSeqNum`."))
    span = json_text.members(text, start).get("args")
    return Pushed(
        event_id=uuid.uuid4().hex,
        name=name,
        args=event.get("args"),
        args_text=text[slice(*span)] if span else "",
        seq=seq,
        parent_seq=parent_seq,
        client_id=client_id,
        session_id=session_id,
    )


def _option(value: object) -> object:
    """Return the value of an Effect `Option`, None if it has none. Raises BadMessage."""
    if isinstance(value, dict) and value.get("_tag") in {"Some", "None"}:
        return value.get("value") if value["_tag"] == "Some" else None
    raise BadMessage(_("Not a valid Option."))


def _word(value: object) -> str:
    if not isinstance(value, str) or len(value) > 100 or not is_storable(value):
        raise InvalidPush(_("`name`, `clientId` and `sessionId` must be strings of at most 100 characters."))
    return value


def _is_seq(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEQ


# --- What goes out ---


def chunk(request_id: str, events: list[bytes], *, remaining: int, epoch: str) -> bytes:
    """Return a part of a pull's answer. Events look as on `/sync`; the client reads the fields it knows."""
    page = {"_tag": "MoreKnown", "remaining": remaining} if remaining else {"_tag": "NoMore"}
    return b'{"_tag":"Chunk","requestId":%b,"values":[{"batch":[%b],"pageInfo":%b,"backendId":%b}]}' % (
        json.dumps(request_id).encode(),
        b",".join(_items(events)),
        json.dumps(page).encode(),
        json.dumps(epoch).encode(),
    )


def _items(events: list[bytes]) -> Iterator[bytes]:
    for event in events:
        metadata = cast("dict[str, Any]", json_text.parse(event.decode()))["metadata"]  # a line of ours
        created_at = datetime.fromtimestamp(metadata["timestamp"] / 1000, UTC).isoformat(
            timespec="milliseconds"
        )
        value = metadata | {
            "_tag": "SyncMessage.SyncMetadata",
            "createdAt": created_at.replace("+00:00", "Z"),
        }
        option = json.dumps({"_tag": "Some", "value": value}).encode()
        yield b'{"eventEncoded":%b,"metadata":%b}' % (event, option)


def success(request_id: str, **value: object) -> dict[str, object]:
    return {"_tag": "Exit", "requestId": request_id, "exit": {"_tag": "Success", "value": value}}


def end(request_id: str) -> dict[str, object]:
    """Return the end of a stream, which has no value."""
    return {"_tag": "Exit", "requestId": request_id, "exit": {"_tag": "Success"}}


def failure(request_id: str, tag: str, **fields: object) -> dict[str, object]:
    """Return an error that is in the request's schema."""
    return _failed(request_id, {"_tag": "Fail", "error": {"_tag": tag, **fields}})


def unknown(request_id: str, code: str, detail: str) -> dict[str, object]:
    """Return LiveStore's UnknownError. The client retries a push after it, but ends a pull for good."""
    return failure(request_id, "UnknownError", cause={"name": code, "message": detail}, note=code)


def interrupted(request_id: str) -> dict[str, object]:
    return _failed(request_id, {"_tag": "Interrupt", "fiberId": {"_tag": "None"}})


def _failed(request_id: str, cause: dict[str, object]) -> dict[str, object]:
    return {"_tag": "Exit", "requestId": request_id, "exit": {"_tag": "Failure", "cause": cause}}
