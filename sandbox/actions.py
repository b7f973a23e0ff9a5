"""Changes to the world. Each function changes the state, schedules a save and emits the event."""

import time

from sandbox import content, permissions, shapes, snowflake
from sandbox.errors import missing_access, missing_permissions, unknown
from sandbox.model import Channel, Event, Guild, Json, Member, Message, MessageFlag, Role, VoiceState
from sandbox.world import World

# Types of messages
PIN_NOTICE, JOIN_NOTICE = (
    6,
    7,
)  # announce a pin in its channel, and a new member in the guild's system channel
SYSTEM_TYPES = (PIN_NOTICE, JOIN_NOTICE)
SLASH_REPLY, MENU_REPLY = (
    20,
    23,
)  # replies to slash commands, and to commands in the menus of messages and users


def visible_channel(world: World, channel_id: str, user_id: str, *, need: int = 0) -> Channel:
    """Return the channel if the user may see it and has the permission bits in `need` there.

    Raises:
        DiscordError: 404 unknown channel, 403 missing access or permissions.
    """
    channel = world.channels.get(channel_id)
    if channel is None:
        raise unknown("Channel")
    if channel.guild_id is None:
        if user_id not in (channel.recipient_id, world.bot_id):
            raise unknown("Channel")
        return channel
    member = world.members.get((channel.guild_id, user_id))
    if member is None:
        raise unknown("Channel")
    bits = permissions.in_channel(world, member, channel)
    if not bits & permissions.VIEW_CHANNEL:
        raise missing_access()
    if bits & need != need:
        raise missing_permissions()
    return channel


def send_message(
    world: World,
    channel: Channel,
    author_id: str,
    payload: Json,
    *,
    attachments: list[Json] | None = None,
    interaction: Json | None = None,
    only_user_id: str | None = None,
    via_webhook: bool = False,
) -> Message:
    """Post a message. `attachments` are already stored, in Discord's format.

    Raises:
        DiscordError: 400 when the payload is invalid.
    """
    identifier, created_at = shapes.new_message_id()
    message = Message(
        identifier,
        channel.id,
        author_id,
        created_at=created_at,
        tts=bool(payload.get("tts", False)),
        nonce=payload.get("nonce"),
        interaction=interaction,
        only_user_id=only_user_id,
        via_webhook=via_webhook,
        type=_type_of_reply(interaction) if interaction else 0,
    )
    if only_user_id is not None:
        message.flags |= MessageFlag.EPHEMERAL
    if reference := payload.get("message_reference"):
        message.type = 19
        message.reference = {
            "type": 0,
            "channel_id": channel.id,
            "message_id": str(reference["message_id"]),
            **({"guild_id": channel.guild_id} if channel.guild_id else {}),
        }
    content.apply(world, message, payload, new_attachments=attachments or [])
    publish(world, message)
    return message


def defer_message(world: World, channel: Channel, *, interaction: Json, only_user_id: str | None) -> Message:
    """Post the "thinking…" placeholder of a deferred response."""
    identifier, created_at = shapes.new_message_id()
    flags = MessageFlag.LOADING | (MessageFlag.EPHEMERAL if only_user_id else 0)
    message = Message(
        identifier,
        channel.id,
        world.bot_id,
        created_at=created_at,
        flags=flags,
        interaction=interaction,
        only_user_id=only_user_id,
        via_webhook=True,
        type=_type_of_reply(interaction),
    )
    publish(world, message)
    return message


def _type_of_reply(interaction: Json) -> int:
    if interaction["type"] != 2:
        return 0
    return MENU_REPLY if {"target_message_id", "target_user"} & interaction.keys() else SLASH_REPLY


def announce(
    world: World, channel_id: str, user_id: str, kind: int, *, reference: Json | None = None
) -> None:
    """Post a system message about what a user did."""
    identifier, created_at = shapes.new_message_id()
    publish(
        world, Message(identifier, channel_id, user_id, created_at=created_at, type=kind, reference=reference)
    )


def publish(world: World, message: Message) -> None:
    world.keep(message)
    _emit(world, "MESSAGE_CREATE", message)


def edit_message(
    world: World, message: Message, payload: Json, *, attachments: list[Json] | None = None
) -> None:
    """Raises DiscordError 400 when the payload is invalid."""
    content.apply(world, message, payload, new_attachments=attachments or [])
    message.flags &= ~MessageFlag.LOADING
    message.edited_at = snowflake.now()
    world.changed()
    _emit(world, "MESSAGE_UPDATE", message)


def delete_message(world: World, message: Message) -> None:
    del world.messages[message.id]
    world.changed()
    guild_id = world.channels[message.channel_id].guild_id
    data: Json = {"id": message.id, "channel_id": message.channel_id}
    if guild_id:
        data["guild_id"] = guild_id
    world.emit(Event("MESSAGE_DELETE", data, guild_id, message.only_user_id))


def delete_messages(world: World, channel: Channel, ids: list[str]) -> None:
    """Delete several messages with one event. Ids of messages in other channels are ignored."""
    found = [each for each in ids if each in world.messages and world.messages[each].channel_id == channel.id]
    for message_id in found:
        del world.messages[message_id]
    world.changed()
    data: Json = {"ids": found, "channel_id": channel.id, "guild_id": channel.guild_id}
    if found:
        world.emit(Event("MESSAGE_DELETE_BULK", data, channel.guild_id))


