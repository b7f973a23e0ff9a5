"""The frames of `/sync`: reading what clients send, without any I/O."""

from __future__ import annotations

from typing import TypeGuard

from django.utils.translation import gettext as _

from realtime import json_text
from realtime.errors import BadMessage, InvalidPush, TooLarge
from realtime.kinds import Pushed

MAX_EVENTS = 100
MAX_BYTES = 900_000
MAX_TEXT = 200
MAX_ID = 100
MAX_SEQ = 2**53 - 1  # JavaScript's Number.MAX_SAFE_INTEGER


def decode(text: str | None, data: bytes | None) -> dict[str, object]:
    """Return the object of one message. Raises BadMessage (also for deep nesting) or TooLarge."""
    if text is None:
        raise BadMessage(_("This socket accepts text messages, not binary."))
    if len(text) > MAX_BYTES or len(text.encode()) > MAX_BYTES:
        error = TooLarge()
        error.close_code = 4413  # a client that knows the protocol never sends this
        raise error
    try:
        frame = json_text.parse(text)
    except ValueError as error:
        raise BadMessage(_("The message is not valid JSON.")) from error
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise BadMessage(_("A message must be an object with a `type`."))
    frame_id = frame.get("id")
    if not isinstance(frame_id, str | int | None) or (isinstance(frame_id, str) and len(frame_id) > MAX_ID):
        frame["id"] = None  # every answer repeats it, so it must be small
        sentence = _("`id` must be a number or a string of at most %(limit)s characters.")
        raise BadMessage(sentence % {"limit": MAX_ID})
    return frame


def text_field(frame: dict[str, object], name: str, *, required: bool = False) -> str:
    """Return a string field, empty when absent. Raises BadMessage."""
    value = frame.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT or not is_storable(value):
        sentence = _("`%(field)s` must be a string of at most %(limit)s characters.")
        raise BadMessage(sentence % {"field": name, "limit": MAX_TEXT})
    return value


def cursor_field(frame: dict[str, object]) -> int:
    value = frame.get("cursor", 0)
    if not _is_whole(value, 0):
        raise BadMessage(_("`cursor` must be a seq, 0 for the beginning."))
    return value


def pushed_events(frame: dict[str, object], text: str) -> list[Pushed]:
    """Return the events of a `push`; `text` is the message that the frame came from.

    Raises InvalidPush or TooLarge.
    """
    events = frame.get("events")
    if not isinstance(events, list) or not events:
        raise InvalidPush(_("`events` must be a list with at least one event."))
    if len(events) > MAX_EVENTS:
        raise TooLarge
    starts = json_text.elements(text, json_text.members(text)["events"][0])
    pushed = [_pushed(event, text, start) for event, start in zip(events, starts, strict=True)]
    if len({event.seq is None for event in pushed}) > 1:
        raise InvalidPush(_("Either all events of a push must have a `seqNum`, or none."))
    return pushed


def _pushed(event: object, text: str, start: int) -> Pushed:
    if not isinstance(event, dict):
        raise InvalidPush(_("An event must be an object."))
    event_id, name = event.get("eventId"), event.get("name")
    stamp = event.get("clientTimestamp")
    if (
        not isinstance(event_id, str)
        or not 8 <= len(event_id) <= 64
        or not event_id.isascii()
        or "\0" in event_id
    ):
        raise InvalidPush(_("`eventId` must be a string of 8 to 64 characters, preferably a UUID."))
    if not isinstance(name, str) or not 0 < len(name) <= 100 or not is_storable(name):
        raise InvalidPush(_("`name` must be the name of a command or an event."))
    if stamp is not None and not _is_whole(stamp, -(2**63)):
        raise InvalidPush(_("`clientTimestamp` must be in milliseconds."))
    seq, parent_seq = event.get("seqNum"), event.get("parentSeqNum")
    if (seq is None) != (parent_seq is None):
        raise InvalidPush(_("`seqNum` and `parentSeqNum` must be sent together."))
    if seq is not None and not (_is_whole(parent_seq, 0) and _is_whole(seq, parent_seq + 1, MAX_SEQ + 1)):
        raise InvalidPush(_("`seqNum` must be a whole number above `parentSeqNum`."))
    span = json_text.members(text, start).get("args")
    return Pushed(
        event_id=event_id,
        name=name,
        args=event.get("args"),
        client_timestamp=stamp,
        args_text=text[slice(*span)] if span else "",
        seq=seq,
        parent_seq=parent_seq,
    )


def is_storable(text: str) -> bool:
    """Return whether a database can store the text. JSON allows NUL and lone surrogates, which databases refuse."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _is_whole(value: object, low: int, high: int = 2**63) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value < high
