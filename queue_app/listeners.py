"""Who listens in the voice channels of players."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from accounts.models import User
from guilds.channel_permissions import may_view
from guilds.models import Channel, Membership, VoiceState
from queue_app.models import Player
from queue_app.queries import load_player


def read_listeners(membership: Membership) -> dict[str, Any]:
    """Return the listeners of one guild as in ListenersSerializer. At most four queries."""
    player = load_player(membership.guild_id)
    return listeners_of([membership], [player]).get(membership.guild_id, {"channel": None, "items": []})


def listeners_of(memberships: Sequence[Membership], players: Iterable[Player]) -> dict[str, dict[str, Any]]:
    """Return `{channel, items}` by guild, for guilds whose player has a channel that the member may know about.

    Three queries for any number of guilds. Each membership's user should be loaded. As in `policy.listeners`, people
    who are deafened do not listen.
    """
    members = {membership.guild_id: membership for membership in memberships}
    places = {player.connected_channel_id or player.voice_channel_id for player in players} - {None}
    channels = {
        channel.pk: channel
        for channel in Channel.objects.filter(pk__in=places, guild__in=members)
        if may_view(members[channel.guild_id], channel)
    }
    found: dict[str, dict[str, Any]] = {
        channel.guild_id: {"channel": {"id": channel.pk, "name": channel.name}, "items": []}
        for channel in channels.values()
    }
    states = list(VoiceState.objects.filter(channel__in=channels, bot=False).order_by("name", "discord_id"))
    users = User.objects.filter(discord_id__in={state.discord_id for state in states})
    known = {user.discord_id: user for user in users}
    for state in states:
        found[state.guild_id]["items"].append(_listener(state, known.get(state.discord_id)))
    return found


def _listener(state: VoiceState, user: User | None) -> dict[str, Any]:
    """People who never used the program have no account, and are known by their Discord id."""
    return {
        "id": str(user.pk) if user else state.discord_id,
        "name": state.name or (str(user) if user else state.discord_id),
        "avatar_url": user.avatar_url if user else None,
        "deafened": state.deafened,
    }
