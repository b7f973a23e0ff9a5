"""Compress responses, choose the urls of the web or of the Bot API, and redirect pages to the host of API_BASE_URL."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

_FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics", "/artwork/")

_THIS_MACHINE = {"localhost", "127.0.0.1", "[::1]"}

GetResponse = Callable[[HttpRequest], HttpResponse]


def is_compressible(content_type: str) -> bool:
    """Return whether a response is text. Pictures and sound are compressed already."""
    kind = content_type.partition(";")[0]
    return kind.startswith("text/") or kind.endswith(("javascript", "json", "openapi", "xml"))


class CompressMiddleware(GZipMiddleware):
    """Compresses text, unless it is streamed. Django adds random bytes, so lengths tell nothing of secrets (BREACH)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or not is_compressible(response.get("Content-Type", "")):
            return response
        return super().process_response(request, response)


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
