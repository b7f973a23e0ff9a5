"""What request channels read and store in the database."""

from __future__ import annotations

from django.conf import settings

from botrunner.languages import public_language
from botrunner.models import ToldLack
from guilds.bot_features import REQUEST
from guilds.channel_permissions import MANAGE_MESSAGES, VIEW_CHANNEL, likely_bot_permissions
from guilds.domain.installation import install_url
from guilds.domain.settings import load_settings
from guilds.models import Channel, Guild, Role
from guilds.queries import features_of

NEEDED = {"View Channel": VIEW_CHANNEL, "Manage Messages": MANAGE_MESSAGES}


def request_channel(guild_id: str) -> tuple[str, str]:
    """Return the id of a guild's request channel, or "", and the language of messages there."""
    chosen = load_settings(guild_id)
    locale = Guild.objects.filter(pk=guild_id).values_list("preferred_locale", flat=True).first()
    return chosen.request_channel_id or "", public_language(chosen, locale)


def missing_to_remove(guild_id: str, channel_id: str) -> list[str]:
    """Return Discord's names of the permissions that the bot lacks to remove requests, according to the mirror."""
    guild = Guild.objects.filter(pk=guild_id).first()
    channel = Channel.objects.filter(guild_id=guild_id, pk=channel_id).first()
    if guild is None:
        return []
    roles = list(Role.objects.filter(guild_id=guild_id))
    may = likely_bot_permissions(guild, channel, bot_id=settings.DISCORD_CLIENT_ID, roles=roles)
    return [name for name, bit in NEEDED.items() if not may & bit]


def invite_url(guild_id: str) -> str:
    """Return the URL that adds the bot again, with the permissions of all features that the guild uses."""
    return install_url(guild_id, features_of(Guild.objects.get(pk=guild_id)))


def claim_lacking(guild_id: str, channel_id: str) -> bool:
    """Note that the channel was told what the bot lacks there. Returns False if it was told before."""
    about = {"guild_id": guild_id, "feature": REQUEST, "channel_id": channel_id}
    return ToldLack.objects.get_or_create(**about, defaults={"bits": MANAGE_MESSAGES})[1]


def clear_lacking(guild_id: str) -> None:
    """Note that the bot lacks nothing any more, so that it will say so if that changes."""
    ToldLack.objects.filter(guild_id=guild_id, feature=REQUEST).delete()
