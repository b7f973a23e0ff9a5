"""Guild rows and where the bot is installed."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from guilds.models import Guild, GuildSettings
from guilds.permissions import INSTALL_PERMISSIONS
from realtime.domain.append import ensure_store


def ensure_guild(guild_id: str, *, name: str, icon_hash: str = "", member_count: int | None = None) -> Guild:
    """Return the guild; make it with its settings and its store, or update it while no bot mirrors it."""
    seen = {"name": name[:100], "icon_hash": icon_hash, "member_count": member_count}
    with transaction.atomic():
        guild, created = Guild.objects.get_or_create(pk=guild_id, defaults=seen)
        if created:
            GuildSettings.objects.create(guild=guild)
            ensure_store(f"guild:{guild_id}")
        elif not guild.bot_installed and any(getattr(guild, key) != value for key, value in seen.items()):
            for key, value in seen.items():
                setattr(guild, key, value)
            guild.save(update_fields=list(seen))
    return guild


def bot_left(guild_id: str) -> None:
    """The bot was removed. Everything is kept for when it comes back."""
    Guild.objects.filter(pk=guild_id, bot_installed=True).update(bot_installed=False, left_at=timezone.now())


def install_url(guild_id: str) -> str:
    """Return Discord's page that adds the bot to this guild (docs: OAuth2, Bot Authorization Flow)."""
    query = urlencode(
        {
            "client_id": settings.DISCORD_CLIENT_ID,
            "scope": "bot applications.commands",
            "permissions": INSTALL_PERMISSIONS,
            "guild_id": guild_id,
            "disable_guild_select": "true",
        }
    )
    return f"{settings.DISCORD_AUTHORIZE_URL}?{query}"
