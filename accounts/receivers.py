"""Receivers of login signals: begin and end sessions, and notify the other apps."""

from __future__ import annotations

from allauth.account.internal.flows.login import record_authentication
from allauth.account.signals import user_logged_in as allauth_logged_in
from allauth.mfa.signals import authenticator_added
from allauth.socialaccount.models import SocialLogin
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.domain.sessions import begin_session, revoke_session
from accounts.encryption import decrypt
from accounts.metrics import count_login
from accounts.models import AuthSession, DiscordGrant, User
from accounts.signals import discord_login


@receiver(user_logged_in)
def bind_session(sender: object, request: HttpRequest, user: User, **kwargs: object) -> None:
    """Begin a session, and end the one that this browser had: its cookie is overwritten, so its tokens must end too.

    If that session belonged to another user, Django has already emptied the browser's session.
    """
    before = getattr(request, "auth_session", None)
    if before is not None:
        revoke_session(before)
    session = begin_session(
        user,
        device=request.META.get("HTTP_USER_AGENT", ""),
        address=request.META.get("REMOTE_ADDR") or None,
    )
    request.session["sid"] = str(session.pk)
    count_login("login", session)


@receiver(allauth_logged_in)
def notify_others(
    sender: object, request: HttpRequest, user: User, sociallogin: SocialLogin | None = None, **kwargs: object
) -> None:
    """Notify other apps of the login. The adapter stored the grant earlier, before any second factor."""
    grant = DiscordGrant.objects.filter(user=user).first()
    if sociallogin is None or grant is None:
        return
    access_token = decrypt(grant.access_token)
    transaction.on_commit(lambda: discord_login.send(User, user=user, access_token=access_token))


@receiver(authenticator_added)
def count_as_proof(sender: object, request: HttpRequest, user: User, **kwargs: object) -> None:
    """Count the new app's first code as a reauthentication, so that it also opens the recovery codes."""
    record_authentication(request, user, "mfa", reauthenticated=True)


@receiver(user_logged_out)
def end_session(sender: object, request: HttpRequest, user: User | None, **kwargs: object) -> None:
    sid = request.session.get("sid")
    session = AuthSession.objects.filter(pk=sid).first() if sid else None
    if session:
        revoke_session(session)
