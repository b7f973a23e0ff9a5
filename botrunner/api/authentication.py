"""Authenticates our own processes to the Bot API, with service tokens that are valid once."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import service_tokens
from accounts.authentication import bearer_token
from accounts.errors import Unauthenticated
from accounts.metrics import count_authentication


class Service:
    """The caller: one of our processes, not a person."""

    is_authenticated = True
    is_active = True
    pk = None


class ServiceAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[object, None] | None:
        try:
            token = bearer_token(request.META.get("HTTP_AUTHORIZATION", ""))
            if token is None:
                return None
            service_tokens.spend(token)
        except Unauthenticated as error:
            count_authentication("bot_api", error.code)
            raise AuthenticationFailed(str(error), code=error.code) from error
        count_authentication("bot_api", "valid")
        return Service(), None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="backline-bot"'
