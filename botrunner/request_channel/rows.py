"""What request channels read and store in the database."""

from __future__ import annotations

from collections.abc import Collection

from botrunner.lacking import TO_REMOVE, Lack, is_new
from botrunner.languages import guild_language
from guilds.bot_features import REQUEST
from guilds.channel_permissions import likely_bot_permissions
from guilds.domain.installation import install_url
from guilds.domain.settings import load_settings
from guilds.models import Channel, Guild, GuildSettings
from guilds.queries import features_of


def request_channel(guild_id: str) -> tuple[str, str]:
    """Return the id of a guild's request channel, or "", and the language of messages there."""
    return load_settings(guild_id).request_channel_id or "", guild_language(guild_id)


def request_channels(guild_ids: Collection[str]) -> dict[str, str]:
    """Return the ids of the request channels of these guilds, by guild."""
    chosen = GuildSettings.objects.exclude(request_channel_id=None).filter(guild__bot_installed=True)
    rows = chosen.values_list("guild_id", "request_channel_id")
    wanted = set(guild_ids)
    return {guild_id: channel_id for guild_id, channel_id in rows if channel_id and guild_id in wanted}


def missing_to_remove(guild_id: str, channel_id: str) -> int:
    """Return the bits of the permissions that the bot lacks to remove requests, according to the mirror."""
    guild = Guild.objects.filter(pk=guild_id).first()
    channel = Channel.objects.filter(guild_id=guild_id, pk=channel_id).first()
    return TO_REMOVE & ~likely_bot_permissions(guild, channel) if guild is not None else 0


def invite_url(guild_id: str) -> str:
    """Return the URL that adds the bot again, with the permissions of all features that the guild uses."""
    return install_url(guild_id, features_of(Guild.objects.get(pk=guild_id)))


def claim_lacking(guild_id: str, channel_id: str, bits: int) -> bool:
    """Note what the bot lacks in the channel, 0 for nothing. Returns whether that has to be told there."""
    return is_new(guild_id, Lack(REQUEST, channel_id, bits))
