"""Read a person's own list of guilds from Discord, and their roles: when they log in, and when they ask for it."""

from __future__ import annotations

import time

from django.core.cache import cache
from django.utils import timezone

from accounts import discord
from accounts.domain.grants import access_token_of, bury_refused
from accounts.errors import DiscordRefused, GrantDead
from accounts.models import DiscordGrant, User
from guilds.domain.memberships import store_my_guilds
from guilds.domain.my_roles import guilds_told, read_my_roles

CACHED_SECONDS = 300
AGAIN_SECONDS = 5  # Discord allows one such request a second and person


def read_my_guilds(user: User, access_token: str) -> None:
    """Ask Discord and store what it says. Raises a DiscordError; roles that cannot be read are no error."""
    asked_at, told = timezone.now(), guilds_told(user)
    store_my_guilds(user, discord.fetch_my_guilds(access_token), asked_at=asked_at)
    cache.set(_key(user), time.time(), CACHED_SECONDS)
    read_my_roles(user, told=told)


def refresh_my_guilds(user: User, *, older_than: float = AGAIN_SECONDS) -> bool:
    """Read the list again unless it was read in the last `older_than` seconds, CACHED_SECONDS at most.

    Returns whether it was read. Raises GrantDead when the person must log in again, or a DiscordError; what was known
    stays.
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
            # The person took their permission back at Discord, which tells nobody.
            bury_refused(user, access_token)
            raise GrantDead from error
    return True


def is_list_old(user: User) -> bool:
    """Whether `refresh_my_guilds` with CACHED_SECONDS would ask Discord, and may."""
    return cache.get(_key(user)) is None and DiscordGrant.objects.filter(user=user, dead_at=None).exists()


def _key(user: User) -> str:
    return f"guild-list:{user.pk}"
