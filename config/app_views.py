"""What makes Backline an app that can be installed: manifest, service worker, and a page without a network."""

from __future__ import annotations

from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

_ICONS = (
    ("icon-192.png", "192x192", "any"),
    ("icon-512.png", "512x512", "any"),
    ("icon-maskable-512.png", "512x512", "maskable"),
)


@require_safe
@cache_control(no_cache=True)
def manifest(request: HttpRequest) -> JsonResponse:
    """The web app manifest (https://www.w3.org/TR/appmanifest/)."""
    icons = [
        {"src": static(f"backline/icons/{name}"), "sizes": sizes, "type": "image/png", "purpose": purpose}
        for name, sizes, purpose in _ICONS
    ]
    return JsonResponse(
        {
            "id": "/",
            "name": "Backline",
            "short_name": "Backline",
            "description": _("One music queue for your Discord server"),
            "start_url": "/dashboard",
            "scope": "/",
            "display": "standalone",
            "background_color": "#101214",
            "theme_color": "#101214",
            "icons": icons,
            "shortcuts": [
                {"name": _("Your servers"), "url": "/dashboard"},
                {"name": _("Music library"), "url": "/library"},
            ],
        },
        content_type="application/manifest+json",
    )


@require_safe
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script itself: a worker covers only pages below its own address."""
    path = finders.find("backline/worker/service-worker.js")
    assert path is not None
    return HttpResponse(Path(path).read_bytes(), content_type="text/javascript")


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """What the service worker shows for a page that it has no copy of. It is the same for everybody."""
    return HttpResponse(render_to_string("offline.html"))
