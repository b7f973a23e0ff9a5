"""Refusals about guilds."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.errors import Refusal


class InvalidGuildId(Refusal):
    """The guild id in the request is not a snowflake."""

    code = "INVALID_GUILD_ID"
    sentence = _("A server id must be a Discord snowflake of 17 to 20 digits.")
    field = "guild_id"


class GuildNotFound(Refusal):
    """The guild does not exist, or the caller is not in it. The response does not show which."""

    code = "GUILD_NOT_FOUND"
    sentence = _("You are not in a server with this id.")
    status = 404


class GuildForbidden(Refusal):
    """The caller is in the guild but does not manage it."""

    code = "FORBIDDEN"
    sentence = _("You do not have permission to do this in this server.")
    status = 403


class BotNotInstalled(Refusal):
    """The bot is not in the guild, and the request needs it there."""

    code = "BOT_NOT_INSTALLED"
    sentence = _("The bot is not in this server yet.")
    status = 409


class GuildUnavailable(Refusal):
    """The bot is in the guild, but Discord has an outage for it."""

    code = "GUILD_UNAVAILABLE"
    sentence = _("Discord has an outage for this server. Try again later.")
    status = 503


class RefreshedJustNow(Refusal):
    """The guild was refreshed some seconds ago."""

    code = "RATE_LIMITED"
    sentence = _("This server was refreshed a moment ago. Wait a few seconds.")
    status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class RoleNotFound(Refusal):
    """The guild has no such role to share with."""

    code = "ROLE_NOT_FOUND"
    sentence = _("This server has no such role.")
    field = "role_id"


class UnknownFeature(Refusal):
    """The invitation should include a feature that does not exist."""

    code = "UNKNOWN_FEATURE"
    field = "features"
