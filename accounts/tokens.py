"""Access and refresh tokens: HS256 JWTs, every claim required, tied to an AuthSession by `sid`.

SimpleJWT signs and verifies; what it leaves open is closed here: it requires neither `iat` nor a single
audience, and knows no session.
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
REFRESH_CLAIMS = ["iss", "aud", "sub", "sid", "token_type", "chain", "generation", "iat", "exp"]
MAX_TOKEN_BYTES = 4096  # ours are a tenth of that; a megabyte is refused before it is parsed


class StrictBackend(TokenBackend):
    """SimpleJWT's backend with all claims required and the audience a single string."""

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

    def read(self, raw: str, *, token_type: str, grace_seconds: int = 0) -> dict[str, Any]:
        """Return the claims of a token that expired at most `grace_seconds` ago.

        Raises TokenExpired or TokenInvalid, never anything else, whatever the bytes are.
        """
        if not raw or len(raw) > MAX_TOKEN_BYTES:
            raise TokenInvalid
        try:
            claims: dict[str, Any] = jwt.decode(
                raw,
                self.prepared_signing_key,
                algorithms=["HS256"],
                audience=self.audience,
                issuer=self.issuer,
                leeway=settings.TOKEN_LEEWAY_SECONDS,
                options={
                    "require": self.required,
                    "strict_aud": True,
                    "verify_exp": False,  # below, where the grace is known
                    "enforce_minimum_key_length": True,
                },
            )
            # bool is an int to Python and a word to everybody else
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
        """True within the grace only: an expired token without grace is not read at all."""
        return datetime.now(UTC) >= self.expires_at + timedelta(seconds=settings.TOKEN_LEEWAY_SECONDS)


@dataclass(frozen=True)
class RefreshClaims:
    sid: uuid.UUID
    chain: uuid.UUID
    generation: int


def _access_backend() -> StrictBackend:
    return StrictBackend(audience=AUDIENCE, required=ACCESS_CLAIMS)


def _refresh_backend() -> StrictBackend:
    return StrictBackend(audience=REFRESH_AUDIENCE, required=REFRESH_CLAIMS)


def issue_access(session: AuthSession) -> tuple[str, datetime]:
    """Return `(token, expires_at)` for the session's user."""
    user = session.user
    now = datetime.now(UTC).replace(microsecond=0)
    expires_at = now + timedelta(seconds=settings.ACCESS_TOKEN_SECONDS)
    token = _access_backend().encode(
        {
            "sub": str(user.pk),
            "user_id": str(user.pk),
            "discord_id": user.discord_id or "",
            "username": user.username,
            "sid": str(session.pk),
            "token_type": "access",
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": uuid.uuid4().hex,
        }
    )
    return token, expires_at


def read_access(raw: str, *, grace_seconds: int = 0) -> AccessClaims:
    """Raises TokenInvalid or TokenExpired."""
    claims = _access_backend().read(raw, token_type="access", grace_seconds=grace_seconds)
    try:
        if claims["user_id"] != claims["sub"] or not all(
            isinstance(claims[c], str) for c in ACCESS_CLAIMS[2:7]
        ):
            raise TokenInvalid
        user_id = int(claims["user_id"])
        if not 0 < user_id < 2**63:
            raise TokenInvalid
        return AccessClaims(
            user_id=user_id,
            sid=uuid.UUID(claims["sid"]),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
    except ValueError as error:
        raise TokenInvalid from error


def sign_refresh(*, session: AuthSession, chain: uuid.UUID, generation: int, issued_at: datetime) -> str:
    """Return the refresh token of that generation. Same arguments, same token: a replay within the window
    needs no stored copy."""
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
    """Raises TokenInvalid or TokenExpired."""
    claims = _refresh_backend().read(raw, token_type="refresh")
    try:
        return RefreshClaims(
            sid=uuid.UUID(claims["sid"]),
            chain=uuid.UUID(claims["chain"]),
            generation=int(claims["generation"]),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise TokenInvalid from error
