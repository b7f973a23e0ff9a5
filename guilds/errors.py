"""Refusals about guilds. `status` is what REST answers."""

from __future__ import annotations


class GuildsError(Exception):
    code = "INVALID_INPUT"
    sentence = "This is not a guild."
    status = 400
    field = ""  # of bad input: which one

    def __str__(self) -> str:
        return self.sentence


class InvalidGuildId(GuildsError):
    code = "INVALID_GUILD_ID"
    sentence = "A guild id is a Discord snowflake: 17 to 20 digits."
    field = "guild_id"


class GuildNotFound(GuildsError):
    """Also for guilds that exist but are not the caller's: nobody learns which do."""

    code = "GUILD_NOT_FOUND"
    sentence = "You are in no guild of this id."
    status = 404


class GuildForbidden(GuildsError):
    code = "FORBIDDEN"
    sentence = "You may not do this in this guild."
    status = 403


class BotNotInstalled(GuildsError):
    code = "BOT_NOT_INSTALLED"
    sentence = "The bot is not in this guild yet."
    status = 409


class GuildUnavailable(GuildsError):
    """The bot is in the guild, and Discord has an outage for it."""

    code = "GUILD_UNAVAILABLE"
    sentence = "Discord cannot tell us about this guild for now."
    status = 503


class RefreshedJustNow(GuildsError):
    """`retry_after`: seconds until it can be done again."""

    code = "RATE_LIMITED"
    sentence = "This guild was just read. Wait some seconds."
    status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class InvalidSettings(GuildsError):
    """`errors` is a list of sentences by setting."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__()
        self.errors = errors

    def __str__(self) -> str:
        return "; ".join(f"{name}: {' '.join(lines)}" for name, lines in self.errors.items())


class RoleNotFound(GuildsError):
    code = "ROLE_NOT_FOUND"
    sentence = "There is no such role in this guild."
    field = "role_id"
