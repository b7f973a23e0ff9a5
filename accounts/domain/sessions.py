"""Begin, renew and end sessions, and find whom a token belongs to."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import tokens
from accounts.errors import SessionRevoked, TokenInvalid, UserNotFound
from accounts.models import AuthSession, RefreshChain, User
from accounts.signals import session_revoked
from database.prepared import Prepared

REPLAY_SECONDS = 10  # tabs race to refresh; within this time they all get the same new token
SEEN_EVERY = timedelta(seconds=60)


@dataclass(frozen=True)
class Principal:
    """Who is calling. `expires_at` is the token's, or None for a cookie, which is valid as long as its session.

    `session` is None for the development identity of REQUIRE_AUTH=false. `store` is set for a sync token, which may
    only read and write that one instance.
    """

    user: User
    session: AuthSession | None
    expires_at: datetime | None = None
    store: str | None = None


@dataclass(frozen=True)
class TokenPair:
    access: str
    refresh: str
    expires_at: datetime


def nobody() -> Principal:
    """Return the development identity `dev`, for sockets where REQUIRE_AUTH is off. It has no snowflake."""
    user, _ = User.objects.get_or_create(
        discord_id=None, username="dev", defaults={"display_name": "Nobody (authentication is off)"}
    )
    return Principal(user, None)


def begin_session(user: User, *, device: str, address: str | None) -> AuthSession:
    """Create a session for a login. `address` is dropped when it is not an IP address."""
    return _begin(user, device=device, address=address)


def begin_sync_session(
    user: User, *, store: str, device: str, address: str | None
) -> tuple[str, AuthSession]:
    """Return a sync token for the instance `store` (`app:<name>`), and its session. Ending the session ends the token.

    `device` is the name that its owner chose. The caller checks whether the person may use the store; each connection
    checks it again. Raises ValueError without a store.
    """
    if not store:
        raise ValueError("a sync token is for one store")
    session = _begin(user, device=device, address=address, store=store)
    return tokens.issue_sync(session), session


def _begin(user: User, *, device: str, address: str | None, store: str = "") -> AuthSession:
    try:
        known = str(ip_address(address)) if address else None
    except ValueError:
        known = None
    return AuthSession.objects.create(
        user=user, device=device.replace("\0", "")[:300], address=known, store=store
    )


def revoke_session(session: AuthSession) -> None:
    """End a session on every surface. Calling it twice is harmless."""
    AuthSession.objects.filter(pk=session.pk, revoked_at=None).update(revoked_at=timezone.now())
    transaction.on_commit(lambda: session_revoked.send(AuthSession, sid=str(session.pk)))


def revoke_all_sessions(user: User) -> int:
    """End every session of a person. Returns how many were live."""
    return revoke_sessions(AuthSession.objects.filter(user=user))


def revoke_sessions(sessions: QuerySet[AuthSession]) -> int:
    """End these sessions. Returns how many were live."""
    live = list(sessions.filter(revoked_at=None))
    for session in live:
        revoke_session(session)
    return len(live)


def live_sync_sessions(store: str) -> QuerySet[AuthSession]:
    """Return the sessions of the store's valid sync tokens, newest first."""
    oldest = timezone.now() - timedelta(seconds=settings.SYNC_TOKEN_SECONDS)
    return AuthSession.objects.filter(store=store, revoked_at=None, created_at__gt=oldest).order_by(
        "-created_at"
    )


def live_sessions(user: User) -> list[AuthSession]:
    """Return a person's sessions that could still be used, including sync tokens, most recently used first."""
    return list(AuthSession.objects.filter(could_be_used(timezone.now()), user=user))


def could_be_used(now: datetime) -> Q:
    """Return the condition for an AuthSession whose cookie, token or refresh token may be valid at `now`.

    Each use of one of them updates `last_seen_at`. A sync token expires by itself, used or not.
    """
    unused = timedelta(
        seconds=max(
            settings.SESSION_COOKIE_AGE,
            settings.REFRESH_TOKEN_SECONDS,
            settings.ACCESS_TOKEN_SECONDS + settings.SYNC_GRACE_SECONDS,
        )
    )
    login = Q(store="", last_seen_at__gt=now - unused - SEEN_EVERY)
    sync_token = ~Q(store="") & Q(created_at__gt=now - timedelta(seconds=settings.SYNC_TOKEN_SECONDS))
    return Q(revoked_at=None) & (login | sync_token)


