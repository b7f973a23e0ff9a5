"""Log a person in with an authorization code that their client received."""

from __future__ import annotations

from datetime import timedelta

from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import discord
from accounts.discord import DiscordObject
from accounts.domain.codes import exchange_code, forget_tokens
from accounts.domain.once import StepSpent, take_once
from accounts.domain.people import store_grant, upsert_person
from accounts.domain.sessions import begin_session, find_live_session
from accounts.errors import (
    CodeRefused,
    Refusal,
    SecondFactorInvalid,
    SecondFactorRequired,
    UserNotFound,
)
from accounts.models import AuthSession, User
from accounts.signals import discord_login

_REFUSALS: dict[str, type[Refusal]] = {
    error.code: error for error in (CodeRefused, UserNotFound, SecondFactorRequired, SecondFactorInvalid)
}


def log_in_with_code(
    *,
    code: str,
    redirect_uri: str | None = None,
    code_verifier: str | None = None,
    second_factor: str = "",
    repeat_key: str = "",
    device: str,
    address: str | None,
) -> AuthSession:
    """Return the new session. The same request sent again a moment later gets the same session.

    A client proves that it is the same one by `code_verifier` or by `repeat_key`, a text that it chooses. Without
    either, a code works once. After a DiscordError other than CodeRefused the same client may send the same request
    again for ten minutes, even if Discord already accepted the code. Raises CodeRefused, another DiscordError,
    UserNotFound for a closed account, SessionRevoked when the session was ended in the meantime, or
    SecondFactorRequired and SecondFactorInvalid, after which the client needs a new code from Discord.
    """
    redirect_uri = redirect_uri or settings.DISCORD_REDIRECT_URI
    if not code_verifier and not repeat_key:
        with discord.turn():
            tokens = discord.exchange_code(code=code, redirect_uri=redirect_uri, code_verifier=None)
            return _log_in(tokens, second_factor=second_factor, device=device, address=address)
    trade = {
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": code_verifier or "",
        "repeat_key": repeat_key,
    }

    def log_in() -> str:
        """Return the session's id, or the code of a refusal. Keep the tokens after other errors, for a retry."""
        try:
            with discord.turn():
                tokens = exchange_code(**trade)
                session = _log_in(tokens, second_factor=second_factor, device=device, address=address)
        except tuple(_REFUSALS.values()) as error:
            forget_tokens(**trade)
            return error.code
        forget_tokens(**trade)
        return str(session.pk)

    try:
        # The proofs are part of the name, so a stranger who only has the code cannot get the client refused.
        answer, _ = take_once("exchange", *trade.values(), second_factor, proof=(), act=log_in)
    except StepSpent as error:
        raise CodeRefused from error
    if refusal := _REFUSALS.get(answer):
        raise refusal
    return find_live_session(answer)


def _log_in(tokens: DiscordObject, *, second_factor: str, device: str, address: str | None) -> AuthSession:
    """`tokens` is what `discord.exchange_code` returns."""
    access_token = tokens["access_token"]
    profile = discord.fetch_me(access_token)
    with transaction.atomic():
        user = upsert_person(profile)
        if not user.is_active:
            raise UserNotFound
        _check_second_factor(user, second_factor)
        store_grant(
            user,
            access_token=access_token,
            refresh_token=tokens.get("refresh_token") or "",
            expires_at=timezone.now() + timedelta(seconds=int(tokens.get("expires_in") or 0)),
            scope=str(tokens.get("scope") or ""),
        )
        user.last_login = timezone.now()
        user.save(update_fields=["last_login"])
        session = begin_session(user, device=device, address=address)
        transaction.on_commit(lambda: discord_login.send(User, user=user, access_token=access_token))
    return session


def _check_second_factor(user: User, code: str) -> None:
    """Raise if the account's second factor is missing or wrong. allauth's form limits the number of wrong codes."""
    if not is_mfa_enabled(user, [Authenticator.Type.TOTP]):
        return
    if not code:
        raise SecondFactorRequired
    if not AuthenticateForm(user=user, data={"code": code}).is_valid():
        raise SecondFactorInvalid
