"""/channels: messages and the voice channel's status line."""

from sandbox import actions, permissions, shapes
from sandbox.errors import DiscordError, invalid_form, missing_permissions, unknown
from sandbox.model import Channel, ChannelType, Json, Message
from sandbox.rest.api import Call, Route
from sandbox.snowflake import is_snowflake

TALKABLE = (ChannelType.TEXT, ChannelType.DM, ChannelType.VOICE, ChannelType.ANNOUNCEMENT, ChannelType.STAGE)


def _channel(call: Call, *, need: int = 0) -> Channel:
    return actions.visible_channel(call.world, call.param("channel_id"), call.world.bot_id, need=need)


def _message(call: Call) -> Message:
    message = call.world.messages.get(call.param("message_id"))
    if message is None or message.channel_id != call.param("channel_id") or message.only_user_id is not None:
        raise unknown("Message")
    return message


async def get_channel(call: Call) -> Json:
    return shapes.channel(call.world, _channel(call))


async def list_messages(call: Call) -> list[Json]:
    """Newest first, as Discord does."""
    channel = _channel(call, need=permissions.READ_MESSAGE_HISTORY)
    limit = call.number("limit", 50, 1, 100)
    messages = [each for each in call.world.channel_messages(channel.id) if each.only_user_id is None]
    marks = {}
    for name in ("before", "after", "around"):
        if (value := call.request.query.get(name)) is not None:
            if not is_snowflake(value):
                raise invalid_form({name: f'Value "{value}" is not snowflake.'})
            marks[name] = int(value)
    if "around" in marks:
        half = limit // 2
        older = [each for each in messages if int(each.id) < marks["around"]][-half:]
        chosen = older + [each for each in messages if int(each.id) >= marks["around"]][: limit - half]
    elif "after" in marks:
        chosen = [each for each in messages if int(each.id) > marks["after"]][:limit]
    else:
        chosen = [each for each in messages if int(each.id) < marks.get("before", 1 << 64)][-limit:]
    return [shapes.message(call.world, each) for each in reversed(chosen)]


async def get_message(call: Call) -> Json:
    _channel(call, need=permissions.READ_MESSAGE_HISTORY)
    return shapes.message(call.world, _message(call))


async def send_message(call: Call) -> Json:
    channel = _channel(call, need=permissions.SEND_MESSAGES)
    if channel.type not in TALKABLE:
        raise DiscordError(400, 50008, "Cannot send messages in a non-text channel")
    payload, attachments = await call.message_payload(channel.id)
    nonce = payload.get("nonce")
    if nonce is not None and payload.get("enforce_nonce"):
        for earlier in reversed(call.world.channel_messages(channel.id)):
            if earlier.nonce == nonce and earlier.author_id == call.world.bot_id:
                return shapes.message(call.world, earlier)
    if reference := payload.get("message_reference"):
        original = call.world.messages.get(str(reference.get("message_id")))
        if original is None and reference.get("fail_if_not_exists", True):
            raise invalid_form({"message_reference": "Unknown message"})
        if original is None:
            payload = {key: value for key, value in payload.items() if key != "message_reference"}
    message = actions.send_message(call.world, channel, call.world.bot_id, payload, attachments=attachments)
    return shapes.message(call.world, message)


async def edit_message(call: Call) -> Json:
    channel, message = _channel(call), _message(call)
    payload, attachments = await call.message_payload(channel.id)
    if message.author_id != call.world.bot_id:
        raise DiscordError(403, 50005, "Cannot edit a message authored by another user")
    actions.edit_message(call.world, message, payload, attachments=attachments)
    return shapes.message(call.world, message)


async def delete_message(call: Call) -> None:
    channel, message = _channel(call), _message(call)
    if message.author_id != call.world.bot_id:
        if channel.guild_id is None:
            raise missing_permissions()
        _channel(call, need=permissions.MANAGE_MESSAGES)
    actions.delete_message(call.world, message)


async def start_typing(call: Call) -> None:
    _channel(call, need=permissions.SEND_MESSAGES)


async def set_voice_status(call: Call) -> None:
    channel = _channel(call, need=permissions.SET_VOICE_CHANNEL_STATUS)
    if channel.type != ChannelType.VOICE:
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    status = (await call.object()).get("status")
    if status is not None and (not isinstance(status, str) or len(status) > 500):
        raise invalid_form({"status": "Must be 500 or fewer in length."})
    actions.set_channel_status(call.world, channel, status or None)


ROUTES = [
    Route("GET", "/channels/{channel_id}", get_channel),
    Route("GET", "/channels/{channel_id}/messages", list_messages),
    Route("POST", "/channels/{channel_id}/messages", send_message),
    Route("GET", "/channels/{channel_id}/messages/{message_id}", get_message),
    Route("PATCH", "/channels/{channel_id}/messages/{message_id}", edit_message),
    Route("DELETE", "/channels/{channel_id}/messages/{message_id}", delete_message),
    Route("POST", "/channels/{channel_id}/typing", start_typing),
    Route("PUT", "/channels/{channel_id}/voice-status", set_voice_status),
]
