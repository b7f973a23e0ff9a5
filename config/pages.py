"""What the pages have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.models import User


class PersonRequest(HttpRequest):
    """A request of somebody who is logged in."""

    user: User


def page[**P](
    view: Callable[Concatenate[PersonRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Make a page for people who are logged in; others go to Discord first, and come back."""

    @require_safe
    @ensure_csrf_cookie
    @never_cache
    @wraps(view)
    def show(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.path, reverse("discord_login"), "next")
        return view(cast(PersonRequest, request), *args, **kwargs)

    return show
