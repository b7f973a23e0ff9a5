"""Fetch a person's list of guilds and their roles from Discord, at login and on request."""

from __future__ import annotations

import time

from django.core.cache import cache
from django.utils import timezone

from accounts import discord
from accounts.domain.grants import access_token_of, bury_refused
from accounts.errors import DiscordRefused, GrantDead
from accounts.models import DiscordGrant, User
from guilds.domain.memberships import store_my_guilds
from guilds.domain.my_roles import guilds_with_live_roles, read_my_roles

CACHED_SECONDS = 300
AGAIN_SECONDS = 5  # Discord allows one such request per second and person


def read_my_guilds(user: User, access_token: str) -> None:
    """Fetch the list and the roles, and store them. Raises a DiscordError, but not for roles that cannot be read."""
    asked_at, known = timezone.now(), guilds_with_live_roles(user)
    store_my_guilds(user, discord.fetch_my_guilds(access_token), asked_at=asked_at)
    cache.set(_key(user), time.time(), CACHED_SECONDS)
    read_my_roles(user, known=known)


def refresh_my_guilds(user: User, *, older_than: float = AGAIN_SECONDS) -> bool:
    """Fetch the list again, unless it was fetched in the last `older_than` seconds (at most CACHED_SECONDS).

    Returns whether it was fetched. Raises GrantDead when the person must log in again, or a DiscordError. After an
    error, the stored list stays as it was.
    """
    read_at = cache.get(_key(user))
    if read_at is not None and time.time() - read_at < older_than:
        return False
    with discord.turn():
        access_token = access_token_of(user)
        try:
            read_my_guilds(user, access_token)
        except DiscordRefused as error:
            if error.http_status != 401:
                raise
            # The person removed our access in Discord, and Discord does not notify us.
            bury_refused(user, access_token)
            raise GrantDead from error
    return True


def is_list_old(user: User) -> bool:
    """Whether the list is older than CACHED_SECONDS and the person's grant still allows fetching it."""
    return cache.get(_key(user)) is None and DiscordGrant.objects.filter(user=user, dead_at=None).exists()


def _key(user: User) -> str:
    return f"guild-list:{user.pk}"
