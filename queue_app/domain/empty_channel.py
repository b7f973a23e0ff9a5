"""Check whether people are in the bot's voice channel."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto

from django.utils import timezone

from guilds.models import GuildSettings, VoiceState
from queue_app.models import Player


class ChannelChange(Enum):
    """What changed compared with `Player.alone_since`."""

    NONE = auto()
    JOINED = auto()
    EMPTIED = auto()
    LONG_EMPTY = auto()


def compare_channel(player: Player, settings: GuildSettings) -> ChannelChange:
    """Compare the people in the bot's channel with `Player.alone_since`. A bot that is not in voice is not alone."""
    channel_id = player.connected_channel_id
    alone = (
        channel_id is not None and not VoiceState.objects.filter(channel_id=channel_id, bot=False).exists()
    )
    if not alone:
        return ChannelChange.JOINED if player.alone_since else ChannelChange.NONE
    if player.alone_since is None:
        return ChannelChange.EMPTIED
    patience = timedelta(minutes=settings.leave_after_minutes)
    if settings.stay_in_channel or timezone.now() - player.alone_since < patience:
        return ChannelChange.NONE
    return ChannelChange.LONG_EMPTY
