"""Discord's tokens for a person: kept encrypted, renewed before use, given back at the end."""

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
# Longer than discord.py takes with all its retries, so that a claim outlives the call it covers.
CLAIM = timedelta(seconds=30)
WAIT_SECONDS = 0.1


def access_token_of(user: User) -> str:
    """Return a Discord access token that is good for some minutes, renewed if need be.

    Of several callers, in any process, one renews and the others wait for it: Discord's refresh tokens are good
    once. Blocks for as long as Discord takes. Not to be called inside a transaction, which would hide the claim
    from the others. Raises GrantDead (DISCORD_LOGIN_REQUIRED) when the person must log in again, or a
    DiscordError, after which the next call tries anew.
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
    """Whether the person must log in again before Discord tells anything new about them."""
    return DiscordGrant.objects.filter(user=user).exclude(dead_at=None).exists()


def _claim(grant: DiscordGrant) -> bool:
    """Make the renewal ours by a conditional update. A claim that was never redeemed runs out."""
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
    # Conditional, here and below: a login meanwhile brought newer tokens.
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
    """Discord refused this token of the person with 401. A newer one that came meanwhile is left alone."""
    grant = DiscordGrant.objects.filter(user=user, dead_at=None).first()
    if grant is not None and _open(grant, grant.access_token) == access_token:
        _bury(grant)


def _bury(grant: DiscordGrant) -> None:
    """Discord withdrew it, the person did, or we cannot read it: only a new login helps, and the pages say so."""
    log.info("Discord grant for user %s is no longer valid, asking them to log in again", grant.user_id)
    DiscordGrant.objects.filter(pk=grant.pk, refresh_token=grant.refresh_token).update(
        dead_at=timezone.now(), claimed_until=None
    )


def _open(grant: DiscordGrant, ciphertext: str) -> str:
    try:
        return decrypt(ciphertext)
    except InvalidToken as error:  # its key was thrown away
        _bury(grant)
        raise GrantDead from error


def revoke_grant(user: User) -> None:
    """Give the tokens back to Discord. A Discord that does not answer does not keep a person here."""
    grant = DiscordGrant.objects.filter(user=user).first()
    if grant is None:
        return
    try:
        discord.revoke_token(_open(grant, grant.refresh_token or grant.access_token))
    except (DiscordError, GrantDead) as error:
        log.warning("Could not revoke the Discord grant for user %s: %s", user.pk, error.code)
    grant.delete()
