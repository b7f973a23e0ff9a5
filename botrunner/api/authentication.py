"""Only our own processes speak to the Bot API, with a service token that is good once."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import service_tokens
from accounts.authentication import bearer_token
from accounts.errors import Unauthenticated
from accounts.metrics import count_authentication


class Service:
    """The caller: one of our processes. There is nobody behind it."""

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
