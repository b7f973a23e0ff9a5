"""The permissions that the bot needs, for which feature, and which of them it lacks in a guild.

Declared here once: the invitation, the pages, `manage.py doctor` and the replies in Discord read `NEEDS`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from guilds import channel_permissions as bits
from guilds.channel_permissions import VIEW_CHANNEL, channel_permissions
from guilds.choices import TEXT_TYPES, VOICE_TYPES, ChannelType
from guilds.errors import UnknownFeature
from guilds.models import Channel, Guild, GuildSettings, Role
from guilds.permissions import base_permissions

CARD, STAGE, REQUEST, STATUS = "card", "stage", "request", "status"


@dataclass(frozen=True)
class Feature:
    """An optional feature. `title` is what it is in a sentence, and `setting` is the setting that turns it on."""

    title: str | Promise
    setting: str = ""


FEATURES = {
    CARD: Feature(_("the message with the current track"), "show_card"),
    STAGE: Feature(_("speaking on stages")),
    REQUEST: Feature(_("the request channel"), "request_channel_id"),
    STATUS: Feature(_("the status of the voice channel"), "channel_status"),
}


@dataclass(frozen=True)
class Need:
    """A permission that the bot needs: in channels of these `types`, or only in the guild when `types` is empty.

    `name` is Discord's name in its API, and `title` the one that people see. Unless `invited`, the default invitation
    does not request it, and it is needed only for its `features`.
    """

    name: str
    bit: int
    title: str | Promise
    needed_for: str | Promise
    types: tuple[ChannelType, ...] = ()
    features: tuple[str, ...] = ()
    invited: bool = True


NEEDS = (
    Need(
        "VIEW_CHANNEL", VIEW_CHANNEL, _("View Channel"), _("seeing the channel"), (*TEXT_TYPES, *VOICE_TYPES),
        (CARD, REQUEST),
    ),
    Need(
        "SEND_MESSAGES", bits.SEND_MESSAGES, _("Send Messages"), _("posting the current track and alerts"),
        TEXT_TYPES, (CARD, REQUEST),
    ),
    Need(
        "EMBED_LINKS", bits.EMBED_LINKS, _("Embed Links"), _("showing a track with its artwork and link"),
        TEXT_TYPES, (CARD, REQUEST),
    ),
    Need(
        "ATTACH_FILES", bits.ATTACH_FILES, _("Attach Files"), _("posting artwork, and pictures in alerts"),
        TEXT_TYPES, (CARD, REQUEST),
    ),
    Need(
        "READ_MESSAGE_HISTORY", bits.READ_MESSAGE_HISTORY, _("Read Message History"),
        _("finding its message with the current track after a restart"), TEXT_TYPES, (CARD, REQUEST), invited=False,
    ),
    Need(
        "MANAGE_MESSAGES", bits.MANAGE_MESSAGES, _("Manage Messages"), _("removing requests from the request channel"),
        (), (REQUEST,), invited=False,
    ),
    Need(
        "MENTION_EVERYONE", bits.MENTION_EVERYONE, _("Mention @everyone, @here, and All Roles"),
        _("mentioning a role in alerts"),
    ),
    Need("CONNECT", bits.CONNECT, _("Connect"), _("joining a voice channel"), VOICE_TYPES),
    Need("SPEAK", bits.SPEAK, _("Speak"), _("playing music in a voice channel"), (ChannelType.VOICE,)),
    Need(
        "MUTE_MEMBERS", bits.MUTE_MEMBERS, _("Mute Members"), _("speaking on a stage without an invitation"),
        (ChannelType.STAGE,), (STAGE,), invited=False,
    ),
    Need(
        "REQUEST_TO_SPEAK", bits.REQUEST_TO_SPEAK, _("Request to Speak"), _("raising its hand on a stage"),
        (ChannelType.STAGE,), (STAGE,), invited=False,
    ),
    Need(
        "SET_VOICE_CHANNEL_STATUS", bits.SET_VOICE_CHANNEL_STATUS, _("Set Voice Channel Status"),
        _("showing the current track as the status of a voice channel"), (ChannelType.VOICE,), (STATUS,), invited=False,
    ),
)  # fmt: skip

INSTALL_PERMISSIONS = sum(need.bit for need in NEEDS if need.invited)


def permissions_for(features: Iterable[str]) -> int:
    """Return the bits that an invitation with these features requests. Raises UnknownFeature."""
    wanted = set(features)
    if unknown := sorted(wanted - FEATURES.keys()):
        raise UnknownFeature(
            _("There is no feature “%(feature)s”. Features: %(features)s.")
            % {"feature": unknown[0], "features": ", ".join(FEATURES)}
        )
    return INSTALL_PERMISSIONS | sum(
        need.bit for need in NEEDS if not need.invited and wanted.intersection(need.features)
    )


def features_on(settings: GuildSettings | None, channels: Iterable[Channel]) -> list[str]:
    """Return the features that a guild uses. Stages count if the default voice channel is one."""
    chosen = settings or GuildSettings()
    on = [name for name, feature in FEATURES.items() if feature.setting and getattr(chosen, feature.setting)]
    stages = {channel.pk for channel in channels if channel.type == ChannelType.STAGE}
    return [*on, STAGE] if chosen.voice_channel_id in stages else on


def needs_of(features: Collection[str], *, also_invited: bool) -> list[Need]:
    """Return the needs of these features; with `also_invited`, those of the default invitation too."""
    return [need for need in NEEDS if (also_invited and need.invited) or set(features) & set(need.features)]


def titles_of(bits: int) -> list[str]:
    """Return the names, as people see them, of the permissions in `bits`."""
    return [str(need.title) for need in NEEDS if need.bit & bits]


def missing_permissions(
    guild: Guild,
    *,
    bot_id: str,
    roles: Iterable[Role],
    channels: Collection[Channel],
    features: Collection[str],
) -> list[dict[str, Any]]:
    """Return the permissions that the bot lacks: `[{permission, bit, title, needed_for, features, channel_id}]`.

    Those of the whole guild come first, with `channel_id` None, and are not repeated for channels. For a channel that
    the bot cannot view, only that is listed. The list is empty if the guild's roles are not mirrored yet.
    """
    role_bits = {role.pk: role.permissions for role in roles}
    if guild.pk not in role_bits:
        return []
    role_ids = [guild.pk, *guild.bot_role_ids]
    base = base_permissions(
        owner=guild.owner_id == bot_id, role_bits=[role_bits[role] for role in role_ids if role in role_bits]
    )
    needs = needs_of(features, also_invited=True)
    lacking = [_lack(need, None, features) for need in needs if not base & need.bit]
    for channel in channels:
        granted = channel_permissions(
            base, guild_id=guild.pk, discord_id=bot_id, role_ids=role_ids, overwrites=channel.overwrites
        )
        missing = [
            need
            for need in needs
            if channel.type in need.types and base & need.bit and not granted & need.bit
        ]
        if missing and not granted & VIEW_CHANNEL:
            missing = [need for need in missing if need.bit == VIEW_CHANNEL]
        lacking += [_lack(need, channel.pk, features) for need in missing]
    return lacking


def _lack(need: Need, channel_id: str | None, features: Collection[str]) -> dict[str, Any]:
    return {
        "permission": need.name,
        "bit": str(need.bit),
        "title": str(need.title),
        "needed_for": str(need.needed_for),
        "features": [name for name in need.features if name in features],
        "channel_id": channel_id,
    }
