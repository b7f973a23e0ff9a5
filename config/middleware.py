"""Choose the urls of the web or of the Bot API, and redirect pages to the host of API_BASE_URL."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

_FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics", "/artwork/")

_THIS_MACHINE = {"localhost", "127.0.0.1", "[::1]"}

GetResponse = Callable[[HttpRequest], HttpResponse]


class UrlconfMiddleware:
    """Uses the urlconf that the ASGI application chose (config.applications.bot_api), by default the web's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        urlconf = getattr(request, "scope", {}).get("backline.urlconf")
        if urlconf:
            request.urlconf = urlconf
        return self.get_response(request)


class CanonicalHostMiddleware:
    """Redirects a page that was opened under another name of this machine, such as `localhost`, to API_BASE_URL.

    The cookie, the OAuth state and Discord's redirect belong to one host, so a login that starts on another fails.
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
