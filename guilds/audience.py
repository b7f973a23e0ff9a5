"""Which guilds and roles people have, and which guilds they may share with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from accounts.models import User
from guilds.errors import RoleNotFound
from guilds.models import Membership, Role
from guilds.permissions import require_member

# {user id: {guild id: role ids}}
Belonging = Mapping[int, Mapping[str, Iterable[str]]]


def belonging(user_ids: Iterable[int], guild_ids: Iterable[str] | None) -> Belonging:
    """Return the roles of these users in these guilds, or in all guilds when `guild_ids` is None."""
    memberships = Membership.objects.filter(user_id__in=list(user_ids))
    if guild_ids is not None:
        memberships = memberships.filter(guild_id__in=list(guild_ids))
    found: defaultdict[int, dict[str, list[str]]] = defaultdict(dict)
    for user_id, guild_id, role_ids in memberships.values_list("user_id", "guild_id", "role_ids"):
        found[user_id][guild_id] = role_ids
    return found


def check_sharing(user: User, guild_id: str, role_id: str) -> None:
    """Check that the user may share with this guild and role: the user must be a member.

    An empty `role_id` means all members. Raises InvalidGuildId, GuildNotFound or RoleNotFound.
    """
    require_member(user, guild_id)
    if role_id and not Role.objects.filter(guild_id=guild_id, pk=role_id).exists():
        raise RoleNotFound
