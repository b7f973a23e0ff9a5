"""The decorator of pages that need a login, and the page of a person's sessions."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, cast

from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.domain.sessions import live_sessions
from accounts.errors import Refusal
from accounts.models import User


class PersonRequest(HttpRequest):
    """A request from a person who is logged in."""

    user: User


def page[**P](
    view: Callable[Concatenate[PersonRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Require a login for a page. People who are not logged in are sent to Discord, and come back afterwards.

    A Refusal that the view raises becomes the 403 or the 404 page.
    """

    @require_safe
    @ensure_csrf_cookie
    @never_cache
    @wraps(view)
    def show(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.path, reverse("discord_login"), "next")
        try:
            return view(cast(PersonRequest, request), *args, **kwargs)
        except Refusal as error:
            if error.status == 403:  # raising it would fill the log with tracebacks
                return render(request, "403.html", status=403)
            if error.status in {400, 404}:
                raise Http404 from error
            raise

    return show


def login_url(target: str) -> str:
    return f"{reverse('discord_login')}?{urlencode({'next': target})}"


@page
def sessions(request: PersonRequest) -> HttpResponse:
    """Show the person's sessions. The page's script ends them over REST."""
    return render(
        request,
        "accounts/sessions.html",
        {
            "sessions": live_sessions(request.user),
            "current_sid": request.session.get("sid"),
            "two_factor": is_mfa_enabled(request.user),
        },
    )
