"""Middleware that makes a browser session valid only as long as its AuthSession row."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.domain.sessions import find_live_session, touch_session
from accounts.errors import Unauthenticated
from accounts.session_store import SessionStore

log = logging.getLogger(__name__)

_NOBODY_ASKS = {"/healthz", "/readyz", "/metrics"}  # these must respond even while the database does not


class KeepCookieMiddleware(SessionMiddleware):
    """Django's session middleware, except that only a request that ends the session deletes its cookie.

    Django deletes the cookie whenever it does not find the session key. A request that started before another one
    logged in still has the old key, and its response would delete the new cookie.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie is not None and not cookie.value and not getattr(request.session, "flushed", False):
            del response.cookies[settings.SESSION_COOKIE_NAME]
        return response


class AuthSessionMiddleware:
    """Checks the row on each request with a login cookie (one query) and sets `request.auth_session`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without a row nobody is logged in, even if Django's session has a user.
        request.user = AnonymousUser()
        if request.path not in _NOBODY_ASKS:
            try:
                self._find(request)
            except (OperationalError, InterfaceError):
                log.exception("Database unavailable for %s %s", request.method, request.path)
                return unavailable(request)
        return self.get_response(request)

    def _find(self, request: HttpRequest) -> None:
        sid = request.session.get("sid")
        if not sid:
            return
        try:
            session = find_live_session(sid)
        except Unauthenticated:
            request.session.delete()
            request.session = SessionStore()
        else:
            request.auth_session = session  # type: ignore[attr-defined]  # ours
            request.user = session.user
            touch_session(session)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Show the error page when a view cannot reach the database. REST views handle this themselves."""
        if isinstance(exception, OperationalError | InterfaceError):
            log.error("Database unavailable for %s %s", request.method, request.path, exc_info=exception)
            return unavailable(request)
        return None


def unavailable(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", ""):
        detail = _("The database is not responding. Try again in a moment.")
        return JsonResponse({"code": "UNAVAILABLE", "detail": detail}, status=503)
    return render(request, "500.html", status=503)
