"""The frames of `/sync`: reading what clients send, without any I/O."""

from __future__ import annotations

from typing import Any

import orjson

from realtime.errors import BadMessage, InvalidPush, TooLarge
from realtime.kinds import Pushed

MAX_EVENTS = 100
MAX_BYTES = 900_000
MAX_TEXT = 200
MAX_ID = 100


def decode(text: str | None, data: bytes | None) -> dict[str, Any]:
    """Return the object of one message. Raises BadMessage (also for deep nesting) or TooLarge."""
    if text is None:
        raise BadMessage("This socket speaks text, not binary.")
    if len(text) > MAX_BYTES or len(text.encode()) > MAX_BYTES:
        error = TooLarge()
        error.close_code = 4413  # who sends this does not know the protocol
        raise error
    try:
        frame = orjson.loads(text)  # stops at 1,024 levels; the standard library's recursion would not
    except orjson.JSONDecodeError as error:
        raise BadMessage("This is not JSON.") from error
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise BadMessage("A message is an object with a `type`.")
    frame_id = frame.get("id")
    if not isinstance(frame_id, str | int | None) or (isinstance(frame_id, str) and len(frame_id) > MAX_ID):
        frame["id"] = None  # it goes back in every answer, so it must be small
        raise BadMessage(f"`id` must be a number or a string of at most {MAX_ID} characters.")
    return frame


def text_field(frame: dict[str, Any], name: str, *, required: bool = False) -> str:
    """Return a string field, empty when absent. Raises BadMessage."""
    value = frame.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or "\0" in value or len(value) > MAX_TEXT:
        raise BadMessage(f"`{name}` must be a string of at most {MAX_TEXT} characters.")
    return value


def cursor_field(frame: dict[str, Any]) -> int:
    value = frame.get("cursor", 0)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise BadMessage("`cursor` must be a seq, 0 for the beginning.")
    return value


def pushed_events(frame: dict[str, Any]) -> list[Pushed]:
    """Return the events of a `push`. Raises InvalidPush or TooLarge."""
    events = frame.get("events")
    if not isinstance(events, list) or not events:
        raise InvalidPush("`events` must be a list with at least one event.")
    if len(events) > MAX_EVENTS:
        raise TooLarge
    return [_pushed(event) for event in events]


def _pushed(event: Any) -> Pushed:
    if not isinstance(event, dict):
        raise InvalidPush("An event is an object.")
    event_id, name, args = event.get("eventId"), event.get("name"), event.get("args", {})
    stamp = event.get("clientTimestamp")
    if (
        not isinstance(event_id, str)
        or not 8 <= len(event_id) <= 64
        or not event_id.isascii()
        or "\0" in event_id
    ):
        raise InvalidPush("`eventId` must be a string of 8 to 64 characters, best a UUID.")
    if not isinstance(name, str) or not name or len(name) > 100:
        raise InvalidPush("`name` must be the name of a command.")
    if not isinstance(args, dict):
        raise InvalidPush("`args` must be an object.")
    if stamp is not None and (not isinstance(stamp, int) or not -(2**63) <= stamp < 2**63):
        raise InvalidPush("`clientTimestamp` must be in milliseconds.")
    return Pushed(event_id=event_id, name=name, args=args, client_timestamp=stamp)
