"""What a login leaves behind: a session row, the grant, and word to the other apps."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import user_logged_in as allauth_logged_in
from allauth.socialaccount.models import SocialLogin
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.domain.people import store_grant
from accounts.domain.sessions import begin_session, revoke_session
from accounts.models import AuthSession, User
from accounts.signals import discord_login


@receiver(user_logged_in)
def bind_session(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    session = begin_session(
        user,
        device=request.META.get("HTTP_USER_AGENT", ""),
        address=request.META.get("REMOTE_ADDR") or None,
    )
    request.session["sid"] = str(session.pk)


@receiver(allauth_logged_in)
def keep_grant(
    sender: Any, request: HttpRequest, user: User, sociallogin: SocialLogin | None = None, **kwargs: Any
) -> None:
    if sociallogin is None or sociallogin.token is None:
        return
    token = sociallogin.token
    store_grant(user, access_token=token.token, refresh_token=token.token_secret, expires_at=token.expires_at)
    transaction.on_commit(lambda: discord_login.send(User, user=user, access_token=token.token))


@receiver(user_logged_out)
def end_session(sender: Any, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    sid = request.session.get("sid")
    session = AuthSession.objects.filter(pk=sid).first() if sid else None
    if session:
        revoke_session(session)
