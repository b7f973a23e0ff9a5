"""The first steps in a new guild."""

from __future__ import annotations

from guilds.models import Membership
from guilds.queries import voice_channel_of
from queue_app.models import Player, QueueItem


def read_welcome(membership: Membership) -> dict[str, bool] | None:
    """Return which of the first steps are done, None once anything was added in this guild. At most three queries."""
    guild_id = membership.guild_id
    if QueueItem.objects.filter(guild=guild_id).exists():
        return None
    chosen = Player.objects.filter(pk=guild_id).exclude(voice_channel_id=None).exists()
    return {
        "invited": membership.guild.bot_installed,
        "seated": chosen or voice_channel_of(guild_id, membership.user) is not None,
    }
