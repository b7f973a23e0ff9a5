"""/channels/{id}/messages/{id}/reactions."""

from sandbox import permissions, reactions, shapes
from sandbox.model import Channel, Json, Message, Reaction
from sandbox.rest import named
from sandbox.rest.api import Call, Route


def _place(call: Call, *, need: int = 0) -> tuple[Channel, Message]:
    return named.channel(call, need=permissions.READ_MESSAGE_HISTORY | need), named.message(call)


def _emoji(call: Call, message: Message) -> Reaction:
    return reactions.parse(call.world, message, call.param("emoji_name"))


async def react(call: Call) -> None:
    """Add the bot's reaction. An emoji that the message does not have yet needs Add Reactions."""
    _, message = _place(call)
    emoji = _emoji(call, message)
    if reactions.find(message, emoji) is None:
        named.channel(call, need=permissions.ADD_REACTIONS)
    reactions.add(call.world, message, emoji, call.world.bot_id)


async def take_back(call: Call) -> None:
    _, message = _place(call)
    reactions.remove(call.world, message, _emoji(call, message), call.world.bot_id)


async def remove(call: Call) -> None:
    user_id = call.param("user_id")
    others = permissions.MANAGE_MESSAGES if user_id != call.world.bot_id else 0
    _, message = _place(call, need=others)
    emoji = _emoji(call, message)
    reactions.remove(call.world, message, emoji, call.world.user(user_id).id)


async def list_users(call: Call) -> list[Json]:
    """List the users who reacted, by id. `type` 1 (super reactions, which need Nitro) is always empty."""
    _, message = _place(call)
    limit, after = call.number("limit", 25, 1, 100), call.number("after", 0, 0, 1 << 63)
    burst = call.number("type", 0, 0, 1)
    found = reactions.find(message, _emoji(call, message))
    ids = sorted(found.user_ids if found and not burst else [], key=int)
    return [shapes.user(call.world.users[each]) for each in ids if int(each) > after][:limit]


async def remove_emoji(call: Call) -> None:
    _, message = _place(call, need=permissions.MANAGE_MESSAGES)
    reactions.remove_emoji(call.world, message, _emoji(call, message))


async def clear(call: Call) -> None:
    _, message = _place(call, need=permissions.MANAGE_MESSAGES)
    reactions.clear(call.world, message)


_ALL = "/channels/{channel_id}/messages/{message_id}/reactions"
_ONE = f"{_ALL}/{{emoji_name}}"

ROUTES = [
    Route("DELETE", _ALL, clear),
    Route("GET", _ONE, list_users),
    Route("DELETE", _ONE, remove_emoji),
    Route("PUT", f"{_ONE}/@me", react),
    Route("DELETE", f"{_ONE}/@me", take_back),
    Route("DELETE", f"{_ONE}/{{user_id}}", remove),
]
