"""Tokens that our own processes send to the Bot API, with their own key and audience. Each works once."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.errors import TokenInvalid
from accounts.models import UsedServiceToken
from accounts.tokens import StrictBackend

AUDIENCE = "backline-bot"
LIFETIME_SECONDS = 60
_CLAIMS = ["iss", "aud", "token_type", "iat", "exp", "jti"]


@lru_cache(maxsize=2)
def _key(secret: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"backline-bot").derive(secret.encode())


def _backend() -> StrictBackend:
    return StrictBackend(audience=AUDIENCE, required=_CLAIMS, key=_key(settings.JWT_SECRET))


def issue() -> str:
    now = int(datetime.now(UTC).timestamp())
    return _backend().encode(
        {"token_type": "service", "iat": now, "exp": now + LIFETIME_SECONDS, "jti": uuid.uuid4().hex}
    )


def spend(raw: str) -> None:
    """Accept a service token once.

    Raises TokenInvalid (also for a replay, and for a lifetime above 60 s) or TokenExpired.
    """
    claims = _backend().read(raw, token_type="service")
    jti = claims["jti"]
    if claims["exp"] - claims["iat"] > LIFETIME_SECONDS or not isinstance(jti, str):
        raise TokenInvalid
    if not 0 < len(jti) <= 64 or not jti.isprintable():  # PostgreSQL refuses NUL and lone surrogates
        raise TokenInvalid
    expires_at = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=settings.TOKEN_LEEWAY_SECONDS)
    try:
        with transaction.atomic():
            UsedServiceToken.objects.filter(expires_at__lt=datetime.now(UTC)).delete()
            UsedServiceToken.objects.create(jti=jti, expires_at=expires_at)
    except IntegrityError as error:
        raise TokenInvalid from error
