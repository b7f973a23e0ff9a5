"""The landing page, the endpoints for monitoring, and the error pages."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe
from django.views.i18n import JavaScriptCatalog
from prometheus_client import CONTENT_TYPE_LATEST

from accounts.pages import login_url
from guilds.freshness import is_up, read_shards
from realtime import hints
from realtime.metrics import exposition

log = logging.getLogger(__name__)


@require_safe
@ensure_csrf_cookie
@never_cache
def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "landing.html", {"login_url": login_url("/dashboard")})


class ScriptCatalog(JavaScriptCatalog):
    """The translations for the pages' scripts: only the project's catalog (LOCALE_PATHS), not those of other apps.

    The language is part of the address, because browsers keep the answer for an hour.
    """

    packages: list[str] | None = ["config"]  # noqa: RUF012  # as its base class declares it

    def get(self, request: HttpRequest, *args: object, language: str, **options: object) -> HttpResponse:
        if language not in dict(settings.LANGUAGES):
            raise Http404
        with translation.override(language):
            return super().get(request, *args, **options)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "alive"})


def _bot_state() -> str:
    now = timezone.now()
    up = [shard for shard in read_shards() if is_up(shard, now=now)]
    if not up:
        return "not seen"
    count = max(shard.count for shard in up)
    state = "ok" if len(up) >= count else f"{len(up)} of {count} shards"
    return (
        state if all(shard.members_intent for shard in up) else f"{state}, without the Server Members intent"
    )


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Return 503 only when a required part fails. The bot is reported, not required."""
    parts: dict[str, str] = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        parts["database"] = "ok"
        parts["bot"] = _bot_state()
    except DatabaseError as error:
        log.warning("Database unavailable for /readyz: %r", error)
        parts["database"] = type(error).__name__  # anybody may read this, and the message may name a host
    parts["layer"] = hints.check_layer()
    ready = parts["database"] == "ok" and parts["layer"] == "ok"
    return JsonResponse(
        {"status": "ready" if ready else "failing", "parts": parts}, status=200 if ready else 503
    )


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def _wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/", "/internal/")) or "text/html" not in request.headers.get(
        "Accept", ""
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"code": "NOT_FOUND", "detail": _("Not found.")}, status=404)
    return render(request, "404.html", status=404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    # Always JSON: a request with an unknown Host gets no page, and its Accept header may be wrong too.
    return JsonResponse({"code": "BAD_REQUEST", "detail": _("The request is malformed.")}, status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse(
            {"code": "FORBIDDEN", "detail": _("You do not have permission to do this.")}, status=403
        )
    return render(request, "403.html", status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if _wants_json(request):
        detail = _("The CSRF token is missing or wrong. Reload the page.")
        return JsonResponse({"code": "CSRF_FAILED", "detail": detail}, status=403)
    return render(request, "403.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    if _wants_json(request):
        detail = _("Something went wrong on the server. The error was logged.")
        return JsonResponse({"code": "INTERNAL_ERROR", "detail": detail}, status=500)
    return render(request, "500.html", status=500)
