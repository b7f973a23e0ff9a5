"""Write what the bot's gateway tells: a guild with its channels, roles and voice states.

Payloads are Discord's own (docs: Gateway Events, Guild Create; Voice State). Bulk upserts, one transaction a
guild; rows that vanished go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from guilds.domain.installation import ensure_guild
from guilds.models import Channel, Guild, Role, VoiceState


@dataclass(frozen=True)
class Voice:
    """A person in a voice channel."""

    discord_id: str
    channel_id: str
    name: str


def mirror_guild(
    guild_id: str,
    *,
    name: str,
    icon_hash: str,
    owner_id: str,
    member_count: int | None,
    channels: Iterable[dict[str, Any]],
    roles: Iterable[dict[str, Any]],
    voices: Iterable[Voice],
) -> None:
    """Make the guild's rows what the gateway said. `channels`, `roles`: `{id, name, position, …}`."""
    with transaction.atomic():
        guild = ensure_guild(guild_id, name=name, icon_hash=icon_hash)
        Guild.objects.filter(pk=guild_id).update(
            name=name[:100],
            icon_hash=icon_hash,
            owner_id=owner_id,
            member_count=member_count,
            bot_installed=True,
            left_at=None,
            unavailable=False,
            mirrored_at=timezone.now(),
        )
        _replace(Channel, guild, list(channels), ["type", "name", "position", "parent_id"])
        _replace(
            Role, guild, list(roles), ["name", "color", "position", "permissions", "mentionable", "managed"]
        )
        VoiceState.objects.filter(guild=guild).delete()
        known = set(Channel.objects.filter(guild=guild).values_list("pk", flat=True))
        VoiceState.objects.bulk_create(
            VoiceState(guild=guild, channel_id=v.channel_id, discord_id=v.discord_id, name=v.name)
            for v in voices
            if v.channel_id in known
        )


def _replace(
    model: type[Channel] | type[Role], guild: Guild, rows: list[dict[str, Any]], fields: list[str]
) -> None:
    objects: list[Any] = [model(guild=guild, id=row["id"], **{f: row[f] for f in fields}) for row in rows]
    manager: Any = model.objects
    manager.filter(guild=guild).exclude(pk__in=[o.pk for o in objects]).delete()
    manager.bulk_create(
        objects, update_conflicts=True, unique_fields=["id"], update_fields=fields, batch_size=500
    )


def store_voice(guild_id: str, *, discord_id: str, channel_id: str | None, name: str) -> None:
    """A person joined, moved or (channel null) left. A channel that was deleted meanwhile counts as none."""
    if channel_id is None or not Channel.objects.filter(pk=channel_id, guild_id=guild_id).exists():
        VoiceState.objects.filter(guild_id=guild_id, discord_id=discord_id).delete()
    else:
        VoiceState.objects.update_or_create(
            guild_id=guild_id, discord_id=discord_id, defaults={"channel_id": channel_id, "name": name}
        )
