"""Refresh a guild over REST when the gateway may have missed something: the bot was offline, or a manager asks."""

from __future__ import annotations

import math
import time
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from accounts import discord
from accounts.discord import DiscordObject
from accounts.errors import DiscordMalformed, DiscordRefused
from guilds.domain.installation import bot_left, lock_guild
from guilds.domain.mirror import mirror_guild
from guilds.errors import BotNotInstalled, GuildUnavailable, RefreshedJustNow
from guilds.models import Guild

EVERY_SECONDS = 10


def refresh_guild(guild_id: str) -> None:
    """Fetch the guild, its channels, its roles and the bot's own roles from Discord, and store them.

    Makes four requests, each with the time limits of accounts/discord.py. Raises BotNotInstalled, RefreshedJustNow,
    GuildUnavailable or a DiscordError. When Discord shows that the bot is no longer in the guild, that is stored first.
    """
    if not Guild.objects.filter(pk=guild_id, bot_installed=True).exists():
        raise BotNotInstalled
    key = f"guild-refresh:{guild_id}"
    if not cache.add(key, time.time(), EVERY_SECONDS):
        begun = cache.get(key, default=time.time())
        raise RefreshedJustNow(max(1, math.ceil(begun + EVERY_SECONDS - time.time())))
    asked_at = timezone.now()
    try:
        guild = discord.fetch_guild(guild_id)
        channels = discord.fetch_channels(guild_id)
        bot = discord.fetch_member(guild_id, str(discord.fetch_bot()["id"]))
    except DiscordRefused as error:
        if error.http_status not in (403, 404):
            raise
        if discord.is_bot_in(guild_id):
            raise GuildUnavailable from error
        bot_left(guild_id)
        raise BotNotInstalled from error
    try:
        mirrored = _mirrored(guild, channels, bot)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DiscordMalformed from error
    with transaction.atomic():
        known, _ = lock_guild(guild_id)
        # If the gateway has mirrored the guild since our request, its data is newer.
        if known.mirrored_at is None or known.mirrored_at < asked_at:
            mirror_guild(guild_id, **mirrored, voices=None)


def _mirrored(guild: DiscordObject, channels: list[DiscordObject], bot: DiscordObject) -> dict[str, Any]:
    """Convert Discord's guild, channel and member objects to the arguments of `mirror_guild`."""
    return {
        "name": guild["name"],
        "icon_hash": guild.get("icon") or "",
        "owner_id": str(guild["owner_id"]),
        "member_count": guild.get("approximate_member_count"),
        "bot_role_ids": [str(role_id) for role_id in bot["roles"]],
        "afk_channel_id": guild.get("afk_channel_id"),
        "preferred_locale": guild.get("preferred_locale") or "",
        "channels": [
            {
                "id": str(channel["id"]),
                "type": int(channel["type"]),
                "name": channel["name"],
                "position": int(channel.get("position") or 0),
                "parent_id": channel.get("parent_id"),
                "overwrites": [
                    {
                        "id": str(over["id"]),
                        "type": int(over["type"]),
                        "allow": str(over["allow"]),
                        "deny": str(over["deny"]),
                    }
                    for over in channel.get("permission_overwrites") or []
                ],
                "user_limit": int(channel.get("user_limit") or 0),
            }
            for channel in channels
        ],
        "roles": [
            {
                "id": str(role["id"]),
                "name": role["name"],
                "color": int(role["color"]),
                "position": int(role["position"]),
                "permissions": int(role["permissions"]),
                "mentionable": bool(role["mentionable"]),
                "managed": bool(role["managed"]),
            }
            for role in guild["roles"]
        ],
    }
