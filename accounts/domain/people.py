"""Create and update people from what Discord says about them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.discord import DiscordObject
from accounts.encryption import encrypt
from accounts.models import DiscordGrant, User


def upsert_person(profile: DiscordObject) -> User:
    """Return the user of a Discord user object (`id, username, global_name, avatar`), up to date.

    A person who used the bot before ever logging in is the same row afterwards.
    """
    seen = {
        "username": profile["username"][:100],
        "display_name": (profile.get("global_name") or profile["username"])[:100],
        "avatar_hash": profile.get("avatar") or "",
    }
    with transaction.atomic():
        user, created = User.objects.get_or_create(discord_id=str(profile["id"]), defaults=seen)
    changed = [field for field, value in seen.items() if getattr(user, field) != value]
    if not created and changed:
        for field in changed:
            setattr(user, field, seen[field])
        user.save(update_fields=changed)
    return user


def know_person(discord_id: str) -> User:
    """Return the person of a snowflake. One never seen before is named by it until Discord tells more."""
    user, _ = User.objects.get_or_create(discord_id=discord_id, defaults={"username": discord_id})
    return user


def store_grant(
    user: User, *, access_token: str, refresh_token: str, expires_at: datetime | None, scope: str = ""
) -> None:
    DiscordGrant.objects.update_or_create(
        user=user,
        defaults={
            "access_token": encrypt(access_token),
            "refresh_token": encrypt(refresh_token) if refresh_token else "",
            "expires_at": expires_at,
            "scope": scope,
            "claimed_until": None,
            "dead_at": None,
        },
    )
