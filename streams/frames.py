"""The messages of `/ws`: decode what clients send and encode what others receive, without any I/O.

A binary frame has two bytes (the length of the header, big-endian), the header (JSON, UTF-8, with a `type`) and the
payload, which the server does not interpret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson
from django.utils.translation import gettext as _
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from realtime.asgi import Message
from realtime.errors import BadMessage
from streams.errors import InvalidMessage, MessageTooLarge
from streams.models import RESERVED_TYPES, TYPE

MAX_FRAME_BYTES = 1_000_000
MAX_HEADER_BYTES = 4_096
MAX_TEXT_BYTES = 65_536
MAX_TYPES = 32
MAX_DEPTH = 1_024  # orjson's limit
MAX_ID = 100

# A JSON object that a client wrote. Each field is validated where it is used.
type ClientMessage = dict[str, Any]

# Fields that the server writes. Those that a client sends are dropped.
STAMPED = ("type", "streamId", "from", "userId", "timestamp", "seq", "frame", "missed", "id")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A binary frame as a client sent it. `stream_id` is empty if its header names none."""

    type: str
    stream_id: str
    header: ClientMessage
    payload: memoryview


def decode_text(text: str) -> ClientMessage:
    """Return the object of a text message. Raises BadMessage, InvalidMessage or MessageTooLarge."""
    if len(text) > MAX_TEXT_BYTES or len(text.encode()) > MAX_TEXT_BYTES:
        raise MessageTooLarge(
            _("A text message may have at most %(limit)s bytes.") % {"limit": MAX_TEXT_BYTES}
        )
    message = _decode(text)
    message_id = message.get("id")
    if not isinstance(message_id, str | int | None) or len(str(message_id)) > MAX_ID:
        sentence = _("`id` must be a number or a string of at most %(limit)s characters.")
        raise InvalidMessage(sentence % {"limit": MAX_ID})
    return message


def decode_binary(data: bytes) -> Incoming:
    """Return a frame whose payload is a view of `data`. Raises BadMessage, InvalidMessage or MessageTooLarge."""
    if len(data) > MAX_FRAME_BYTES:
        raise MessageTooLarge(_("A frame may have at most %(limit)s bytes.") % {"limit": MAX_FRAME_BYTES})
    length = int.from_bytes(data[:2])
    if len(data) < 2 or not 2 <= length <= MAX_HEADER_BYTES or 2 + length > len(data):
        sentence = _("A frame must begin with the length of its header in two bytes, at most %(limit)s.")
        raise BadMessage(sentence % {"limit": MAX_HEADER_BYTES})
    view = memoryview(data)
    header = _decode(view[2 : 2 + length])
    stream_id = header.get("streamId", "")
    if not isinstance(stream_id, str):
        raise InvalidMessage(_("`streamId` must be a string."))
    return Incoming(header["type"], stream_id, header, view[2 + length :])


def _decode(text: str | memoryview) -> ClientMessage:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            message = orjson.loads(_without_halves(text))
        except ValueError as error:
            raise BadMessage(_("The message is not valid JSON.")) from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise BadMessage(_("A message must be an object with a `type`."))
    return message


def _without_halves(text: str | memoryview) -> bytes:
    """Return JSON with `?` for each lone surrogate, which JSON allows (RFC 8259 §8.2) but Unicode does not.

    A client that cuts a text in the middle of an emoji sends one. Raises ValueError for invalid JSON.
    """
    text = text if isinstance(text, str) else str(text, "utf-8")
    if text.count("[") + text.count("{") > MAX_DEPTH:
        raise ValueError("too deep")  # Python's parser would use megabytes of stack
    message = json.loads(text)
    return json.dumps(message, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def message_id(message: ClientMessage) -> str | None:
    """Return the id that prevents a message from being written twice, None if absent. Raises InvalidMessage."""
    value = message.get("id")
    if value is not None and not (
        isinstance(value, str) and 8 <= len(value) <= 64 and value.isascii() and value.isprintable()
    ):
        raise InvalidMessage(_("`id` must be a string of 8 to 64 characters, preferably a UUID."))
    return value


def types_field(message: ClientMessage, name: str) -> frozenset[str]:
    """Return a list of types as a set, empty when absent. Raises InvalidMessage."""
    value = message.get(name, [])
    if not isinstance(value, list) or len(value) > MAX_TYPES or not all(map(_is_type, value)):
        sentence = _("`%(field)s` must be a list of at most %(limit)s types, none of them %(reserved)s.")
        reserved = ", ".join(sorted(RESERVED_TYPES))
        raise InvalidMessage(sentence % {"field": name, "limit": MAX_TYPES, "reserved": reserved})
    return frozenset(value)


def _is_type(value: object) -> bool:
    return isinstance(value, str) and value not in RESERVED_TYPES and bool(TYPE.fullmatch(value))


def own_fields(message: ClientMessage) -> ClientMessage:
    """Return the client's own fields, without those that the server writes."""
    return {key: value for key, value in message.items() if key not in STAMPED}


def stamp(type_: str, stream_id: str, message: ClientMessage, **stamps: object) -> bytes:
    """Return a live message, or a frame's header, as JSON without the closing brace. Raises InvalidMessage."""
    try:
        return orjson.dumps({"type": type_, **own_fields(message), "streamId": stream_id, **stamps})[:-1]
    except orjson.JSONEncodeError as error:
        raise InvalidMessage(_("The message is nested too deeply.")) from error


def text_message(payload: bytes) -> bytes:
    """Return a text message as one WebSocket frame (RFC 6455 §5.2): final, unmasked, uncompressed."""
    return WireFrame(Opcode.TEXT, payload).serialize(mask=False)


def binary_message(stamped: bytes, number: int, missed: int, payload: memoryview) -> bytes:
    """Return a frame as a binary WebSocket frame. This copies the payload, once for all who get the same bytes."""
    header = b'%b,"frame":%d,"missed":%d}' % (stamped, number, missed)
    size = 2 + len(header) + payload.nbytes
    if size < 126:
        start = bytes((0x82, size))
    elif size < 65_536:
        start = b"\x82\x7e" + size.to_bytes(2)
    else:
        start = b"\x82\x7f" + size.to_bytes(8)
    return b"".join((start, len(header).to_bytes(2), header, payload))


def unframed(wire: bytes) -> Message:
    """Return the ASGI message for a ready WebSocket frame, for servers that do their own framing."""
    start = {126: 4, 127: 10}.get(wire[1], 2)
    if wire[0] & 0x0F == Opcode.TEXT:
        return {"type": "websocket.send", "text": wire[start:].decode()}
    return {"type": "websocket.send", "bytes": wire[start:]}


def durable_message(event: bytes, stream_id: str) -> tuple[str, int, bytes]:
    """Return `(type, seq, WebSocket frame)` for an event of a `stream:` log. `event` is encoded for `/sync`."""
    entry = orjson.loads(event)
    metadata = entry["metadata"]
    stamped = stamp(
        entry["name"],
        stream_id,
        entry["args"],
        **{"from": {"userId": metadata["userId"], "connectionId": metadata["connectionId"]}},
        timestamp=metadata["timestamp"],
        seq=entry["seqNum"],
        id=entry["eventId"],
    )
    return entry["name"], entry["seqNum"], text_message(stamped + b"}")
