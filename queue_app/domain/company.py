"""Whether anybody is in the voice channel with the bot."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto

from django.utils import timezone

from guilds.models import GuildSettings, VoiceState
from queue_app.models import Player


class Company(Enum):
    """What there is to do about `Player.alone_since`."""

    SAME = auto()
    CAME = auto()
    LEFT = auto()
    LONG_GONE = auto()


def company(player: Player, settings: GuildSettings) -> Company:
    """Compare who is there with what was noted. A bot that is not in voice is not alone."""
    channel_id = player.connected_channel_id
    alone = (
        channel_id is not None and not VoiceState.objects.filter(channel_id=channel_id, bot=False).exists()
    )
    if not alone:
        return Company.CAME if player.alone_since else Company.SAME
    if player.alone_since is None:
        return Company.LEFT
    patience = timedelta(minutes=settings.leave_after_minutes)
    if settings.stay_in_channel or timezone.now() - player.alone_since < patience:
        return Company.SAME
    return Company.LONG_GONE
