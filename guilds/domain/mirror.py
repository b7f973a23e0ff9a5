"""Store what the bot's gateway receives: a guild with its channels, roles and voice states.

Payloads are Discord's own (docs: Gateway Events, Guild Create; Voice State). Each guild is one transaction, which
writes only changed rows and deletes rows that no longer exist. Each change that clients show appends an event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from guilds.channel_permissions import everybody_may_view
from guilds.domain.installation import ensure_guild, lock_guild
from guilds.domain.memberships import notify_rights_changed, recompute
from guilds.events import BotInstalled, GuildUpdated, VoiceChannelsChanged
from guilds.models import Channel, Guild, Membership, Role, VoiceState
from guilds.permissions import ALL_PERMISSIONS, dj_role_ids
from guilds.queries import voice_channels_of
from guilds.shapes import public_shape, voice_channel_shape
from realtime.domain.append import append, lock_store
from realtime.domain.retry import retrying
from realtime.errors import StoreNotFound
from realtime.origin import BOT

CHANNEL_FIELDS = ["type", "name", "position", "parent_id", "overwrites", "user_limit"]
ROLE_FIELDS = ["name", "color", "position", "permissions", "mentionable", "managed"]
# Measured with 500 rows: on SQLite one statement takes longer than five, on PostgreSQL it takes a fifth less.
SQLITE_BATCH = 100


@dataclass(frozen=True)
class Voice:
    """A person or another bot in a voice channel."""

    discord_id: str
    channel_id: str
    name: str
    deafened: bool = False
    bot: bool = False


@retrying
def mirror_guild(
    guild_id: str,
    *,
    name: str,
    icon_hash: str,
    owner_id: str,
    member_count: int | None,
    bot_role_ids: Collection[str],
    afk_channel_id: str | None = None,
    preferred_locale: str = "",
    channels: Iterable[dict[str, Any]],
    roles: Iterable[dict[str, Any]],
    voices: Iterable[Voice] | None,
) -> None:
    """Make the guild's rows match the gateway's data.

    `channels` and `roles` are `{id, …}` with exactly CHANNEL_FIELDS and ROLE_FIELDS. If `voices` is None, voice states
    are left as they are.

    Appends `BotInstalled` when the bot was not in the guild before, otherwise `GuildUpdated` when what clients show of
    it changed. Appends `VoiceChannelsChanged`, with the channels that everybody may see, when the voice channels or
    their visibility changed. Appends `RightsChanged` with the people whose rights changed through roles or ownership.
    """
    with transaction.atomic():
        ensure_guild(guild_id, name=name, icon_hash=icon_hash)
        guild, store = lock_guild(guild_id)
        before, owner_before = public_shape(guild), guild.owner_id
        voice_before, djs_before = _voice_channels(guild_id), dj_role_ids(guild)
        guild.name, guild.icon_hash, guild.owner_id = name[:100], icon_hash, owner_id
        guild.member_count = member_count
        guild.bot_role_ids, guild.afk_channel_id = sorted(bot_role_ids), afk_channel_id
        guild.preferred_locale = preferred_locale[:10]
        guild.bot_installed, guild.left_at, guild.unavailable = True, None, False
        guild.mirrored_at = timezone.now()
        guild.save(
            update_fields=[
                "name", "icon_hash", "owner_id", "member_count", "bot_role_ids", "afk_channel_id",
                "preferred_locale", "bot_installed", "left_at", "unavailable", "mirrored_at",
            ]
        )  # fmt: skip
        channels_changed = _replace(Channel, guild_id, list(channels), CHANNEL_FIELDS)
        roles_changed = _replace(Role, guild_id, list(roles), ROLE_FIELDS)
        if voices is not None:
            _replace_voices(guild_id, list(voices))
        rights_changed: set[int] = set()
        if roles_changed or owner_id != owner_before:
            rights_changed = recompute(guild_id) | _having(guild_id, djs_before ^ dj_role_ids(guild))
        if public_shape(guild) != before:
            seen = GuildUpdated if before["bot_installed"] else BotInstalled
            append(store, seen(guild=guild), origin=BOT)
        voice_now = _voice_channels(guild_id) if channels_changed or roles_changed else voice_before
        if voice_now.looks != voice_before.looks:
            append(store, VoiceChannelsChanged(voice_channels=voice_now.public), origin=BOT)
        notify_rights_changed(store, rights_changed)


class _VoiceChannels(NamedTuple):
    """`public`: the channels that everybody may see. `looks`: differs whenever somebody would see a difference."""

    public: list[Channel]
    looks: list[object]


def _voice_channels(guild_id: str) -> _VoiceChannels:
    everyone = Subquery(Role.objects.filter(pk=guild_id).values("permissions"))
    channels: list[Any] = list(
        voice_channels_of(guild_id).annotate(everyone=Coalesce(everyone, ALL_PERMISSIONS))
    )
    seen = [channel for channel in channels if everybody_may_view(channel, channel.everyone)]
    shapes = [voice_channel_shape(channel) for channel in seen]
    return _VoiceChannels(seen, [shapes, [(each.pk, each.name, each.overwrites) for each in channels]])


def _having(guild_id: str, role_ids: set[str]) -> set[int]:
    """Return the ids of the users who have one of these roles."""
    if not role_ids:
        return set()
    known = Membership.objects.filter(guild_id=guild_id).values_list("user_id", "role_ids")
    return {user_id for user_id, theirs in known if not role_ids.isdisjoint(theirs)}


def _replace[M: (Channel, Role)](
    model: type[M], guild_id: str, rows: list[dict[str, Any]], fields: list[str]
) -> bool:
    """Make the guild's rows of `model` equal to `rows`. Returns whether anything was written."""
    known = {row["id"]: row for row in model.objects.filter(guild_id=guild_id).values("id", *fields)}
    gone = known.keys() - {row["id"] for row in rows}
    changed = [row for row in rows if known.get(row["id"]) != row]
    if gone:
        model.objects.filter(guild_id=guild_id, pk__in=gone).delete()
    if changed:
        model.objects.bulk_create(
            [model(guild_id=guild_id, **row) for row in changed],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=fields,
            batch_size=SQLITE_BATCH if connection.vendor == "sqlite" else None,
        )
    return bool(gone or changed)


