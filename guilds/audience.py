"""What streams need to know about guilds: who is in which, and whom a person may share with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from accounts.models import User
from guilds.errors import RoleNotFound
from guilds.models import Membership, Role
from guilds.permissions import require_member
from realtime.streams.audience import Audience, Belonging


def belonging(user_ids: Iterable[int], guild_ids: Iterable[str] | None) -> Belonging:
    memberships = Membership.objects.filter(user_id__in=list(user_ids))
    if guild_ids is not None:
        memberships = memberships.filter(guild_id__in=list(guild_ids))
    found: defaultdict[int, dict[str, list[str]]] = defaultdict(dict)
    for user_id, guild_id, role_ids in memberships.values_list("user_id", "guild_id", "role_ids"):
        found[user_id][guild_id] = role_ids
    return found


def check(user: User, guild_id: str, role_id: str) -> None:
    """One shares with guilds one is in. Raises a GuildsError."""
    require_member(user, guild_id)
    if role_id and not Role.objects.filter(guild_id=guild_id, pk=role_id).exists():
        raise RoleNotFound


AUDIENCE = Audience(belonging=belonging, check=check)
