"""Authentication of REST requests: a bearer token, otherwise the browser's cookie with its CSRF token."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from accounts.domain.sessions import Principal, authenticate_access, touch_session
from accounts.errors import TokenInvalid, Unauthenticated
from accounts.metrics import count_authentication
from accounts.models import User


def bearer_token(header: str) -> str | None:
    """Return the token of an `Authorization` header, or None when it uses another scheme than Bearer.

    Raises TokenInvalid when the token is missing or contains a space.
    """
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        return None
    if not token or " " in token.strip():
        raise TokenInvalid
    return token.strip()


def caller(request: Request) -> User:
    """Return the user who makes a request. Raises NotAuthenticated when nobody is logged in."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


class BearerAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        try:
            token = bearer_token(request.META.get("HTTP_AUTHORIZATION", ""))
            if token is None:
                return None
            principal = authenticate_access(token)
            assert principal.session is not None  # every access token belongs to a session
            touch_session(principal.session)
        except Unauthenticated as error:
            count_authentication("rest", error.code)
            raise AuthenticationFailed(str(error), code=error.code) from error
        count_authentication("rest", "valid")
        return principal.user, principal

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="backline"'


class CookieAuthentication(SessionAuthentication):
    """Authenticates by Django's session. The middleware has already checked its AuthSession row."""

    def authenticate(self, request: Request) -> tuple[object, Principal | None] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        session = getattr(request._request, "auth_session", None)
        count_authentication("rest", "valid")
        return found[0], Principal(found[0], session) if session else None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="backline"'
