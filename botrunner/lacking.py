"""Tells the people who use the bot in Discord which permissions it lacks there, once for each problem."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import nextcord
from django.utils.translation import gettext as _

from botrunner.card.life import chosen_channel, note_home
from botrunner.database import from_database
from botrunner.models import Card, ToldLack
from botrunner.reply import Asked
from botrunner.running import read
from guilds.bot_features import CARD, FEATURES, REQUEST, STAGE, STATUS, needs_of, titles_of
from guilds.channel_permissions import (
    MANAGE_MESSAGES,
    MUTE_MEMBERS,
    REQUEST_TO_SPEAK,
    SEND_MESSAGES,
    SEND_MESSAGES_IN_THREADS,
    VIEW_CHANNEL,
    likely_bot_permissions,
)
from guilds.choices import ChannelType
from guilds.domain.installation import install_url
from guilds.domain.settings import load_settings
from guilds.models import Channel, Guild, GuildSettings
from guilds.permissions import ADMINISTRATOR, ALL_PERMISSIONS
from guilds.queries import features_of
from queue_app.queries import load_player

MAY_POST = VIEW_CHANNEL | SEND_MESSAGES
TO_REMOVE = VIEW_CHANNEL | MANAGE_MESSAGES  # other people's messages


@dataclass(frozen=True)
class Lack:
    """The bits that the bot lacks for a feature in a channel. 0 if it lacks none there."""

    feature: str
    channel_id: str
    bits: int


async def note_place(asked: Asked) -> str:
    """Note where somebody added tracks: the card belongs there, if the bot may post there.

    Returns what to tell the person about missing permissions, in their language, or "".
    """
    channel_id, may = str(asked.channel_id), _permissions_here(asked)
    if may & MAY_POST == MAY_POST:
        await from_database(note_home, str(asked.guild_id), channel_id)
    return await read(asked, _new_lacks, str(asked.guild_id), channel_id, may)


async def tell_lacks(asked: Asked) -> None:
    """After a command that starts playback, report missing permissions to the person, unless already reported."""
    lacking = await read(asked, _new_lacks, str(asked.guild_id))
    if lacking:
        await asked.reply(lacking, private=True)


def _permissions_here(asked: Asked) -> int:
    """Return the bot's permissions where the command was used, as Discord states them."""
    may = asked.app_permissions.value
    if may & ADMINISTRATOR:
        return ALL_PERMISSIONS
    if isinstance(asked.channel, nextcord.Thread):
        return may | SEND_MESSAGES if may & SEND_MESSAGES_IN_THREADS else may & ~SEND_MESSAGES
    return may


def _new_lacks(guild_id: str, channel_id: str = "", may: int = 0) -> str:
    """Return a text about missing permissions that were not reported yet, and mark them as reported.

    `may` are the permissions in the channel where the card is to be, if that was just chosen.
    """
    guild = Guild.objects.select_related("settings").get(pk=guild_id)
    settings = load_settings(guild_id)
    found = list(_lacks(guild, settings, channel_id, may))
    new = [lack for lack in found if is_new(guild_id, lack)]
    if not new:
        return ""
    url = install_url(guild_id, {*features_of(guild), *(lack.feature for lack in new)})
    said = [_sentence(lack) for lack in new]
    if any(lack.feature == CARD and lack.bits & MAY_POST for lack in new):
        said += _where_it_stays(guild_id, channel_id)
    link = _(
        "A manager can [add the bot again](<%(url)s>) to grant them in the server, or grant them in the channel."
    )
    return "\n".join([*said, link % {"url": url}])


def _lacks(guild: Guild, settings: GuildSettings, channel_id: str, may: int) -> Iterator[Lack]:
    if settings.show_card:
        chosen = chosen_channel(settings) or (None if channel_id else _home_channel(guild))
        if chosen is not None:
            channel_id, may = chosen.pk, likely_bot_permissions(guild, chosen)
        if channel_id:
            yield _lack(CARD, channel_id, may)
    request = Channel.objects.filter(guild=guild, pk=settings.request_channel_id or "").first()
    if request is not None:
        yield Lack(REQUEST, request.pk, TO_REMOVE & ~likely_bot_permissions(guild, request))
    voice = Channel.objects.filter(guild=guild, pk=load_player(guild.pk).voice_channel_id).first()
    if voice is not None and voice.type == ChannelType.VOICE and settings.channel_status:
        yield _lack(STATUS, voice.pk, likely_bot_permissions(guild, voice))
    if voice is not None and voice.type == ChannelType.STAGE:
        may = likely_bot_permissions(guild, voice)
        yield _lack(STAGE, voice.pk, may | REQUEST_TO_SPEAK if may & MUTE_MEMBERS else may)


def _home_channel(guild: Guild) -> Channel | None:
    home = Card.objects.filter(pk=guild.pk).values_list("home_channel_id", flat=True).first()
    return Channel.objects.filter(guild=guild, pk=home or "").first()


def _lack(feature: str, channel_id: str, may: int) -> Lack:
    bits = sum(need.bit for need in needs_of([feature], also_invited=False) if not may & need.bit)
    return Lack(feature, channel_id, bits & VIEW_CHANNEL or bits)


def is_new(guild_id: str, lack: Lack) -> bool:
    """Whether this lack was not told yet. Of several processes, only one gets True."""
    about = {"guild_id": guild_id, "feature": lack.feature, "channel_id": lack.channel_id}
    if not lack.bits:  # the next time, it is told again
        ToldLack.objects.filter(**about).delete()
        return False
    told, created = ToldLack.objects.get_or_create(**about, defaults={"bits": lack.bits})
    if created or told.bits == lack.bits:
        return created
    changed = ToldLack.objects.filter(pk=told.pk, bits=told.bits).update(bits=lack.bits)
    return bool(changed and lack.bits & ~told.bits)


def _sentence(lack: Lack) -> str:
    return _("For %(feature)s, the bot lacks permissions in %(channel)s: %(permissions)s.") % {
        "feature": FEATURES[lack.feature].title,
        "channel": f"<#{lack.channel_id}>",
        "permissions": ", ".join(titles_of(lack.bits)),
    }


def _where_it_stays(guild_id: str, channel_id: str) -> list[str]:
    home = Card.objects.filter(pk=guild_id).exclude(home_channel_id__in=("", channel_id)).first()
    return (
        [_("The message stays in %(channel)s.") % {"channel": f"<#{home.home_channel_id}>"}] if home else []
    )
