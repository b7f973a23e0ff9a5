"""allauth's adapters: which person a Discord login belongs to, and how a refused login is shown."""

from __future__ import annotations

import logging
import math

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.domain.people import store_grant, upsert_person
from accounts.encryption import decrypt, encrypt
from accounts.errors import DiscordBusy, DiscordError, LoginRefused
from accounts.metrics import count_authentication

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False  # people come from Discord only

    def add_message(self, *args: object, **kwargs: object) -> None:
        """Show no flash messages: the pages show who is logged in."""


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Connect the login to the person with that snowflake, who may have used the bot before."""
        user = upsert_person(sociallogin.account.extra_data)
        if not user.is_active:
            raise LoginRefused(403, "USER_NOT_FOUND", _("The operator closed this account."))
        if not sociallogin.is_existing:
            sociallogin.connect(request, user)
        # Remove the token from the login and store it encrypted: while the person enters a second factor,
        # allauth saves the whole login in the session's row as plain text.
        token, sociallogin.token = sociallogin.token, None
        if token is not None:
            store_grant(
                user,
                access_token=token.token,
                refresh_token=token.token_secret,
                expires_at=token.expires_at,
                scope=token.granted_scope,
            )

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: object,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, object] | None = None,
    ) -> None:
        """Turn every refusal into the same page: a sentence, a stable code, a link to continue. Raises LoginRefused."""
        log.info("login.refused error=%r", exception or error)
        if error == AuthError.CANCELLED:
            raise LoginRefused(
                400, "LOGIN_DENIED", _("You canceled the login at Discord. Nothing was stored.")
            )
        if request.GET.get("error") or (extra_context or {}).get("state"):
            raise LoginRefused(400, "DISCORD_REFUSED", _("Discord rejected this login."))
        raise state_invalid()


class MFAAdapter(DefaultMFAAdapter):
    """Encrypts the secrets of second factors, as we do with Discord's tokens."""

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)


def state_invalid() -> LoginRefused:
    sentence = _("This login was started in another browser, has expired, or was already used. Start again.")
    return LoginRefused(400, "STATE_INVALID", sentence)


def refuse_login(request: HttpRequest, error: LoginRefused | DiscordError) -> HttpResponse:
    count_authentication("login", error.code)
    context = {
        "code": error.code,
        "sentence": str(error),
        # After a failure the same request may succeed: it needs no new code from Discord.
        "way_on_url": "/" if isinstance(error, LoginRefused) else request.get_full_path(),
        "way_on_label": _("Try again"),
    }
    response = render(request, "accounts/login_refused.html", context, status=error.status)
    if isinstance(error, DiscordBusy) and error.retry_after is not None:
        response["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    return response
