"""Access, refresh and sync tokens: HS256 JWTs with every claim required, tied to an AuthSession by `sid`.

SimpleJWT signs and verifies. The checks that it lacks are here: it requires neither `iat` nor a single audience, and
it has no sessions.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend

from accounts.errors import TokenExpired, TokenInvalid
from accounts.models import AuthSession

ISSUER = "backline"
AUDIENCE = "backline-api"
REFRESH_AUDIENCE = "backline-refresh"
SYNC_AUDIENCE = "backline-sync"
ACCESS_CLAIMS = [
    "iss",
    "aud",
    "sub",
    "user_id",
    "discord_id",
    "username",
    "sid",
    "token_type",
    "iat",
    "exp",
    "jti",
]
SYNC_CLAIMS = [*ACCESS_CLAIMS, "store"]
REFRESH_CLAIMS = ["iss", "aud", "sub", "sid", "token_type", "chain", "generation", "iat", "exp"]
MAX_GENERATION = 2**31 - 1  # the maximum of its database column
MAX_TOKEN_BYTES = 4096  # ten times the size of ours; a longer one is refused before it is parsed

type Claims = dict[str, Any]  # a token's JSON; each claim is checked where it is read


class StrictBackend(TokenBackend):
    """SimpleJWT's backend, except that all claims are required and the audience is a single string."""

    def __init__(
        self, *, audience: str, required: list[str], issuer: str = ISSUER, key: bytes | None = None
    ) -> None:
        super().__init__(
            "HS256",
            signing_key=settings.JWT_SECRET,
            audience=audience,
            issuer=issuer,
            leeway=settings.TOKEN_LEEWAY_SECONDS,
        )
        self.required = required
        if key is not None:  # raw bytes, which SimpleJWT's constructor does not take
            self.prepared_signing_key = key

    def read(self, raw: str, *, token_type: str, grace_seconds: int = 0) -> Claims:
        """Return the claims of a token that expired at most `grace_seconds` ago.

        Raises TokenExpired or TokenInvalid, never anything else, whatever the bytes are.
        """
        if not raw or len(raw) > MAX_TOKEN_BYTES:
            raise TokenInvalid
        try:
            claims: Claims = jwt.decode(
                raw,
                self.prepared_signing_key,
                algorithms=["HS256"],
                audience=self.audience,
                issuer=self.issuer,
                leeway=settings.TOKEN_LEEWAY_SECONDS,
                options={
                    "require": self.required,
                    "strict_aud": True,
                    "verify_exp": False,  # checked below, with the grace
                    "enforce_minimum_key_length": True,
                },
            )
            # Compare exact types: isinstance would accept a JSON boolean as an int.
            if claims["token_type"] != token_type or {type(claims["exp"]), type(claims["iat"])} != {int}:
                raise TokenInvalid
            datetime.fromtimestamp(claims["iat"], UTC)
            leeway = timedelta(seconds=settings.TOKEN_LEEWAY_SECONDS + grace_seconds)
            refused_at = datetime.fromtimestamp(claims["exp"], UTC) + leeway
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError) as error:
            raise TokenInvalid from error
        if datetime.now(UTC) >= refused_at:
            raise TokenExpired
        return claims


@dataclass(frozen=True)
class AccessClaims:
    user_id: int
    sid: uuid.UUID
    expires_at: datetime

    @property
    def expired(self) -> bool:
        """Whether the token is in its grace. Past the grace, reading it raises TokenExpired."""
        return datetime.now(UTC) >= self.expires_at + timedelta(seconds=settings.TOKEN_LEEWAY_SECONDS)


@dataclass(frozen=True)
class SyncClaims(AccessClaims):
    store: str


@dataclass(frozen=True)
class RefreshClaims:
    user_id: int
    sid: uuid.UUID
    chain: uuid.UUID
    generation: int


def _access_backend() -> StrictBackend:
    return StrictBackend(audience=AUDIENCE, required=ACCESS_CLAIMS)


def _refresh_backend() -> StrictBackend:
    return StrictBackend(audience=REFRESH_AUDIENCE, required=REFRESH_CLAIMS)


def _sync_backend() -> StrictBackend:
    return StrictBackend(audience=SYNC_AUDIENCE, required=SYNC_CLAIMS)


def _claims(session: AuthSession, *, issued_at: datetime, expires_at: datetime) -> Claims:
    user = session.user
    return {
        "sub": str(user.pk),
        "user_id": str(user.pk),
        "discord_id": user.discord_id or "",
        "username": user.username,
        "sid": str(session.pk),
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
        "jti": uuid.uuid4().hex,
    }


