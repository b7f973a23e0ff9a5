"""Who may do what in a guild. Discord documents the permission bits under Permissions."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from accounts.models import SNOWFLAKE, User
from guilds.errors import GuildForbidden, GuildNotFound, InvalidGuildId
from guilds.models import Guild, Membership, Role

ADMINISTRATOR = 1 << 3
DJ_ROLE_NAME = "DJ"
ALL_PERMISSIONS = (
    1 << 10  # View Channel
    | 1 << 11  # Send Messages
    | 1 << 14  # Embed Links
    | 1 << 15  # Attach Files
    | 1 << 17  # Mention Everyone
    | 1 << 20  # Connect
    | 1 << 21  # Speak
)


ALL_PERMISSIONS = (1 << 53) - 1


def base_permissions(*, owner: bool, role_bits: Iterable[int]) -> int:
    """Return a member's permissions before channel overwrites.

    `role_bits` has the bits of each role, including @everyone. Owners and administrators have all permissions.
    """
    bits = 0
    for role in role_bits:
        bits |= role
    return ALL_PERMISSIONS if owner or bits & ADMINISTRATOR else bits


def can_manage(membership: Membership) -> bool:
    """Whether the member manages the guild: owners and administrators do."""
    return membership.owner or bool(membership.permissions & ADMINISTRATOR)


def manages_any(user: User) -> bool:
    """Whether the person manages a guild that has the bot."""
    memberships = Membership.objects.filter(user=user, guild__bot_installed=True).select_related("guild")
    return any(map(can_manage, memberships))


def dj_role_ids(guild: Guild) -> set[str]:
    """Return the ids of the DJ roles: the role that the guild chose, otherwise every role named "DJ"."""
    settings = getattr(guild, "settings", None)
    chosen_id = settings.dj_role_id if settings else None
    roles = Role.objects.filter(guild=guild).filter(Q(pk=chosen_id) | Q(name__iexact=DJ_ROLE_NAME))
    found = set(roles.values_list("pk", flat=True))
    return {chosen_id} if chosen_id in found else found  # otherwise none was chosen, or it was deleted


def is_dj(membership: Membership) -> bool:
    """Whether the member is a DJ: a manager, or a person with one of the DJ roles."""
    if can_manage(membership):
        return True
    if not membership.role_ids:
        return False
    return not dj_role_ids(membership.guild).isdisjoint(membership.role_ids)


def check_guild_id(guild_id: str) -> None:
    """Raise InvalidGuildId if the id is not a snowflake."""
    if not SNOWFLAKE.fullmatch(guild_id):
        raise InvalidGuildId


def require_installed(guild_id: str) -> Guild:
    """Return a guild that the bot is in. Raises InvalidGuildId or GuildNotFound."""
    check_guild_id(guild_id)
    guild = Guild.objects.filter(pk=guild_id, bot_installed=True).first()
    if guild is None:
        raise GuildNotFound
    return guild


def require_member(user: User, guild_id: str) -> Membership:
    """Return the user's membership with its guild and settings. Raises InvalidGuildId or GuildNotFound."""
    check_guild_id(guild_id)
    membership = (
        Membership.objects.select_related("guild", "guild__settings", "user")
        .filter(user=user, guild_id=guild_id)
        .first()
    )
    if membership is None:
        raise GuildNotFound
    return membership


def require_manager(user: User, guild_id: str) -> Membership:
    """Like `require_member`, but also raises GuildForbidden for members who do not manage the guild."""
    membership = require_member(user, guild_id)
    if not can_manage(membership):
        raise GuildForbidden
    return membership