def _replace_voices(guild_id: str, voices: list[Voice]) -> None:
    wanted = {(v.discord_id, v.channel_id, v.name, v.deafened, v.bot) for v in voices}
    rows = VoiceState.objects.filter(guild_id=guild_id)
    if wanted == set(rows.values_list("discord_id", "channel_id", "name", "deafened", "bot")):
        return
    known = set(Channel.objects.filter(guild_id=guild_id).values_list("pk", flat=True))
    rows.exclude(discord_id__in=[v.discord_id for v in voices if v.channel_id in known]).delete()
    # `update_conflicts`, because another process may have just written one of them in `store_voice`.
    VoiceState.objects.bulk_create(
        (
            VoiceState(
                guild_id=guild_id,
                channel_id=v.channel_id,
                discord_id=v.discord_id,
                name=v.name,
                deafened=v.deafened,
                bot=v.bot,
            )
            for v in voices
            if v.channel_id in known
        ),
        update_conflicts=True,
        unique_fields=["guild", "discord_id"],
        update_fields=["channel", "name", "deafened", "bot"],
    )


@retrying
def store_voice(
    guild_id: str,
    *,
    discord_id: str,
    channel_id: str | None,
    name: str,
    deafened: bool = False,
    bot: bool = False,
) -> None:
    """Store that someone joined, moved or left (`channel_id` None). A deleted channel counts as None."""
    with transaction.atomic():
        # Without the lock, `mirror_guild` in another process could delete the channel between the check and the write.
        with suppress(StoreNotFound):  # the guild is not mirrored yet, so it has no channels either
            lock_store(f"guild:{guild_id}")
        if channel_id is None or not Channel.objects.filter(pk=channel_id, guild_id=guild_id).exists():
            VoiceState.objects.filter(guild_id=guild_id, discord_id=discord_id).delete()
            return
        VoiceState.objects.update_or_create(
            guild_id=guild_id,
            discord_id=discord_id,
            defaults={"channel_id": channel_id, "name": name, "deafened": deafened, "bot": bot},
        )


@retrying
def store_member_count(guild_id: str, member_count: int) -> None:
    """Store the member count. Appends `GuildUpdated` when it changed. Does nothing for a guild without the bot."""
    with transaction.atomic():
        if not Guild.objects.filter(pk=guild_id, bot_installed=True).exists():
            return
        guild, store = lock_guild(guild_id)
        if guild.member_count != member_count:
            guild.member_count = member_count
            guild.save(update_fields=["member_count"])
            append(store, GuildUpdated(guild=guild), origin=BOT)


@retrying
def note_outage(guild_id: str) -> None:
    """Record that Discord has an outage for the guild. The bot has not left, so all data stays."""
    with transaction.atomic():
        guild, store = lock_guild(guild_id)
        if guild.bot_installed and not guild.unavailable:
            guild.unavailable = True
            guild.save(update_fields=["unavailable"])
            append(store, GuildUpdated(guild=guild), origin=BOT)
