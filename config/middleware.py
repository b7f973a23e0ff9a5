"""Which of the two applications answers, and under which name."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

_FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics", "/artwork/")

_THIS_MACHINE = {"localhost", "127.0.0.1", "[::1]"}

GetResponse = Callable[[HttpRequest], HttpResponse]


class UrlconfMiddleware:
    """Answers with the urlconf that the ASGI wrapper chose (config.asgi.bot_api), else the web's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        urlconf = getattr(request, "scope", {}).get("backline.urlconf")
        if urlconf:
            request.urlconf = urlconf
        return self.get_response(request)


class CanonicalHostMiddleware:
    """Sends a page opened under another name of this machine (`localhost`) to API_BASE_URL.

    The cookie, the OAuth state and Discord's redirect all belong to one host; starting on another loses them.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.host = urlsplit(settings.API_BASE_URL).netloc

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            request.method == "GET"
            and not hasattr(request, "urlconf")
            and not request.path.startswith(_FOR_PROGRAMS)
            and request.get_host() != self.host
            and request.get_host().rpartition(":")[0] in _THIS_MACHINE
        ):
            return HttpResponseRedirect(settings.API_BASE_URL + request.get_full_path())
        return self.get_response(request)
