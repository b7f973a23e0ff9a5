"""Somebody with a session, and their access tokens."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import jwt
from django.conf import settings

from accounts.models import AuthSession, User
from accounts.tokens import issue_access


@dataclass
class LoggedIn:
    user: User
    session: AuthSession

    @property
    def token(self) -> str:
        return issue_access(self.session)[0]

    def token_expiring(self, seconds: float) -> str:
        """Return a valid token that expires in so many seconds, or that has expired if negative."""
        claims: dict[str, Any] = jwt.decode(self.token, options={"verify_signature": False})
        claims |= {"exp": int(time.time() + seconds), "iat": int(time.time() + seconds) - 900}
        return jwt.encode(claims, settings.JWT_SECRET, algorithm="HS256")
