"""The base of every app's refusals, and why a caller is not let in. The documents in docs/ list the codes."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

MAX_TOLD = 5  # fields in the sentence of InvalidInput


class Refusal(Exception):
    """Why something is not done. Every error that a client may see is one; each edge translates it once.

    A class has a stable `code`, a `sentence` for people, the HTTP `status`, the `close_code` of a WebSocket (None where
    the connection goes on), and the `field` that holds bad input. An instance has `errors` (sentences by field),
    `retry_after` (seconds, None when nobody knows) and `data` (further fields of an `error` frame).
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
    """Some fields of the input are invalid; `errors` has the sentences of each."""

    code = "INVALID_INPUT"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        parts = [f"{field}: {' '.join(lines)}" for field, lines in errors.items()]
        more = len(parts) - MAX_TOLD
        told = (
            [ngettext("and %(count)s more", "and %(count)s more", more) % {"count": more}] if more > 0 else []
        )
        super().__init__("; ".join(parts[:MAX_TOLD] + told))
        self.errors = errors


# --- Who calls ---


class Unauthenticated(Refusal):
    """The caller is not logged in, or no longer."""

    status = 401
    close_code: int | None = 4401


class AuthRequired(Unauthenticated):
    """The request carries no credentials."""

    code = "AUTH_REQUIRED"
    sentence = _("Log in first.")


class TokenInvalid(Unauthenticated):
    """The token is malformed, or we did not issue it for this."""

    code = "TOKEN_INVALID"
    sentence = _("The token is invalid.")


class TokenExpired(Unauthenticated):
    """The token is older than it may be."""

    code = "TOKEN_EXPIRED"
    sentence = _("The token has expired. Request a new one.")


class UserNotFound(Unauthenticated):
    """The account was deleted or closed."""

    code = "USER_NOT_FOUND"
    sentence = _("This account no longer exists.")


class SessionRevoked(Unauthenticated):
    """The session was ended, by its person or because a token was used twice."""

    code = "SESSION_REVOKED"
    sentence = _("This session was ended. Log in again.")


class SecondFactorRequired(Unauthenticated):
    """The account has a second factor, and the login came without its code."""

    code = "SECOND_FACTOR_REQUIRED"
    sentence = _("This account needs a second factor. Log in again and send `second_factor`.")


class SecondFactorInvalid(Unauthenticated):
    """The code of the second factor is not accepted."""

    code = "SECOND_FACTOR_INVALID"
    sentence = _(
        "The code of the second factor is wrong or was already used, or there were too many attempts. Log in again."
    )


class GrantDead(Unauthenticated):
    """Discord no longer lets us ask about this person."""

    code = "DISCORD_LOGIN_REQUIRED"
    sentence = _("Discord no longer shows us your servers. Log in again.")


class LoginRefused(Refusal):
    """A browser's login that Discord, the person or we refuse. `status` is what the page carries."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code = status, code


# --- Discord ---


class DiscordError(Refusal):
    """Discord did not do what we asked, as far as we know."""

    code = "DISCORD_FAILED"
    sentence = _("Discord could not be reached. Try again in a moment.")
    status = 502

    def __init__(self, *, perhaps_done: bool = False) -> None:
        """`perhaps_done`: the last attempt may have been carried out all the same."""
        super().__init__()
        self.perhaps_done = perhaps_done


class DiscordTimeout(DiscordError):
    """Discord did not answer in time."""

    code = "DISCORD_TIMEOUT"
    sentence = _("Discord took too long to answer. Try again in a moment.")
    status = 504


class DiscordBusy(DiscordError):
    """Discord limits how often we may ask, and the limit is reached."""

    code = "DISCORD_RATE_LIMITED"
    sentence = _("Discord's rate limit is reached. Try again in a minute.")

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__()
        self.retry_after = retry_after


class DiscordPaused(DiscordBusy):
    """We do not ask, before Discord shuts the whole address out (its limit of invalid requests)."""

    code = "DISCORD_PAUSED"
    sentence = _("Discord rejected too many of our requests, so requests are paused for a few minutes.")
    status = 503


class Crowded(DiscordBusy):
    """We do not ask: so many requests wait for Discord already that one more would keep others from an answer."""

    code = "CROWDED"
    sentence = _("Too many requests are waiting for Discord. Try again in a moment.")
    status = 503

    def __init__(self) -> None:
        super().__init__(retry_after=2.0)


class DiscordMalformed(DiscordError):
    """Discord's answer has another shape than its documentation says."""

    code = "DISCORD_MALFORMED"
    sentence = _("Discord sent an unexpected answer. Try again in a moment.")


class DiscordRefused(DiscordError):
    """A 4xx: what we sent is not good (any more).

    `discord_code`: its JSON error code, 0 for none; None of an answer that is no JSON, so of Cloudflare's or a proxy's.
    """

    code = "DISCORD_REFUSED"
    sentence = _("Discord rejected the request. Try again in a moment.")

    def __init__(self, http_status: int, discord_code: int | None = 0) -> None:
        super().__init__()
        self.http_status = http_status
        self.discord_code = discord_code


class CodeRefused(DiscordRefused):
    """The authorization code is not good: used, too old, or another application's."""

    code = "CODE_REFUSED"
    sentence = _("Discord rejected this login. Start again.")
    status = 400

    def __init__(self) -> None:
        super().__init__(400)
