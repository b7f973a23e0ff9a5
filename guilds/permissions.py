"""Who may do what in a guild. Permission bits: Discord's documentation, Permissions."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import User, snowflake_validator
from guilds.errors import GuildForbidden, GuildNotFound, InvalidGuildId
from guilds.models import Guild, Membership, Role

ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5
DJ_ROLE_NAME = "DJ"

INSTALL_PERMISSIONS = (
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

    `role_bits` are those of each of their roles, @everyone's among them. Owners and administrators have all.
    """
    bits = 0
    for role in role_bits:
        bits |= role
    return ALL_PERMISSIONS if owner or bits & ADMINISTRATOR else bits


def can_manage(membership: Membership) -> bool:
    """Owners and administrators manage."""
    return membership.owner or bool(membership.permissions & ADMINISTRATOR)


def is_dj(membership: Membership) -> bool:
    """Managers, and people with the guild's DJ role: the one it chose, else any that is named so, as is the custom."""
    if can_manage(membership):
        return True
    if not membership.role_ids:
        return False
    settings = getattr(membership.guild, "settings", None)
    roles = Role.objects.filter(guild_id=membership.guild_id)
    chosen = roles.filter(pk=settings.dj_role_id if settings else None)
    if not chosen.exists():  # never, or deleted since
        chosen = roles.filter(name__iexact=DJ_ROLE_NAME)
    return chosen.filter(pk__in=membership.role_ids).exists()


def check_guild_id(guild_id: str) -> None:
    """Raises InvalidGuildId for what is no snowflake."""
    if not snowflake_validator.regex.fullmatch(guild_id):  # type: ignore[union-attr]
        raise InvalidGuildId


def require_installed(guild_id: str) -> Guild:
    """Return a guild that the bot is in. Raises InvalidGuildId or GuildNotFound."""
    check_guild_id(guild_id)
    guild = Guild.objects.filter(pk=guild_id, bot_installed=True).first()
    if guild is None:
        raise GuildNotFound
    return guild


def require_member(user: User, guild_id: str) -> Membership:
    """Return the user's membership, its guild and settings loaded. Raises InvalidGuildId or GuildNotFound."""
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
    """Raises as `require_member`, and GuildForbidden for members who do not manage."""
    membership = require_member(user, guild_id)
    if not can_manage(membership):
        raise GuildForbidden
    return membership
