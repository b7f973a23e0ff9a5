"""The messages and binary frames of `/ws`: reading and writing them, without I/O.

A binary frame consists of two bytes (the header's length, big-endian), the header (JSON in UTF-8, with a `type`),
and the payload.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backline_client.errors import TooLarge

MAX_FRAME_BYTES = 1_000_000
MAX_HEADER_BYTES = 4_096
MAX_TEXT_BYTES = 65_536

_STAMPED = {"type", "streamId", "from", "timestamp", "seq", "frame", "missed", "id"}


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of a message or frame, as set by the server."""

    user_id: str
    connection_id: str


@dataclass(frozen=True, slots=True)
class Message:
    """A JSON message. `data` has the sender's fields. `seq` is None unless the type is durable."""

    type: str
    stream_id: str
    data: dict[str, Any]
    sender: Sender
    timestamp_ms: int
    seq: int | None
    id: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """A binary frame. `missed` is how many frames were dropped before it. `number` counts the stream's frames."""

    type: str
    stream_id: str
    data: dict[str, Any]
    payload: bytes
    sender: Sender
    timestamp_ms: int
    number: int
    missed: int


@dataclass(frozen=True, slots=True)
class Presence:
    """The clients on a stream: numbers of producers and watchers, and `present`, the objects of docs/protocol.md."""

    stream_id: str
    producing: int
    watching: int
    present: list[dict[str, Any]]


def read_message(message: Mapping[str, Any]) -> Message:
    """Read a JSON message of one of the stream's types. The server has added sender, time and `seq`."""
    return Message(
        type=message["type"],
        stream_id=message["streamId"],
        data=_data(message),
        sender=_sender(message),
        timestamp_ms=message["timestamp"],
        seq=message.get("seq"),
        id=message.get("id"),
    )


def read_frame(raw: bytes) -> Frame:
    """Read a binary frame, to whose header the server has added sender, time and number. Raises ValueError."""
    end = 2 + int.from_bytes(raw[:2])
    header = json.loads(raw[2:end])
    return Frame(
        type=header["type"],
        stream_id=header["streamId"],
        data=_data(header),
        payload=raw[end:],
        sender=_sender(header),
        timestamp_ms=header["timestamp"],
        number=header["frame"],
        missed=header["missed"],
    )


def read_presence(message: Mapping[str, Any]) -> Presence:
    return Presence(message["streamId"], message["producing"], message["watching"], message["present"])


def pack(header: Mapping[str, Any], payload: bytes) -> bytes:
    """Return a binary frame. Raises TooLarge, or TypeError or ValueError if the header is not valid JSON."""
    raw = to_json(header).encode()
    if len(raw) > MAX_HEADER_BYTES:
        raise TooLarge("TOO_LARGE", f"A frame's header may have at most {MAX_HEADER_BYTES} bytes.")
    if 2 + len(raw) + len(payload) > MAX_FRAME_BYTES:
        raise TooLarge("TOO_LARGE", f"A frame may have at most {MAX_FRAME_BYTES} bytes with its header.")
    return b"".join((len(raw).to_bytes(2), raw, payload))


def to_text(message: Mapping[str, Any]) -> str:
    """Return a message as JSON for `/ws`. Raises TooLarge, or TypeError or ValueError if it is not valid JSON."""
    text = to_json(message)
    if len(text) > MAX_TEXT_BYTES:
        raise TooLarge("TOO_LARGE", f"A message may have at most {MAX_TEXT_BYTES} bytes.")
    return text


def to_json(value: object) -> str:
    """Return JSON in ASCII. Raises TypeError, or ValueError for NaN and infinities (RFC 8259 §6)."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _data(message: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in _STAMPED}


def _sender(message: Mapping[str, Any]) -> Sender:
    return Sender(message["from"]["userId"], message["from"]["connectionId"])
