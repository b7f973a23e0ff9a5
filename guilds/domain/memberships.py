"""Store what Discord says about a person's guilds."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.models import User
from guilds.domain.installation import ensure_guild
from guilds.models import Guild, Membership


def store_my_guilds(user: User, partial_guilds: list[dict[str, Any]]) -> None:
    """Make the user's memberships what `/users/@me/guilds` said; guilds no longer listed are left.

    A guild that the bot mirrors keeps the gateway's name and icon, which are newer than a person's login.
    """
    with transaction.atomic():
        for partial in partial_guilds:
            guild = ensure_guild(
                str(partial["id"]),
                name=partial["name"],
                icon_hash=partial.get("icon") or "",
                member_count=partial.get("approximate_member_count"),
            )
            if partial.get("owner") and guild.owner_id != user.discord_id:
                Guild.objects.filter(pk=guild.pk).update(owner_id=user.discord_id or "")
            Membership.objects.update_or_create(
                user=user,
                guild=guild,
                defaults={
                    "owner": bool(partial.get("owner")),
                    "permissions": int(partial.get("permissions") or 0),
                },
            )
        listed = [str(partial["id"]) for partial in partial_guilds]
        Membership.objects.filter(user=user).exclude(guild_id__in=listed).delete()


def store_member_seen(
    user: User, *, guild_id: str, owner: bool, permissions: int, role_ids: list[str]
) -> None:
    """Store a membership as the gateway shows it: people may use the bot without ever logging in."""
    Membership.objects.update_or_create(
        user=user,
        guild_id=guild_id,
        defaults={"owner": owner, "permissions": permissions, "role_ids": role_ids},
    )
