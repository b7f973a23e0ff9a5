"""The base class of every app's refusals, and the errors of logins and of Discord. docs/ lists the codes."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

MAX_NAMED = 5  # fields that the sentence of InvalidInput names


class Refusal(Exception):
    """The reason why a request is refused. Every error that a client may see is one; each edge translates it once.

    A class has a stable `code`, a `sentence` for people, the HTTP `status`, the `close_code` of a WebSocket (None if
    the connection stays open), and the `field` that holds bad input. An instance has `errors` (sentences by field),
    `retry_after` (seconds, None when unknown) and `data` (further fields of an `error` frame).
    """

    code = ""
    sentence: str | Promise = ""
    status = 400
    close_code: int | None = None
    field = ""
    retry_after: float | None = None

    def __init__(self, sentence: str | Promise = "", **data: object) -> None:
        super().__init__(str(sentence or self.sentence))
        self.errors = {self.field: [str(self)]} if self.field else {}
        self.data = data


class InvalidInput(Refusal):
    """Some fields of the input are invalid. `errors` lists the sentences for each field."""

    code = "INVALID_INPUT"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        parts = [f"{field}: {' '.join(lines)}" for field, lines in errors.items()]
        more = len(parts) - MAX_NAMED
        rest = (
            [ngettext("and %(count)s more", "and %(count)s more", more) % {"count": more}] if more > 0 else []
        )
        super().__init__("; ".join(parts[:MAX_NAMED] + rest))
        self.errors = errors


# --- Authentication ---


class Unauthenticated(Refusal):
    """The caller is not logged in, or no longer logged in."""

    status = 401
    close_code: int | None = 4401


class AuthRequired(Unauthenticated):
    """The request carries no credentials."""

    code = "AUTH_REQUIRED"
    sentence = _("Log in first.")


class TokenInvalid(Unauthenticated):
    """The token is malformed, or was not issued for this use."""

    code = "TOKEN_INVALID"
    sentence = _("The token is invalid.")


class TokenExpired(Unauthenticated):
    """The token has expired."""

    code = "TOKEN_EXPIRED"
    sentence = _("The token has expired. Request a new one.")


class UserNotFound(Unauthenticated):
    """The account was deleted or closed."""

    code = "USER_NOT_FOUND"
    sentence = _("This account no longer exists.")


class SessionRevoked(Unauthenticated):
    """The session was ended, by its owner or because a token was used twice."""

    code = "SESSION_REVOKED"
    sentence = _("This session was ended. Log in again.")


class SecondFactorRequired(Unauthenticated):
    """The account has a second factor, and the login request has no code for it."""

    code = "SECOND_FACTOR_REQUIRED"
    sentence = _("This account needs a second factor. Log in again and send `second_factor`.")


class SecondFactorInvalid(Unauthenticated):
    """The code for the second factor is wrong, was already used, or follows too many attempts."""

    code = "SECOND_FACTOR_INVALID"
    sentence = _(
        "The code of the second factor is wrong or was already used, or there were too many attempts. Log in again."
    )


class GrantDead(Unauthenticated):
    """Discord no longer gives us this person's data; they must log in again."""

    code = "DISCORD_LOGIN_REQUIRED"
    sentence = _("Discord no longer shows us your servers. Log in again.")


class LoginRefused(Refusal):
    """A browser's login was refused by Discord, by the person or by us. `status` is the page's HTTP status."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code = status, code


# --- Discord ---


class DiscordError(Refusal):
    """A request to Discord failed, as far as we know."""

    code = "DISCORD_FAILED"
    sentence = _("Discord could not be reached. Try again in a moment.")
    status = 502

    def __init__(self, *, perhaps_done: bool = False) -> None:
        """`perhaps_done`: Discord may have carried out the last attempt anyway."""
        super().__init__()
        self.perhaps_done = perhaps_done


class DiscordTimeout(DiscordError):
    """Discord did not answer in time."""

    code = "DISCORD_TIMEOUT"
    sentence = _("Discord took too long to answer. Try again in a moment.")
    status = 504


class DiscordBusy(DiscordError):
    """Discord's rate limit is reached."""

    code = "DISCORD_RATE_LIMITED"
    sentence = _("Discord's rate limit is reached. Try again in a minute.")

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__()
        self.retry_after = retry_after


class DiscordPaused(DiscordBusy):
    """Requests are paused, so that Discord does not block our IP address (its limit of invalid requests)."""

    code = "DISCORD_PAUSED"
    sentence = _("Discord rejected too many of our requests, so requests are paused for a few minutes.")
    status = 503


class Crowded(DiscordBusy):
    """Too many requests are waiting for Discord already; one more would delay unrelated requests."""

    code = "CROWDED"
    sentence = _("Too many requests are waiting for Discord. Try again in a moment.")
    status = 503

    def __init__(self) -> None:
        super().__init__(retry_after=2.0)


class DiscordMalformed(DiscordError):
    """Discord's response does not have the documented shape."""

    code = "DISCORD_MALFORMED"
    sentence = _("Discord sent an unexpected answer. Try again in a moment.")


class DiscordRefused(DiscordError):
    """Discord responded with a 4xx: our request is invalid, or no longer valid.

    `discord_code` is Discord's JSON error code, or 0 if there is none. It is None when the response is not JSON, which
    means that it came from Cloudflare or a proxy.
    """

    code = "DISCORD_REFUSED"
    sentence = _("Discord rejected the request. Try again in a moment.")

    def __init__(self, http_status: int, discord_code: int | None = 0) -> None:
        super().__init__()
        self.http_status = http_status
        self.discord_code = discord_code


class CodeRefused(DiscordRefused):
    """The authorization code is invalid: already used, too old, or for another application."""

    code = "CODE_REFUSED"
    sentence = _("Discord rejected this login. Start again.")
    status = 400

    def __init__(self) -> None:
        super().__init__(400)
