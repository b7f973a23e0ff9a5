"""Store memberships: who is in which guild, with which roles and permissions.

When a member's permissions change, the event `RightsChanged` names the member, so that their open pages fetch their
permissions again. Code that changes a membership locks the guild's store first, so that two writers cannot deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.discord import DiscordObject
from accounts.models import User
from guilds.domain.installation import ensure_guild
from guilds.events import RightsChanged
from guilds.models import Guild, Membership, Role, VoiceState
from guilds.permissions import base_permissions
from realtime.domain.append import append, lock_store
from realtime.domain.retry import retrying
from realtime.models import Store
from realtime.origin import BOT


@retrying
def store_my_guilds(
    user: User, partial_guilds: list[DiscordObject], *, asked_at: datetime | None = None
) -> None:
    """Make the user's memberships match `/users/@me/guilds`, and delete those that are no longer listed.

    A guild that the bot mirrors keeps the name and icon from the gateway, which are newer. Memberships that the gateway
    updated after `asked_at`, the time of our request, are kept for the same reason.
    """
    mine = Membership.objects.filter(user=user)
    with transaction.atomic():
        newer = mine.filter(updated_at__gt=asked_at) if asked_at else mine.none()
        newer_ids = set(newer.values_list("guild_id", flat=True))
        rights = {m.guild_id: (m.owner, m.permissions) for m in mine}
        # Sorted, so that all writers take the locks in the same order.
        for partial in sorted(partial_guilds, key=lambda partial: int(partial["id"])):
            guild_id = str(partial["id"])
            owner, permissions = bool(partial.get("owner")), int(partial.get("permissions") or 0)
            known = rights.get(guild_id) if guild_id not in newer_ids else None
            changed = known is not None and known != (owner, permissions)
            store = lock_store(f"guild:{guild_id}") if changed else None
            guild = ensure_guild(
                guild_id,
                name=partial["name"],
                icon_hash=partial.get("icon") or "",
                member_count=partial.get("approximate_member_count"),
            )
            if guild_id in newer_ids:
                continue
            if owner and guild.owner_id != user.discord_id:
                Guild.objects.filter(pk=guild_id).update(owner_id=user.discord_id or "")
            Membership.objects.update_or_create(
                user=user, guild=guild, defaults={"owner": owner, "permissions": permissions}
            )
            if store is not None:
                notify_rights_changed(store, {user.pk})
        listed = [str(partial["id"]) for partial in partial_guilds]
        mine.exclude(guild_id__in=[*listed, *newer_ids]).delete()


@retrying
def store_member_seen(
    user: User, *, guild_id: str, owner: bool, permissions: int, role_ids: list[str]
) -> None:
    """Store a membership from the gateway. People may use the bot without ever logging in."""
    seen = {"owner": owner, "permissions": permissions, "role_ids": sorted(role_ids)}
    mine = Membership.objects.filter(user=user, guild_id=guild_id)
    if mine.filter(**seen).update(updated_at=timezone.now()):
        return
    with transaction.atomic():
        store = lock_store(f"guild:{guild_id}")
        _, created = Membership.objects.update_or_create(user=user, guild_id=guild_id, defaults=seen)
        if not created:
            notify_rights_changed(store, {user.pk})


@retrying
def store_roles(
    guild_id: str, *, discord_id: str, role_ids: list[str], asked_at: datetime | None = None
) -> None:
    """Store a member's roles (`role_ids` without @everyone). Ignores people who have never used the program.

    `asked_at` is set when the roles come from a request of ours. They are then stored only for a known member, and
    only if the gateway has not updated the roles since.
    """
    user = User.objects.filter(discord_id=discord_id).first()
    if user is None:
        return
    with transaction.atomic():
        store = lock_store(f"guild:{guild_id}")
        before = Membership.objects.filter(user=user, guild_id=guild_id).first()
        if asked_at is not None and (before is None or (before.role_ids and before.updated_at > asked_at)):
            return
        # The role @everyone has the guild's id. It distinguishes a member without roles from one with unknown roles.
        roles = sorted({*role_ids, guild_id})
        Membership.objects.update_or_create(user=user, guild_id=guild_id, defaults={"role_ids": roles})
        changed = recompute(guild_id, discord_id=discord_id)
        if before is not None and (changed or before.role_ids != roles):
            notify_rights_changed(store, {user.pk})


def end_memberships(guild_id: str, discord_ids: Iterable[str]) -> None:
    """Delete the memberships and voice states of people who left or were removed. Their actions stay in the log."""
    Membership.objects.filter(guild_id=guild_id, user__discord_id__in=list(discord_ids)).delete()
    VoiceState.objects.filter(guild_id=guild_id, discord_id__in=list(discord_ids)).delete()


def notify_rights_changed(store: Store, user_ids: set[int]) -> None:
    """Append the event `RightsChanged`. `store` is the guild's store, and must be locked."""
    if user_ids:
        append(store, RightsChanged(user_ids=[str(pk) for pk in sorted(user_ids)]), origin=BOT)


def recompute(guild_id: str, *, discord_id: str | None = None) -> set[int]:
    """Recompute `owner` and `permissions` of all members, or of one, from the mirrored owner and roles.

    Members whose roles are unknown keep the permissions from their own list of guilds, except a former owner. Returns
    the ids of the users whose row changed.
    """
    changed: set[int] = set()
    owner_id = Guild.objects.values_list("owner_id", flat=True).get(pk=guild_id)
    bits = dict(Role.objects.filter(guild_id=guild_id).values_list("pk", "permissions"))
    memberships = Membership.objects.filter(guild_id=guild_id).select_related("user")
    if discord_id is not None:
        memberships = memberships.filter(user__discord_id=discord_id)
    for membership in memberships:
        owner, permissions = membership.user.discord_id == owner_id, membership.permissions
        if guild_id in bits and membership.role_ids:
            permissions = base_permissions(
                owner=owner, role_bits=[bits[role] for role in membership.role_ids if role in bits]
            )
        elif membership.owner and not owner:
            permissions = bits.get(guild_id, 0)
        if (owner, permissions) != (membership.owner, membership.permissions):
            membership.owner, membership.permissions = owner, permissions
            membership.save(update_fields=["owner", "permissions", "updated_at"])
            changed.add(membership.user_id)
    return changed
