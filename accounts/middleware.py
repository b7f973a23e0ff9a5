"""A browser session lives only as long as its AuthSession row."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse

from accounts.domain.sessions import find_live_session, touch_session
from accounts.errors import AccountsError


class AuthSessionMiddleware:
    """Checks the row on each request that carries a login (one query) and sets `request.auth_session`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sid = request.session.get("sid")
        request.user = AnonymousUser()  # without a row nobody is logged in, whatever Django's session says
        if sid:
            try:
                session = find_live_session(sid)
            except AccountsError:
                request.session.flush()
            else:
                request.auth_session = session  # type: ignore[attr-defined]
                request.user = session.user
                touch_session(session)
        return self.get_response(request)
