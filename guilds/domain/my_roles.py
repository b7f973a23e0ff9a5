"""Fetch a person's roles from Discord in guilds where the gateway has not sent them yet.

Discord's list of guilds contains no roles, but the first page after a login needs them, for streams that are shared
with a role and for the rights of DJs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from functools import partial

from django.db import connection
from django.utils import timezone

from accounts import discord
from accounts.errors import DiscordError, DiscordMalformed
from accounts.models import User
from guilds.domain.memberships import store_roles
from guilds.freshness import is_up, read_shards, shard_of
from guilds.models import Membership

log = logging.getLogger(__name__)

MAX_GUILDS = 25  # per login; the bot requests the others over the gateway
SECONDS = 1.5  # a browser is waiting, and the gateway sends the roles soon after
_pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="roles")


def guilds_with_live_roles(user: User) -> set[str]:
    """Return the ids of the guilds where the gateway has kept this person's roles up to date without a gap."""
    now = timezone.now()
    shards = [shard for shard in read_shards() if is_up(shard, now=now) and shard.members_intent]
    memberships = Membership.objects.filter(user=user).exclude(role_ids=[])
    return {
        guild_id
        for guild_id, updated_at in memberships.values_list("guild_id", "updated_at")
        for shard in shards
        if shard.number == shard_of(guild_id, shard.count) and shard.ready_at and updated_at >= shard.ready_at
    }


def read_my_roles(user: User, *, known: Collection[str]) -> None:
    """Fetch the person's roles in the guilds that the bot is in, except those in `known`. Waits SECONDS at most.

    A response that arrives later is still stored. Roles that Discord does not return stay as they were until the
    gateway sends them.
    """
    mine = Membership.objects.filter(user=user, guild__bot_installed=True).exclude(guild_id__in=known)
    guild_ids = list(mine.order_by("guild_id").values_list("guild_id", flat=True)[:MAX_GUILDS])
    if user.discord_id is None or not guild_ids:
        return
    asked_at = timezone.now()
    asked = {_pool.submit(_fetch_roles, guild_id, user.discord_id): guild_id for guild_id in guild_ids}
    wait(asked, timeout=SECONDS)
    for future, guild_id in asked.items():
        store = partial(_store_answer, user=user, guild_id=guild_id, asked_at=asked_at)
        if future.done():
            store(future)
            continue
        log.warning(
            "Stopped waiting for the roles of user %s in guild %s: Discord is slow", user.pk, guild_id
        )
        # Requests that have not started yet would only slow Discord further; the others are already running.
        if not future.cancel():
            future.add_done_callback(partial(_store_late, store))


def _store_answer(future: Future[list[str]], *, user: User, guild_id: str, asked_at: datetime) -> None:
    """Store the roles from `future`, which must be done. Logs a DiscordError."""
    try:
        role_ids = future.result()
    except DiscordError as error:
        log.warning("Could not read the roles of user %s in guild %s: %s", user.pk, guild_id, error.code)
    else:
        assert user.discord_id is not None
        store_roles(guild_id, discord_id=user.discord_id, role_ids=role_ids, asked_at=asked_at)


def _store_late(store: Callable[[Future[list[str]]], None], future: Future[list[str]]) -> None:
    """Store a late response. Runs in a thread of the pool, where nothing else closes the database connection."""
    try:
        store(future)
    finally:
        connection.close()


def _fetch_roles(guild_id: str, discord_id: str) -> list[str]:
    """Return the person's role ids in a guild. Raises a DiscordError."""
    roles = discord.fetch_member(guild_id, discord_id).get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise DiscordMalformed
    return roles
