"""Voice channels: who may join, who is heard, and what moderators can change.

https://docs.discord.com/developers/resources/voice, and Permissions, Stage Channels. Permissions are checked when a
user joins or is moved, and not again while they stay (discord-api-docs#4032).
"""

from datetime import UTC, datetime, timedelta

from sandbox import actions, permissions
from sandbox.errors import DiscordError, invalid_form, missing_permissions, unknown
from sandbox.model import Channel, ChannelType, Json, Member, VoiceState
from sandbox.world import World

CLOCKS_DIFFER = timedelta(minutes=1)


def refusal(world: World, member: Member, channel: Channel) -> str | None:
    """Return why a member may not join a voice channel ("VIEW_CHANNEL", "CONNECT" or "FULL"), or None."""
    bits = permissions.in_channel(world, member, channel)
    for name, bit in (("VIEW_CHANNEL", permissions.VIEW_CHANNEL), ("CONNECT", permissions.CONNECT)):
        if not bits & bit:
            return name
    others = [
        each.user_id
        for each in world.guild_voice_states(member.guild_id)
        if each.channel_id == channel.id and each.user_id != member.user_id
    ]
    full = 0 < channel.user_limit <= len(others)
    return "FULL" if full and not bits & permissions.MOVE_MEMBERS else None


def take(world: World, state: VoiceState) -> None:
    """Store a voice state: the user joins, moves, or changes their own mute and deaf.

    A user who joins a stage, or who lacks Speak, is suppressed.
    """
    before = world.voice_states.get((state.guild_id, state.user_id))
    if before and (before.channel_id, before.session_id) == (state.channel_id, state.session_id):
        state.suppress, state.requested_at = before.suppress, before.requested_at
    else:
        channel, member = world.channels[state.channel_id], world.members[state.guild_id, state.user_id]
        # Denying View Channel or Connect denies everything else in the channel as well (docs: Permissions).
        needed = permissions.VIEW_CHANNEL | permissions.CONNECT | permissions.SPEAK
        speaks = permissions.in_channel(world, member, channel) & needed == needed
        state.suppress, state.requested_at = channel.type == ChannelType.STAGE or not speaks, None
    actions.enter_voice(world, state)


def is_silenced(world: World, guild_id: str, user_id: str) -> bool:
    """Whether a user in voice is suppressed or muted by a moderator."""
    state = world.voice_states.get((guild_id, user_id))
    return state is not None and (state.suppress or world.members[guild_id, user_id].mute)


def moderate(
    world: World,
    state: VoiceState,
    *,
    mute: bool | None = None,
    deaf: bool | None = None,
    suppress: bool | None = None,
) -> None:
    """Apply a moderator's changes to a user in voice. None leaves a field unchanged.

    `mute` and `deaf` are stored with the guild member. `suppress` lasts until the user leaves or moves.
    """
    member = world.members[state.guild_id, state.user_id]
    member.mute = member.mute if mute is None else mute
    member.deaf = member.deaf if deaf is None else deaf
    if suppress is not None:
        state.suppress = suppress
        state.requested_at = None
    actions.enter_voice(world, state)


def edit_own(world: World, guild_id: str, user_id: str, body: Json) -> None:
    """PATCH /guilds/{id}/voice-states/@me: become a speaker, join the audience, raise or lower one's hand.

    Raises: DiscordError.
    """
    state, bits = _on_stage(world, guild_id, user_id, user_id, body)
    if "request_to_speak_timestamp" in body:
        wanted = body["request_to_speak_timestamp"]
        if wanted is not None:
            if not bits & permissions.REQUEST_TO_SPEAK:
                raise missing_permissions()
            _check_time(wanted)
        state.requested_at = wanted
    if isinstance(body.get("suppress"), bool):
        if not body["suppress"] and not bits & permissions.MUTE_MEMBERS:
            raise missing_permissions()
        state.suppress = body["suppress"]
        if not state.suppress:
            state.requested_at = None
    actions.enter_voice(world, state)


def edit_other(world: World, guild_id: str, user_id: str, body: Json, *, asker_id: str) -> None:
    """PATCH /guilds/{id}/voice-states/{user}: a moderator makes a user speaker or audience. Raises: DiscordError."""
    state, bits = _on_stage(world, guild_id, user_id, asker_id, body)
    if not bits & permissions.MUTE_MEMBERS:
        raise missing_permissions()
    if isinstance(body.get("suppress"), bool):
        moderate(world, state, suppress=body["suppress"])


def _on_stage(world: World, guild_id: str, user_id: str, asker_id: str, body: Json) -> tuple[VoiceState, int]:
    """Return the voice state and the asker's permission bits in its channel, which must be a stage."""
    state = world.voice_states.get((guild_id, user_id))
    if state is None:
        raise unknown("Voice State")
    channel = world.channels[state.channel_id]
    if channel.type != ChannelType.STAGE:
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    if str(body.get("channel_id") or channel.id) != channel.id:  # libraries send snowflakes as numbers, too
        raise DiscordError(400, 40032, "Target user is not connected to voice.")
    return state, permissions.in_channel(world, world.members[guild_id, asker_id], channel)


def _check_time(text: object) -> None:
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        raise invalid_form(
            {"request_to_speak_timestamp": "Could not parse. Should be ISO8601 string."}
        ) from None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    if when < datetime.now(UTC) - CLOCKS_DIFFER:
        raise invalid_form({"request_to_speak_timestamp": "Must be a present or future time."})