def crosspost(world: World, message: Message) -> None:
    """Mark an announcement as crossposted. The sandbox has no channels that follow it."""
    message.flags |= MessageFlag.CROSSPOSTED
    world.changed()
    _emit(world, "MESSAGE_UPDATE", message)


def pin(world: World, message: Message, user_id: str, *, pinned: bool) -> None:
    """Pin or unpin a message, as a user."""
    if pinned == (message.pinned_at is not None):
        return
    message.pinned_at = snowflake.now() if pinned else None
    world.changed()
    _emit(world, "MESSAGE_UPDATE", message)
    if pinned:
        reference: Json = {"type": 0, "channel_id": message.channel_id, "message_id": message.id}
        announce(world, message.channel_id, user_id, PIN_NOTICE, reference=reference)
    pins = [each.pinned_at for each in world.channel_messages(message.channel_id) if each.pinned_at]
    data: Json = {"channel_id": message.channel_id, "last_pin_timestamp": max(pins, default=None)}
    emit_in_channel(world, "CHANNEL_PINS_UPDATE", data)


def start_typing(world: World, channel: Channel, user_id: str) -> None:
    data: Json = {"channel_id": channel.id, "user_id": user_id, "timestamp": int(time.time())}
    if channel.guild_id is not None:
        data["member"] = shapes.member(world, world.members[channel.guild_id, user_id])
    emit_in_channel(world, "TYPING_START", data)


def emit_in_channel(world: World, name: str, data: Json) -> None:
    """Emit an event of the channel `data["channel_id"]`. For a guild's channel, `guild_id` is added to the data."""
    guild_id = world.channels[data["channel_id"]].guild_id
    world.emit(Event(name, data | ({"guild_id": guild_id} if guild_id else {}), guild_id))


def _emit(world: World, name: str, message: Message) -> None:
    guild_id = world.channels[message.channel_id].guild_id
    world.emit(Event(name, shapes.message_event(world, message), guild_id, message.only_user_id))


def open_dm(world: World, user_id: str) -> Channel:
    """Return the bot's DM channel with a user. It is created on first use."""
    world.user(user_id)
    for channel in world.channels.values():
        if channel.recipient_id == user_id:
            return channel
    channel = Channel(snowflake.new_snowflake(), type=1, recipient_id=user_id)
    world.channels[channel.id] = channel
    world.changed()
    return channel


def enter_voice(world: World, state: VoiceState) -> None:
    """Store a voice state: the user joins, moves, or changes mute and deaf."""
    world.voice_states[state.guild_id, state.user_id] = state
    world.changed()
    world.emit(Event("VOICE_STATE_UPDATE", shapes.voice_state(world, state), state.guild_id))


def leave_voice(world: World, guild_id: str, user_id: str) -> VoiceState | None:
    """Remove a user from voice. Returns their last voice state, or None if they had none."""
    state = world.voice_states.pop((guild_id, user_id), None)
    if state is None:
        return None
    world.changed()
    world.emit(Event("VOICE_STATE_UPDATE", shapes.voice_state(world, state, left=True), guild_id))
    return state


def set_channel_status(world: World, channel: Channel, status: str | None) -> None:
    """Set the status line under a voice channel's name."""
    channel.status = status
    world.changed()
    data: Json = {"id": channel.id, "guild_id": channel.guild_id, "status": status or ""}
    world.emit(Event("VOICE_CHANNEL_STATUS_UPDATE", data, channel.guild_id))


def install_bot(world: World, guild: Guild, granted: int) -> None:
    """Add the bot to a guild with a managed role that has the `granted` bits.

    If the bot is already a member, only the role changes.
    """
    existing = next((role for role in world.guild_roles(guild.id) if role.bot_id == world.bot_id), None)
    if existing is not None:
        existing.permissions = granted
        world.changed()
        world.emit(
            Event("GUILD_ROLE_UPDATE", {"guild_id": guild.id, "role": shapes.role(existing)}, guild.id)
        )
        return
    bot_role = Role(snowflake.new_snowflake(), guild.id, "Backline", granted, 1, bot_id=world.bot_id)
    for role in world.guild_roles(guild.id):
        role.position += role.position > 0
    world.roles[bot_role.id] = bot_role
    member = Member(guild.id, world.bot_id, snowflake.now(), [bot_role.id])
    world.members[guild.id, world.bot_id] = member
    world.changed()
    world.emit(
        Event("GUILD_CREATE", {"id": guild.id}, guild.id)
    )  # the gateway fills in the rest, per session


def remove_bot(world: World, guild_id: str) -> None:
    """Remove the bot from a guild, with its role, membership, guild commands and voice state."""
    leave_voice(world, guild_id, world.bot_id)
    world.members.pop((guild_id, world.bot_id), None)
    world.roles = {
        key: role for key, role in world.roles.items() if not (role.guild_id == guild_id and role.bot_id)
    }
    world.commands = {key: each for key, each in world.commands.items() if each.get("guild_id") != guild_id}
    world.unavailable.discard(guild_id)
    world.changed()
    world.emit(Event("GUILD_DELETE", {"id": guild_id}, guild_id))


def set_available(world: World, guild_id: str, *, available: bool) -> None:
    """Begin or end an outage of one guild, as the gateway reports it."""
    if available:
        world.unavailable.discard(guild_id)
        world.emit(Event("GUILD_CREATE", {"id": guild_id, "unavailable": False}, guild_id))
    else:
        world.unavailable.add(guild_id)
        world.emit(Event("GUILD_DELETE", {"id": guild_id, "unavailable": True}, guild_id))
