"""The pages, and what monitoring asks."""

from __future__ import annotations

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from accounts.domain.grants import is_grant_dead
from accounts.domain.sessions import live_sessions
from config.pages import PersonRequest, page
from guilds.domain.guild_list import is_list_old
from guilds.domain.installation import install_url
from guilds.domain.settings import (
    ANNOUNCE_TYPES,
    VOICE_TYPES,
    known_sources,
    load_settings,
    settings_shape,
)
from guilds.errors import GuildForbidden, GuildsError
from guilds.freshness import is_up, read_shards, stale_since
from guilds.models import Channel, Membership, Who
from guilds.permissions import can_manage, require_manager, require_member
from guilds.queries import (
    bot_lacks_by_place,
    channels_of,
    guild_shape,
    my_memberships,
    voice_channels_seen_by,
)
from realtime import hints
from realtime.metrics import exposition


def _login_url(target: str) -> str:
    return f"{reverse('discord_login')}?{urlencode({'next': target})}"


def _guild(membership: Membership) -> dict[str, Any]:
    manages = can_manage(membership)
    return guild_shape(membership) | {"install_url": install_url(membership.guild_id) if manages else None}


@require_safe
@ensure_csrf_cookie
@never_cache
def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "landing.html", {"login_url": _login_url("/dashboard")})


@page
def dashboard(request: PersonRequest) -> HttpResponse:
    memberships = my_memberships(request.user, everything=True)
    context = {
        "guilds": [_guild(m) for m in memberships],
        "grant_dead": is_grant_dead(request.user),
        "list_old": is_list_old(request.user),
        "login_url": _login_url(request.path),
    }
    return render(request, "dashboard.html", context)


@page
def guild(request: PersonRequest, guild_id: str) -> HttpResponse:
    try:
        membership = require_member(request.user, guild_id)
    except GuildsError as error:
        raise Http404 from error
    lacks: list[dict[str, Any]] = []
    stale = None
    if can_manage(membership):
        lacks = bot_lacks_by_place(membership.guild) if membership.guild.bot_installed else []
        stale = stale_since(membership.guild, read_shards())
    return render(
        request,
        "guild.html",
        {
            "guild": _guild(membership),
            "lacks": lacks,
            "lacks_count": sum(len(place["lacks"]) for place in lacks),
            "stale_since": stale,
            "guilds": [_guild(m) for m in my_memberships(request.user, everything=True)],
            "voice_channels": [{"id": c.pk, "name": c.name} for c in voice_channels_seen_by(membership)],
        },
    )


@page
def guild_settings(request: PersonRequest, guild_id: str) -> HttpResponse:
    """For those who manage the guild; each control saves itself over REST."""
    try:
        membership = require_manager(request.user, guild_id)
    except GuildForbidden:
        return render(request, "403.html", status=403)  # raised, it would fill the log with tracebacks
    except GuildsError as error:
        raise Http404 from error
    settings = settings_shape(load_settings(guild_id))
    allowed = settings["allowed_sources"]
    roles = membership.guild.roles.exclude(pk=guild_id)
    return render(
        request,
        "guild_settings.html",
        {
            "guild": _guild(membership),
            "settings": settings,
            "roles": [{"value": role.pk, "label": role.name} for role in roles],
            "text_channels": [_option(each) for each in channels_of(guild_id, *ANNOUNCE_TYPES)],
            "voice_channels": [_option(each) for each in channels_of(guild_id, *VOICE_TYPES)],
            "who": [{"value": value, "label": label} for value, label in Who.choices],
            "sources": [
                {"value": name, "label": label, "allowed": allowed is None or name in allowed}
                for name, label in known_sources().items()
            ],
        },
    )


def _option(channel: Channel) -> dict[str, str]:
    return {"value": channel.pk, "label": channel.name}


@page
def sessions(request: PersonRequest) -> HttpResponse:
    """The person's sessions; ending one goes over REST."""
    return render(
        request,
        "sessions.html",
        {
            "sessions": live_sessions(request.user),
            "current_sid": request.session.get("sid"),
            "two_factor": is_mfa_enabled(request.user),
        },
    )


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
    """503 only when a part fails without which nothing works; the bot is reported, not required."""
    parts: dict[str, str] = {}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        parts["database"] = "ok"
        parts["bot"] = _bot_state()
    except DatabaseError as error:
        parts["database"] = type(error).__name__
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
        return JsonResponse({"code": "NOT_FOUND", "detail": "There is nothing here."}, status=404)
    return render(request, "404.html", status=404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    # Always JSON: a request with a foreign Host gets no page, and its Accept is not to be trusted either.
    return JsonResponse({"code": "BAD_REQUEST", "detail": "This request makes no sense to us."}, status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"code": "FORBIDDEN", "detail": "You may not do this."}, status=403)
    return render(request, "403.html", status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if _wants_json(request):
        detail = "The CSRF token is missing or wrong. Reload the page."
        return JsonResponse({"code": "CSRF_FAILED", "detail": detail}, status=403)
    return render(request, "403.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    if _wants_json(request):
        detail = "Something went wrong on our side. It has been logged."
        return JsonResponse({"code": "INTERNAL_ERROR", "detail": detail}, status=500)
    return render(request, "500.html", status=500)
