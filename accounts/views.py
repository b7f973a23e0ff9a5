"""`/api/auth`: login with Discord, tokens, the current user, sessions, logout."""

from __future__ import annotations

import uuid

from allauth.socialaccount.adapter import get_adapter
from django.conf import settings
from django.contrib.auth import logout as django_logout
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import discord
from accounts.adapter import refuse_login
from accounts.authentication import CookieAuthentication, caller
from accounts.callback import finish_login
from accounts.domain.departure import delete_account, export_pieces
from accounts.domain.login import log_in_with_code
from accounts.domain.sessions import (
    Principal,
    TokenPair,
    issue_first_pair,
    issue_pair,
    live_sessions,
    refresh_pair,
    revoke_all_sessions,
    revoke_session,
)
from accounts.errors import DiscordError, LoginRefused, SessionRevoked
from accounts.metrics import count_login, refresh_counted, refusals_counted
from accounts.serializers import (
    ExchangedSerializer,
    ExchangeSerializer,
    RefreshSerializer,
    SessionSerializer,
    TokenPairSerializer,
    UserSerializer,
)


@never_cache
@require_GET
def discord_login(request: HttpRequest) -> HttpResponseBase:
    """Redirect the browser to Discord. `next` is the only query parameter that is used."""
    target = request.GET.get("next", "")
    safe = (
        target.startswith("/")
        and not target.startswith("//")
        and url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    )
    provider = get_adapter(request).get_provider(request, "discord")
    response: HttpResponseBase = provider.redirect(request, "login", next_url=target if safe else None)
    return response


@never_cache
@require_GET
def discord_callback(request: HttpRequest) -> HttpResponseBase:
    """Handle the browser's return from Discord. Every refusal and failure of the login becomes a page here."""
    try:
        return finish_login(request)
    except (LoginRefused, DiscordError) as error:
        return refuse_login(request, error)


def _pair(pair: TokenPair) -> dict[str, object]:
    return {"access": pair.access, "refresh": pair.refresh, "expires_at": pair.expires_at}


class ExchangeView(APIView):
    """Log in a client that has received the authorization code itself. It gets tokens, but no cookie."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        request=ExchangeSerializer,
        responses=ExchangedSerializer,
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        """With `code_verifier` or `Idempotency-Key`, the same request within ten seconds gets the same session."""
        body = ExchangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with refusals_counted("exchange"):
            session = log_in_with_code(
                **body.validated_data,
                repeat_key=request.headers.get("Idempotency-Key", ""),
                device=request.META.get("HTTP_USER_AGENT", ""),
                address=request.META.get("REMOTE_ADDR") or None,
            )
        count_login("exchange", session)
        answer = {**_pair(issue_first_pair(session)), "user": session.user}
        return Response(ExchangedSerializer(answer).data)


class TokenView(APIView):
    """Return tokens for the session of the browser's cookie."""

    authentication_classes = (CookieAuthentication,)

    @extend_schema(request=None, responses=TokenPairSerializer)
    def post(self, request: Request) -> Response:
        principal = request.auth
        assert isinstance(principal, Principal)
        assert principal.session is not None
        return Response(TokenPairSerializer(_pair(issue_pair(principal.session))).data)


class RefreshView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(request=RefreshSerializer, responses=TokenPairSerializer)
    def post(self, request: Request) -> Response:
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with refresh_counted("rest"):
            pair = refresh_pair(body.validated_data["refresh"])
        return Response(TokenPairSerializer(_pair(pair)).data)


class MeView(APIView):
    @extend_schema(responses=UserSerializer)
    def get(self, request: Request) -> Response:
        return Response(UserSerializer(caller(request)).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Delete the account. The person's actions in a guild stay in its log, without their name."""
        with discord.turn():
            delete_account(caller(request))
        django_logout(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExportView(APIView):
    """Return all stored data about the caller."""

    @extend_schema(responses={200: OpenApiResponse(description="A JSON document.")})
    def get(self, request: Request) -> HttpResponseBase:
        pieces = export_pieces(caller(request))
        options: dict[str, object] = {
            "content_type": "application/json",
            "headers": {"Content-Disposition": 'attachment; filename="backline-export.json"'},
        }
        if isinstance(request._request, ASGIRequest):
            return StreamingHttpResponse(pieces, **options)
        return HttpResponse(b"".join(pieces), **options)


class SessionsView(APIView):
    @extend_schema(responses=SessionSerializer(many=True))
    def get(self, request: Request) -> Response:
        principal = request.auth
        current = principal.session.pk if isinstance(principal, Principal) and principal.session else None
        sessions = live_sessions(caller(request))
        return Response(SessionSerializer(sessions, many=True, context={"current": current}).data)


class SessionView(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, sid: str) -> Response:
        try:
            session = caller(request).auth_sessions.filter(pk=uuid.UUID(sid)).first()
        except ValueError:
            session = None
        if session is None:
            raise NotFound
        revoke_session(session)
        return Response(status=status.HTTP_204_NO_CONTENT)


_LOGGED_OUT = {
    200: OpenApiResponse(
        inline_serializer("LoggedOut", {"message": serializers.CharField(default="Logged out")})
    )
}


class LogoutView(APIView):
    """End the session of the cookie or of the bearer token. Respond with 200 even if it had ended already."""

    permission_classes = (AllowAny,)

    def perform_authentication(self, request: Request) -> None:
        try:
            super().perform_authentication(request)
        except AuthenticationFailed as error:
            if error.get_codes() != SessionRevoked.code:
                raise

    @extend_schema(request=None, responses=_LOGGED_OUT)
    def post(self, request: Request) -> Response:
        presented = settings.SESSION_COOKIE_NAME in request.COOKIES or "Authorization" in request.headers
        if request.auth is None and not presented:
            raise NotAuthenticated
        if isinstance(request.auth, Principal) and request.auth.session:
            revoke_session(request.auth.session)
        django_logout(request._request)
        return Response({"message": _("Logged out")})


class LogoutAllView(APIView):
    """End every session of the caller, including the current one."""

    @extend_schema(request=None, responses=_LOGGED_OUT)
    def post(self, request: Request) -> Response:
        revoke_all_sessions(caller(request))
        django_logout(request._request)
        return Response({"message": _("Logged out")})