def find_live_session(sid: uuid.UUID | str | None) -> AuthSession:
    """Return the login session with that id, and its user. Raises SessionRevoked or UserNotFound."""
    session = AuthSession.objects.select_related("user").filter(pk=sid, store="").first() if sid else None
    if session is None or session.revoked_at is not None:
        raise SessionRevoked
    if not session.user.is_active:
        raise UserNotFound
    return session


def authenticate_access(raw: str, *, grace_seconds: int = 0) -> Principal:
    """Return the principal of an access token, in one query. Raises Unauthenticated."""
    claims = tokens.read_access(raw, grace_seconds=grace_seconds)
    session = _session_of(claims.user_id, claims.sid, store="")
    return Principal(session.user, session, claims.expires_at)


def authenticate_sync(raw: str) -> Principal:
    """Return the principal of a sync token, with its instance as `store`, in one query. Raises Unauthenticated."""
    claims = tokens.read_sync(raw)
    session = _session_of(claims.user_id, claims.sid, store=claims.store)
    return Principal(session.user, session, claims.expires_at, claims.store)


_by_sid = Prepared[AuthSession](
    lambda sid: AuthSession.objects.select_related("user").filter(pk=sid), uuid.UUID
)


def _session_of(user_id: int, sid: uuid.UUID, *, store: str) -> AuthSession:
    session = _by_sid.first(sid)
    if session is None:
        # Deleting a user deletes the sessions too, so a valid token without a row may belong to a deleted user.
        raise SessionRevoked if User.objects.filter(pk=user_id).exists() else UserNotFound
    if session.user_id != user_id or session.store != store:
        raise TokenInvalid
    if not session.user.is_active:
        raise UserNotFound
    if session.revoked_at is not None:
        raise SessionRevoked
    return session


def touch_session(session: AuthSession) -> None:
    """Record that the session was used, at most once a minute."""
    now = timezone.now()
    if now - session.last_seen_at > SEEN_EVERY:
        AuthSession.objects.filter(pk=session.pk).update(last_seen_at=now)


def issue_pair(session: AuthSession) -> TokenPair:
    return _pair(session, chain=uuid.uuid4(), generation=0, issued_at=datetime.now(UTC))


def issue_first_pair(session: AuthSession) -> TokenPair:
    """Return the session's first token pair. Its refresh token is the same on each call."""
    return _pair(session, chain=session.pk, generation=0, issued_at=session.created_at)


def _pair(session: AuthSession, *, chain: uuid.UUID, generation: int, issued_at: datetime) -> TokenPair:
    access, expires_at = tokens.issue_access(session)
    refresh = tokens.sign_refresh(session=session, chain=chain, generation=generation, issued_at=issued_at)
    return TokenPair(access, refresh, expires_at)


def refresh_pair(raw: str) -> TokenPair:
    """Exchange a refresh token for the next pair.

    A spent token gets the same next pair again within REPLAY_SECONDS of its rotation. Later use counts as theft
    (RFC 9700 §4.14.2), and the session is revoked. Raises Unauthenticated.
    """
    claims = tokens.read_refresh(raw)
    session = _session_of(claims.user_id, claims.sid, store="")
    touch_session(session)
    now = timezone.now()
    with transaction.atomic():
        chain, _ = RefreshChain.objects.get_or_create(
            pk=claims.chain, defaults={"session": session, "rotated_at": now}
        )
        if chain.session_id != session.pk:
            raise TokenInvalid
        rotated = RefreshChain.objects.filter(pk=chain.pk, generation=claims.generation).update(
            generation=claims.generation + 1, rotated_at=now
        )
    if rotated:
        rotated_at = now
    else:
        chain.refresh_from_db()
        recent = now - chain.rotated_at <= timedelta(seconds=REPLAY_SECONDS)
        if claims.generation + 1 != chain.generation or not recent:
            revoke_session(session)
            raise SessionRevoked
        rotated_at = chain.rotated_at
    return _pair(session, chain=claims.chain, generation=claims.generation + 1, issued_at=rotated_at)
