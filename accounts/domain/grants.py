"""Discord's tokens for a person: stored encrypted, renewed before use, revoked at the end."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import discord
from accounts.encryption import decrypt, encrypt
from accounts.errors import DiscordError, DiscordRefused, GrantDead
from accounts.models import DiscordGrant, User

log = logging.getLogger(__name__)

RENEW_BEFORE = timedelta(minutes=5)
# Longer than accounts/discord.py takes with all its retries, so that a claim outlives the call it covers.
CLAIM = timedelta(seconds=30)
WAIT_SECONDS = 0.1


def access_token_of(user: User) -> str:
    """Return a Discord access token that is valid for some minutes more, renewed if necessary.

    Discord's refresh tokens work once, so among several callers, in any process, one renews and the others wait.
    Blocks for as long as Discord takes. Do not call inside a transaction, which would hide the claim from the other
    callers. Raises GrantDead (DISCORD_LOGIN_REQUIRED) when the person must log in again, or a DiscordError, after
    which the next call tries again.
    """
    deadline = time.monotonic() + CLAIM.total_seconds()
    while True:
        grant = DiscordGrant.objects.filter(user=user).first()
        if grant is None or grant.dead_at is not None:
            raise GrantDead
        if grant.expires_at is None or grant.expires_at - timezone.now() > RENEW_BEFORE:
            return _open(grant, grant.access_token)
        if _claim(grant):
            return _renew(grant)
        if time.monotonic() > deadline:
            raise DiscordError
        time.sleep(WAIT_SECONDS)


def is_grant_dead(user: User) -> bool:
    """Whether the person must log in again before we can fetch anything new about them from Discord."""
    return DiscordGrant.objects.filter(user=user).exclude(dead_at=None).exists()


def _claim(grant: DiscordGrant) -> bool:
    """Claim the renewal by a conditional update. A claim that is never completed expires."""
    now = timezone.now()
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    with transaction.atomic(durable=True):  # RuntimeError inside another transaction
        claimed = DiscordGrant.objects.filter(free, pk=grant.pk, access_token=grant.access_token).update(
            claimed_until=now + CLAIM
        )
    return bool(claimed)


def _renew(grant: DiscordGrant) -> str:
    if not grant.refresh_token:
        _bury(grant)
        raise GrantDead
    try:
        answer = discord.renew_tokens(_open(grant, grant.refresh_token))
    except DiscordError as error:
        if isinstance(error, DiscordRefused) and error.http_status == 400:
            _bury(grant)
            raise GrantDead from error
        DiscordGrant.objects.filter(pk=grant.pk).update(claimed_until=None)
        raise
    access_token: str = answer["access_token"]
    # Conditional, here and below: a login may have stored newer tokens in the meantime.
    DiscordGrant.objects.filter(pk=grant.pk, refresh_token=grant.refresh_token).update(
        access_token=encrypt(access_token),
        refresh_token=encrypt(answer["refresh_token"])
        if answer.get("refresh_token")
        else grant.refresh_token,
        expires_at=timezone.now() + timedelta(seconds=int(answer.get("expires_in") or 0)),
        claimed_until=None,
    )
    return access_token


def bury_refused(user: User, access_token: str) -> None:
    """Mark the grant as dead after Discord refused `access_token` with 401, unless a newer token was stored since."""
    grant = DiscordGrant.objects.filter(user=user, dead_at=None).first()
    if grant is not None and _open(grant, grant.access_token) == access_token:
        _bury(grant)


def _bury(grant: DiscordGrant) -> None:
    """Mark a grant as dead: it was revoked, or we cannot decrypt it. The pages then ask for a new login."""
    log.info("Discord grant for user %s is no longer valid. The user must log in again.", grant.user_id)
    DiscordGrant.objects.filter(pk=grant.pk, refresh_token=grant.refresh_token).update(
        dead_at=timezone.now(), claimed_until=None
    )


def _open(grant: DiscordGrant, ciphertext: str) -> str:
    try:
        return decrypt(ciphertext)
    except InvalidToken as error:  # its key was removed from FIELD_ENCRYPTION_KEYS
        _bury(grant)
        raise GrantDead from error


def revoke_grant(user: User) -> None:
    """Revoke the person's tokens at Discord and delete the grant, even if Discord does not respond."""
    grant = DiscordGrant.objects.filter(user=user).first()
    if grant is None:
        return
    try:
        discord.revoke_token(_open(grant, grant.refresh_token or grant.access_token))
    except (DiscordError, GrantDead) as error:
        log.warning("Could not revoke the Discord grant for user %s: %s", user.pk, error.code)
    grant.delete()