def issue_access(session: AuthSession) -> tuple[str, datetime]:
    """Return `(token, expires_at)` for the session's user."""
    now = datetime.now(UTC).replace(microsecond=0)
    expires_at = now + timedelta(seconds=settings.ACCESS_TOKEN_SECONDS)
    claims = _claims(session, issued_at=now, expires_at=expires_at)
    return _access_backend().encode(claims | {"token_type": "access"}), expires_at


def issue_sync(session: AuthSession) -> str:
    """Return the sync token of a session with a `store`: always the same, valid until the session's `expires_at`."""
    if session.expires_at is None:
        raise ValueError("only a session with a store has a sync token")
    claims = _claims(session, issued_at=session.created_at, expires_at=session.expires_at)
    claims["jti"] = session.pk.hex
    return _sync_backend().encode(claims | {"token_type": "sync", "store": session.store})


def read_access(raw: str, *, grace_seconds: int = 0) -> AccessClaims:
    """Raises TokenInvalid or TokenExpired."""
    return AccessClaims(
        **_checked(_access_backend().read(raw, token_type="access", grace_seconds=grace_seconds))
    )


def read_sync(raw: str) -> SyncClaims:
    """Raises TokenInvalid or TokenExpired. A sync token has no grace."""
    claims = _sync_backend().read(raw, token_type="sync")
    if not isinstance(claims["store"], str) or not claims["store"]:
        raise TokenInvalid
    return SyncClaims(**_checked(claims), store=claims["store"])


def claims_sync(raw: str) -> bool:
    """Whether a token claims to be a sync token, by its `aud`. This verifies nothing; `read_sync` does."""
    if len(raw) > MAX_TOKEN_BYTES:
        return False
    try:
        claims: Claims = jwt.decode(raw, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return False
    return claims.get("aud") == SYNC_AUDIENCE


def _checked(claims: Claims) -> Claims:
    """Return `{user_id, sid, expires_at}` in their types. Raises TokenInvalid."""
    words = ("sub", "user_id", "discord_id", "username", "sid")
    if claims["user_id"] != claims["sub"] or not all(isinstance(claims[name], str) for name in words):
        raise TokenInvalid
    return {
        "user_id": _user_id(claims["user_id"]),
        "sid": _uuid(claims["sid"]),
        "expires_at": datetime.fromtimestamp(claims["exp"], UTC),
    }


def _user_id(claim: object) -> int:
    if not isinstance(claim, str) or not claim.isascii() or not claim.isdecimal() or int(claim) >= 2**63:
        raise TokenInvalid
    return int(claim)


def _uuid(claim: object) -> uuid.UUID:
    if not isinstance(claim, str):
        raise TokenInvalid
    try:
        return uuid.UUID(claim)
    except ValueError as error:
        raise TokenInvalid from error


def sign_refresh(*, session: AuthSession, chain: uuid.UUID, generation: int, issued_at: datetime) -> str:
    """Return the refresh token of that generation.

    The same arguments give the same token, so repeating it within REPLAY_SECONDS needs no stored copy.
    """
    issued = int(issued_at.timestamp())
    return _refresh_backend().encode(
        {
            "sub": str(session.user_id),
            "sid": str(session.pk),
            "token_type": "refresh",
            "chain": str(chain),
            "generation": generation,
            "iat": issued,
            "exp": issued + settings.REFRESH_TOKEN_SECONDS,
        }
    )


def read_refresh(raw: str) -> RefreshClaims:
    """Raises TokenInvalid or TokenExpired, the latter also when REFRESH_TOKEN_SECONDS was reduced since."""
    claims = _refresh_backend().read(raw, token_type="refresh")
    # Housekeeping relies on this: a spent token would be valid again if it outlived its chain's row.
    life = settings.REFRESH_TOKEN_SECONDS + settings.TOKEN_LEEWAY_SECONDS
    if datetime.now(UTC).timestamp() >= claims["iat"] + life:
        raise TokenExpired
    generation = claims["generation"]
    if type(generation) is not int or not 0 <= generation < MAX_GENERATION:
        raise TokenInvalid
    return RefreshClaims(
        user_id=_user_id(claims["sub"]),
        sid=_uuid(claims["sid"]),
        chain=_uuid(claims["chain"]),
        generation=generation,
    )
