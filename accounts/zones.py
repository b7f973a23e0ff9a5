"""The time zone in which a person reads pages."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import cache
from urllib.parse import unquote
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest

COOKIE = "timezone"  # static/backline/js/timezone.js sets it


def zone_of(request: HttpRequest) -> tzinfo:
    """Return the time zone that the person's browser reported, or UTC."""
    name = unquote(request.COOKIES.get(COOKIE, ""))
    return ZoneInfo(name) if name in _names() else UTC


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
