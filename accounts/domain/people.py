"""Create and update people from their Discord profiles."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.discord import DiscordObject
from accounts.encryption import encrypt
from accounts.models import DiscordGrant, User


def upsert_person(profile: DiscordObject) -> User:
    """Return the user for a Discord user object (`id, username, global_name, avatar`), created or updated.

    A person who used the bot before their first login keeps the same row.
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
    """Return the person with that snowflake. A new person has it as their name until we learn the real one."""
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
