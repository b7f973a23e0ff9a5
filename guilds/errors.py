"""Refusals about guilds."""

from __future__ import annotations

from accounts.errors import Refusal


class InvalidGuildId(Refusal):
    """The guild id of the request is no snowflake."""

    code = "INVALID_GUILD_ID"
    sentence = "A guild id is a Discord snowflake: 17 to 20 digits."
    field = "guild_id"


class GuildNotFound(Refusal):
    """Also for guilds that exist but are not the caller's: nobody learns which do."""

    code = "GUILD_NOT_FOUND"
    sentence = "You are in no guild of this id."
    status = 404


class GuildForbidden(Refusal):
    """The caller is in the guild and does not manage it."""

    code = "FORBIDDEN"
    sentence = "You may not do this in this guild."
    status = 403


class BotNotInstalled(Refusal):
    """This needs the bot in the guild, and it is not there."""

    code = "BOT_NOT_INSTALLED"
    sentence = "The bot is not in this guild yet."
    status = 409


class GuildUnavailable(Refusal):
    """The bot is in the guild, and Discord has an outage for it."""

    code = "GUILD_UNAVAILABLE"
    sentence = "Discord cannot tell us about this guild for now."
    status = 503


class RefreshedJustNow(Refusal):
    """The guild was refreshed some seconds ago."""

    code = "RATE_LIMITED"
    sentence = "This guild was just read. Wait some seconds."
    status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class RoleNotFound(Refusal):
    """The role to share with is not one of the guild's."""

    code = "ROLE_NOT_FOUND"
    sentence = "There is no such role in this guild."
    field = "role_id"
