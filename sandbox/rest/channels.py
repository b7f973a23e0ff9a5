"""/channels/{id}/messages, typing, and a voice channel's status line."""

from datetime import UTC, datetime, timedelta

from sandbox import actions, permissions, shapes
from sandbox.errors import DiscordError, invalid_form, missing_permissions
from sandbox.model import Channel, ChannelType, Json, Message, MessageFlag
from sandbox.rest import named
from sandbox.rest.api import Call, Route
from sandbox.snowflake import created_at, is_snowflake

# How long `enforce_nonce` finds an earlier message. Discord's documentation says "the past few minutes".
NONCE_KEPT = timedelta(minutes=3)
MAX_NONCE = 25
OLD_MESSAGE = timedelta(hours=1)  # edits of older messages have a separate limit, error code 30046
TALKABLE = (ChannelType.TEXT, ChannelType.DM, ChannelType.VOICE, ChannelType.ANNOUNCEMENT, ChannelType.STAGE)
BULK_LEAST, BULK_MOST, BULK_AGE = 2, 100, timedelta(days=14)


async def list_messages(call: Call) -> list[Json]:
    """List messages, newest first, as on Discord. The list is empty without Read Message History."""
    channel = named.channel(call)
    if not named.may(call, channel, permissions.READ_MESSAGE_HISTORY):
        return []
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
    return [shapes.message_read(call.world, each) for each in reversed(chosen)]


async def get_message(call: Call) -> Json:
    named.channel(call, need=permissions.READ_MESSAGE_HISTORY)
    return shapes.message_read(call.world, named.message(call))


async def _read(call: Call, channel: Channel) -> tuple[Json, list[Json]]:
    """Return the payload and its stored files. Files need the permission Attach Files."""
    payload, uploads = await call.message()
    if uploads:
        named.channel(call, need=permissions.ATTACH_FILES)
    return payload, call.keep(channel.id, payload, uploads)


async def send_message(call: Call) -> Json:
    channel = named.channel(call, need=permissions.SEND_MESSAGES)
    if channel.type not in TALKABLE:
        raise DiscordError(400, 50008, "Cannot send messages in a non-text channel")
    payload, attachments = await _read(call, channel)
    if payload.get("embeds") and not named.may(call, channel, permissions.EMBED_LINKS):
        # Discord drops the embeds, and refuses a message that is then empty (discord-api-docs#2601).
        payload = {key: value for key, value in payload.items() if key != "embeds"}
        if not payload.get("content") and not attachments:
            raise missing_permissions()
    if (nonce := payload.get("nonce")) is not None:
        if isinstance(nonce, str) and len(nonce) > MAX_NONCE:
            raise invalid_form({"nonce": f"Must be {MAX_NONCE} or fewer in length."})
        if payload.get("enforce_nonce") and (earlier := _of_nonce(call, channel, nonce)):
            return shapes.message(call.world, earlier)
    if reference := payload.get("message_reference"):
        if not named.may(call, channel, permissions.READ_MESSAGE_HISTORY):
            raise DiscordError(400, 160002, "Cannot reply without permission to read message history")
        original = call.world.messages.get(str(reference.get("message_id")))
        if original is not None and original.type in actions.SYSTEM_TYPES:
            raise invalid_form({"message_reference": "Cannot reply to a system message"})
        if original is None and reference.get("fail_if_not_exists", True):
            raise invalid_form({"message_reference": "Unknown message"})
        if original is None:
            payload = {key: value for key, value in payload.items() if key != "message_reference"}
    message = actions.send_message(call.world, channel, call.world.bot_id, payload, attachments=attachments)
    return shapes.message(call.world, message)


def _of_nonce(call: Call, channel: Channel, nonce: str | int) -> Message | None:
    """Return the bot's message with this nonce, if it is not older than `NONCE_KEPT`."""
    since = datetime.now(UTC) - NONCE_KEPT
    for message in reversed(call.world.channel_messages(channel.id)):
        if message.nonce == nonce and message.author_id == call.world.bot_id:
            return message if datetime.fromisoformat(message.created_at) > since else None
    return None


