"""`/api/auth`: login with Discord, tokens, who am I, logout."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib.auth import logout as django_logout
from django.http import HttpRequest, HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import CookieAuthentication, caller
from accounts.domain.sessions import Principal, TokenPair, issue_pair, refresh_pair, revoke_session
from accounts.provider import DiscordAdapter
from accounts.serializers import RefreshSerializer, TokenPairSerializer, UserSerializer


@never_cache
@require_GET
def discord_login(request: HttpRequest) -> HttpResponseBase:
    """Send the browser to Discord. `next` is the only thing of the query that is used."""
    target = request.GET.get("next", "")
    safe = target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    provider = get_adapter(request).get_provider(request, "discord")
    response: HttpResponseBase = provider.redirect(request, "login", next_url=target if safe else None)
    return response


discord_callback = never_cache(OAuth2CallbackView.adapter_view(DiscordAdapter))


def _pair(pair: TokenPair) -> dict[str, Any]:
    return {"access": pair.access, "refresh": pair.refresh, "expires_at": pair.expires_at}


class TokenView(APIView):
    """Tokens for the session that the browser's cookie belongs to."""

    authentication_classes = (CookieAuthentication,)

    @extend_schema(request=None, responses=TokenPairSerializer)
    def post(self, request: Request) -> Response:
        principal = request.auth
        assert isinstance(principal, Principal)
        return Response(TokenPairSerializer(_pair(issue_pair(principal.session))).data)


class RefreshView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(request=RefreshSerializer, responses=TokenPairSerializer)
    def post(self, request: Request) -> Response:
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(TokenPairSerializer(_pair(refresh_pair(body.validated_data["refresh"]))).data)


class MeView(APIView):
    @extend_schema(responses=UserSerializer)
    def get(self, request: Request) -> Response:
        return Response(UserSerializer(caller(request)).data)


class LogoutView(APIView):
    """Ends the session of the cookie, or of the bearer token."""

    @extend_schema(
        request=None,
        responses={
            200: OpenApiResponse(
                inline_serializer("LoggedOut", {"message": serializers.CharField(default="Logged out")})
            )
        },
    )
    def post(self, request: Request) -> Response:
        if isinstance(request.auth, Principal):
            revoke_session(request.auth.session)
        django_logout(request._request)
        return Response({"message": "Logged out"})
