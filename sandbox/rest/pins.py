"""/channels/{id}/messages/pins, and the older /channels/{id}/pins, which most libraries still use."""

from datetime import datetime

from sandbox import actions, permissions, shapes
from sandbox.errors import DiscordError, invalid_form
from sandbox.model import Channel, Json, Message
from sandbox.rest import named
from sandbox.rest.api import Call, Route

MOST_PINS = 250


def _pinned(call: Call, channel: Channel) -> list[tuple[str, Message]]:
    """Return (time of the pin, message) for the pinned messages, newest first."""
    if not named.may(call, channel, permissions.READ_MESSAGE_HISTORY):
        return []
    messages = call.world.channel_messages(channel.id)
    found = [(each.pinned_at, each) for each in messages if each.pinned_at is not None]
    return sorted(found, key=lambda pin: (pin[0], int(pin[1].id)), reverse=True)


async def list_messages(call: Call) -> list[Json]:
    return [shapes.message_read(call.world, message) for _, message in _pinned(call, named.channel(call))]


async def list_pins(call: Call) -> Json:
    """Return one page of pins with their times. The query parameter `before` is a time."""
    limit, pins = call.number("limit", 50, 1, 50), _pinned(call, named.channel(call))
    if (before := call.request.query.get("before")) is not None:
        try:
            moment = datetime.fromisoformat(before)
            pins = [pin for pin in pins if datetime.fromisoformat(pin[0]) < moment]
        except (ValueError, TypeError):  # not a time, or a time without an offset
            raise invalid_form({"before": f'Value "{before}" is not an ISO 8601 time.'}) from None
    items = [
        {"pinned_at": at, "message": shapes.message_read(call.world, message)} for at, message in pins[:limit]
    ]
    return {"items": items, "has_more": len(pins) > limit}


async def pin(call: Call) -> None:
    channel, message = named.channel(call, need=permissions.PIN_MESSAGES), named.message(call)
    if message.pinned_at is None and len(_pinned(call, channel)) >= MOST_PINS:
        raise DiscordError(400, 30003, f"Maximum number of pins reached for the channel ({MOST_PINS})")
    actions.pin(call.world, message, call.world.bot_id, pinned=True)


async def unpin(call: Call) -> None:
    named.channel(call, need=permissions.PIN_MESSAGES)
    actions.pin(call.world, named.message(call), call.world.bot_id, pinned=False)


_OLD, _NEW = "/channels/{channel_id}/pins", "/channels/{channel_id}/messages/pins"

ROUTES = [
    Route("GET", _OLD, list_messages),
    Route("GET", _NEW, list_pins),
    *(
        route
        for path in (f"{_OLD}/{{message_id}}", f"{_NEW}/{{message_id}}")
        for route in (Route("PUT", path, pin), Route("DELETE", path, unpin))
    ),
]