async def edit_message(call: Call) -> Json:
    channel, message = named.channel(call), named.message(call)
    payload, attachments = await _read(call, channel)
    hides = set(payload) <= {"flags"} and named.may(call, channel, permissions.MANAGE_MESSAGES)
    if message.author_id != call.world.bot_id and not hides:
        raise DiscordError(403, 50005, "Cannot edit a message authored by another user")
    if datetime.fromisoformat(message.created_at) < datetime.now(UTC) - OLD_MESSAGE:
        call.count_hidden("edits of old messages", channel.id)
    actions.edit_message(call.world, message, payload, attachments=attachments)
    return shapes.message(call.world, message)


async def delete_message(call: Call) -> None:
    channel, message = named.channel(call), named.message(call)
    if message.author_id != call.world.bot_id:
        if channel.guild_id is None:
            raise missing_permissions()
        named.channel(call, need=permissions.MANAGE_MESSAGES)
    actions.delete_message(call.world, message)


async def bulk_delete(call: Call) -> None:
    """Delete several messages. Ids without a message count towards the limits but are otherwise ignored."""
    channel = named.guild_channel(call, need=permissions.MANAGE_MESSAGES)
    ids = (await call.object()).get("messages")
    if not isinstance(ids, list) or not all(is_snowflake(str(each)) for each in ids):
        raise invalid_form({"messages": "Only snowflakes may be used in this list."})
    ids = list(dict.fromkeys(map(str, ids)))
    if not BULK_LEAST <= len(ids) <= BULK_MOST:
        message = f"You must provide at least {BULK_LEAST} and at most {BULK_MOST} messages to delete."
        raise DiscordError(400, 50016, message)
    oldest = datetime.now(UTC) - BULK_AGE
    if any(created_at(each) < oldest for each in ids):
        raise DiscordError(400, 50034, "You can only bulk delete messages that are under 14 days old.")
    actions.delete_messages(call.world, channel, ids)


async def crosspost(call: Call) -> Json:
    channel, message = named.guild_channel(call, need=permissions.SEND_MESSAGES), named.message(call)
    if channel.type != ChannelType.ANNOUNCEMENT:
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    if message.author_id != call.world.bot_id:
        named.channel(call, need=permissions.MANAGE_MESSAGES)
    if message.flags & MessageFlag.CROSSPOSTED:
        raise DiscordError(400, 40033, "This message has already been crossposted")
    actions.crosspost(call.world, message)
    return shapes.message(call.world, message)


async def start_typing(call: Call) -> None:
    channel = named.channel(call, need=permissions.SEND_MESSAGES)
    actions.start_typing(call.world, channel, call.world.bot_id)


async def set_voice_status(call: Call) -> None:
    """Set or remove the status of a voice channel. Outside of its own channel, the bot also needs Manage Channels."""
    channel = named.channel(call)
    if channel.type != ChannelType.VOICE:
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    state = call.world.voice_states.get((channel.guild_id or "", call.world.bot_id))
    seated = state is not None and state.channel_id == channel.id
    need = permissions.SET_VOICE_CHANNEL_STATUS | (0 if seated else permissions.MANAGE_CHANNELS)
    named.channel(call, need=need)
    status = (await call.object()).get("status")
    if status is not None and (not isinstance(status, str) or len(status) > 500):
        raise invalid_form({"status": "Must be 500 or fewer in length."})
    actions.set_channel_status(call.world, channel, status or None)


_ONE = "/channels/{channel_id}/messages/{message_id}"

ROUTES = [
    Route("GET", "/channels/{channel_id}/messages", list_messages),
    Route("POST", "/channels/{channel_id}/messages", send_message),
    Route("POST", "/channels/{channel_id}/messages/bulk-delete", bulk_delete),
    Route("GET", _ONE, get_message),
    Route("PATCH", _ONE, edit_message),
    Route("DELETE", _ONE, delete_message),
    Route("POST", f"{_ONE}/crosspost", crosspost),
    Route("POST", "/channels/{channel_id}/typing", start_typing),
    Route("PUT", "/channels/{channel_id}/voice-status", set_voice_status),
]
