"""Read from Discord which roles a person has, where the gateway has not told of them yet.

Their list of guilds names no roles, and the first page after a login needs them: a stream that is shared with a role,
what a DJ may do.
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

MAX_GUILDS = 25  # at a login; the bot asks the gateway about the others
SECONDS = 1.5  # a browser is waiting, and the gateway tells soon after
_pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="roles")


def guilds_told(user: User) -> set[str]:
    """Return the ids of the guilds in which the gateway tells of each change of this person's roles, and did so far."""
    now = timezone.now()
    shards = [shard for shard in read_shards() if is_up(shard, now=now) and shard.members_intent]
    memberships = Membership.objects.filter(user=user).exclude(role_ids=[])
    return {
        guild_id
        for guild_id, updated_at in memberships.values_list("guild_id", "updated_at")
        for shard in shards
        if shard.number == shard_of(guild_id, shard.count) and shard.ready_at and updated_at >= shard.ready_at
    }


def read_my_roles(user: User, *, told: Collection[str]) -> None:
    """Ask Discord about the person in guilds that the bot is in, without those `told`. Takes SECONDS at most.

    An answer that comes later is stored when it comes. What Discord does not answer stays as it was, until the gateway
    tells.
    """
    mine = Membership.objects.filter(user=user, guild__bot_installed=True).exclude(guild_id__in=told)
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
        if not future.cancel():  # asked already; the others would only add to a Discord that is slow
            future.add_done_callback(partial(_store_late, store))


def _store_answer(future: Future[list[str]], *, user: User, guild_id: str, asked_at: datetime) -> None:
    """`future` is done."""
    try:
        role_ids = future.result()
    except DiscordError as error:
        log.warning("Could not read the roles of user %s in guild %s: %s", user.pk, guild_id, error.code)
    else:
        assert user.discord_id is not None
        store_roles(guild_id, discord_id=user.discord_id, role_ids=role_ids, asked_at=asked_at)


def _store_late(store: Callable[[Future[list[str]]], None], future: Future[list[str]]) -> None:
    """Runs in a thread of the pool, where nothing else closes the database connection."""
    try:
        store(future)
    finally:
        connection.close()


def _fetch_roles(guild_id: str, discord_id: str) -> list[str]:
    """Raises a DiscordError."""
    roles = discord.fetch_member(guild_id, discord_id).get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise DiscordMalformed
    return roles
