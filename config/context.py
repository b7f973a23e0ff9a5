"""Variables for every template."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def program(request: HttpRequest) -> dict[str, object]:
    return {
        "is_sandbox": settings.SANDBOX,
        "sandbox_url": settings.SANDBOX_URL,
        "auth_off": not settings.REQUIRE_AUTH,
    }
