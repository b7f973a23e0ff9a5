"""Choose the voice channel in which a guild's music plays."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import OuterRef, Subquery

from accounts.models import User
from guilds.channel_permissions import may_bot_enter
from guilds.domain.settings import load_settings
from guilds.models import Channel, VoiceState
from guilds.queries import voice_channel_of, voice_channels_of
from queue_app.models import ItemState, Player, QueueItem


def best_channel(player: Player, requester: User | None) -> str | None:
    """Return the first candidate that the bot may join, or else the first candidate, or None if there is none.

    The candidates are the requester's voice channel, the player's, that of the settings, and that of the first person
    in the queue who is in voice. If the bot may join none, it tries the first one and reports the error.
    """
    first = None
    for channel in _named(player, requester):
        if may_bot_enter(channel.guild, channel) is None:
            return channel.pk
        first = first or channel.pk
    return first


def _named(player: Player, requester: User | None) -> Iterator[Channel]:
    channels = voice_channels_of(player.guild_id).select_related("guild")
    # Read one by one, because mostly the first one is right.
    for channel_id in _named_ids(player, requester):
        if channel_id is not None and (channel := channels.filter(pk=channel_id).first()):
            yield channel


def _named_ids(player: Player, requester: User | None) -> Iterator[str | None]:
    yield voice_channel_of(player.guild_id, requester)
    yield player.voice_channel_id
    yield load_settings(player.guild_id).voice_channel_id
    yield _channel_of_those_waiting(player.guild_id)


def _channel_of_those_waiting(guild_id: str) -> str | None:
    """Return the voice channel of the first person in the queue who is in one."""
    first = (
        QueueItem.objects.filter(
            guild_id=guild_id, state=ItemState.QUEUED, requested_by__discord_id=OuterRef("discord_id")
        )
        .order_by("rank")
        .values("rank")[:1]
    )
    seated = VoiceState.objects.filter(guild_id=guild_id).annotate(first=Subquery(first))
    return seated.exclude(first=None).order_by("first").values_list("channel_id", flat=True).first()
