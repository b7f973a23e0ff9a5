"""Settings that cannot work as the bot is at the moment, and what would help."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from guilds.bot_features import titles_of
from guilds.channel_permissions import (
    MANAGE_MESSAGES,
    SEND_MESSAGES,
    VIEW_CHANNEL,
    likely_bot_permissions,
)
from guilds.freshness import is_up, read_shards, shard_of
from guilds.models import Channel, GuildSettings

REQUEST_CHANNEL_NEEDS = VIEW_CHANNEL | SEND_MESSAGES | MANAGE_MESSAGES


def setting_problems(settings: GuildSettings) -> dict[str, str]:
    """Return a sentence for each setting that is set and cannot work, by its name."""
    sentence = _problem_of_request_channel(settings) if settings.request_channel_id else ""
    return {"request_channel_id": sentence} if sentence else {}


def _problem_of_request_channel(settings: GuildSettings) -> str:
    channel = Channel.objects.filter(guild_id=settings.pk, pk=settings.request_channel_id).first()
    if channel is None or not settings.guild.bot_installed:
        return ""  # `gone`, and the page, say so
    if not _reads_content(settings.pk):
        return _(
            "The bot cannot read messages, because its Message Content Intent is off. The person who runs the bot "
            "can turn it on in Discord's developer portal, under Bot, and then restart the bot."
        )
    missing = titles_of(REQUEST_CHANNEL_NEEDS & ~likely_bot_permissions(settings.guild, channel))
    if not missing:
        return ""
    return _("The bot lacks %(permissions)s in this channel.") % {"permissions": ", ".join(missing)}


def _reads_content(guild_id: str) -> bool:
    """Whether the guild's shard gets the content of messages. True if no shard is connected: then nobody knows."""
    now = timezone.now()
    mine = [
        each
        for each in read_shards()
        if each.number == shard_of(guild_id, each.count) and is_up(each, now=now)
    ]
    return not mine or any(each.content_intent for each in mine)
