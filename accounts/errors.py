"""Why a caller is not let in. Codes are stable (docs/authentication.md); edges translate once."""

from __future__ import annotations


class AccountsError(Exception):
    """Base. `code` is stable, `str(error)` is a sentence for people."""

    code = "AUTH_REQUIRED"
    sentence = "Log in first."

    def __str__(self) -> str:
        return self.sentence


class AuthRequired(AccountsError):
    pass


class TokenInvalid(AccountsError):
    code = "TOKEN_INVALID"
    sentence = "This token is not one of ours."


class TokenExpired(AccountsError):
    code = "TOKEN_EXPIRED"
    sentence = "This token has expired. Ask for a new one."


class UserNotFound(AccountsError):
    code = "USER_NOT_FOUND"
    sentence = "This account does not exist any more."


class SessionRevoked(AccountsError):
    code = "SESSION_REVOKED"
    sentence = "This session was ended. Log in again."


class SecondFactorRequired(AccountsError):
    code = "SECOND_FACTOR_REQUIRED"
    sentence = "This account asks for a second factor. Log in again and send `second_factor` along."


class SecondFactorInvalid(AccountsError):
    code = "SECOND_FACTOR_INVALID"
    sentence = "This code of the second factor is wrong, used, or one try too many. Log in again."


class LoginRefused(AccountsError):
    """A browser's login that Discord, the person or we refuse. `status` is what the page carries."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(status, code, sentence)
        self.status, self.code, self.sentence = status, code, sentence


class DiscordError(AccountsError):
    """Discord did not do what we asked, as far as we know. `status` is what our own answer carries."""

    code = "DISCORD_FAILED"
    sentence = "Discord could not be reached. Try again in a moment."
    status = 502

    def __init__(self, *details: object, perhaps_done: bool = False) -> None:
        """`perhaps_done`: the last attempt may have been carried out all the same."""
        super().__init__(*details)
        self.perhaps_done = perhaps_done


class DiscordTimeout(DiscordError):
    code = "DISCORD_TIMEOUT"
    sentence = "Discord took too long to answer. Try again in a moment."
    status = 504


class DiscordBusy(DiscordError):
    """`retry_after`: seconds, null when Discord did not say."""

    code = "DISCORD_RATE_LIMITED"
    sentence = "Discord asks us to slow down. Try again in a minute."

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class DiscordPaused(DiscordBusy):
    """We do not ask, before Discord shuts the whole address out (its limit of invalid requests)."""

    code = "DISCORD_PAUSED"
    sentence = "Discord refused too much of what we asked, so we ask nothing for some minutes."
    status = 503


class Crowded(DiscordBusy):
    """We do not ask: so many requests wait for Discord already that one more would keep others from an answer."""

    code = "CROWDED"
    sentence = "Too many requests are waiting for Discord. Try again in a moment."
    status = 503

    def __init__(self) -> None:
        super().__init__(retry_after=2.0)


class DiscordMalformed(DiscordError):
    code = "DISCORD_MALFORMED"
    sentence = "Discord answered something we do not understand. Try again in a moment."


class DiscordRefused(DiscordError):
    """A 4xx: what we sent is not good (any more).

    `discord_code`: its JSON error code, 0 for none; null of an answer that is no JSON, so of Cloudflare's or a proxy's.
    """

    code = "DISCORD_REFUSED"
    sentence = "Discord did not accept what we sent. Try again in a moment."

    def __init__(self, http_status: int, discord_code: int | None = 0) -> None:
        super().__init__(http_status, discord_code)
        self.http_status = http_status
        self.discord_code = discord_code


class CodeRefused(DiscordRefused):
    """The authorization code is not good: used, too old, or another application's."""

    code = "CODE_REFUSED"
    sentence = "Discord did not accept this login. Start again."
    status = 400

    def __init__(self) -> None:
        super().__init__(400)


class GrantDead(AccountsError):
    """Discord no longer lets us ask about this person."""

    code = "DISCORD_LOGIN_REQUIRED"
    sentence = "Discord no longer lets us see your guilds. Log in again."
