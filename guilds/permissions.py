"""Who may do what in a guild. Permission bits: Discord's documentation, Permissions."""

from __future__ import annotations

from accounts.models import User, snowflake_validator
from guilds.errors import GuildForbidden, GuildNotFound, InvalidGuildId
from guilds.models import Membership

ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5

# 149504 (Add Reactions… as the contract counts them) plus View Channel, Attach Files, Connect and Speak.
INSTALL_PERMISSIONS = 3_329_024


def can_manage(membership: Membership) -> bool:
    """Owners and administrators manage."""
    return membership.owner or bool(membership.permissions & ADMINISTRATOR)


def is_dj(membership: Membership) -> bool:
    """Managers, and people with the guild's DJ role."""
    if can_manage(membership):
        return True
    settings = getattr(membership.guild, "settings", None)
    return bool(settings and settings.dj_role_id and settings.dj_role_id in membership.role_ids)


def require_member(user: User, guild_id: str) -> Membership:
    """Return the user's membership, its guild and settings loaded. Raises InvalidGuildId or GuildNotFound."""
    if not snowflake_validator.regex.fullmatch(guild_id):  # type: ignore[union-attr]
        raise InvalidGuildId
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
