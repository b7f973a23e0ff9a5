"""Create guild rows, record that the bot was removed, and build the bot's install URL."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from guilds.bot_features import permissions_for
from guilds.events import BotRemoved
from guilds.models import Guild, GuildSettings, VoiceState
from guilds.signals import bot_removed
from realtime.domain.append import append, ensure_store, lock_store
from realtime.domain.retry import retrying
from realtime.models import Store
from realtime.origin import BOT


def ensure_guild(guild_id: str, *, name: str, icon_hash: str = "", member_count: int | None = None) -> Guild:
    """Return the guild. Create it with its settings and store, or update it if the bot does not mirror it."""
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


def lock_guild(guild_id: str) -> tuple[Guild, Store]:
    """Return the guild with its settings, and its store, whose row is locked until the transaction ends."""
    store = lock_store(f"guild:{guild_id}")
    return Guild.objects.select_related("settings").get(pk=guild_id), store


@retrying
def bot_left(guild_id: str) -> bool:
    """Record that the bot was removed. All data is kept in case it comes back. Returns whether it was installed."""
    with transaction.atomic():
        guild, store = lock_guild(guild_id)
        if not guild.bot_installed:
            return False
        guild.bot_installed, guild.unavailable, guild.left_at = False, False, timezone.now()
        guild.save(update_fields=["bot_installed", "unavailable", "left_at"])
        bot_removed.send(sender=None, guild_id=guild_id)
        # No gateway events keep the voice states up to date any more.
        VoiceState.objects.filter(guild_id=guild_id).delete()
        append(store, BotRemoved(guild=guild), origin=BOT)
        return True


def install_url(guild_id: str, features: Iterable[str] = ()) -> str:
    """Return the URL of Discord's page that adds the bot to this guild (docs: OAuth2, Bot Authorization Flow).

    It requests the default permissions and those of the `features`. Raises UnknownFeature.
    """
    query = urlencode(
        {
            "client_id": settings.DISCORD_CLIENT_ID,
            "scope": "bot applications.commands",
            "permissions": permissions_for(features),
            "guild_id": guild_id,
            "disable_guild_select": "true",
        }
    )
    return f"{settings.DISCORD_AUTHORIZE_URL}?{query}"
