"""Cookies within one chain of redirects, as a browser would keep them; they are forgotten at its end."""

from __future__ import annotations

import urllib.request
from email.message import Message
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

MAX_COOKIES = 180
MAX_COOKIE_BYTES = 4096


class _Policy(DefaultCookiePolicy):
    """The standard library's rules of domain, path and time, and those of RFC 6265 that it lacks."""

    def __init__(self) -> None:
        super().__init__(strict_domain=True, strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain)
        self._left = MAX_COOKIES

    def set_ok(self, cookie: Cookie, request: urllib.request.Request) -> bool:
        host = urlsplit(request.full_url).hostname or ""
        if cookie.domain_specified and (_is_address(host) or "." not in host):
            # `.0.0.1` would be the end of many addresses: such a host has cookies for itself alone.
            if cookie.domain.lstrip(".") != host:
                return False
            # The library's name for a host without a dot (RFC 2965, section 1).
            cookie.domain, cookie.domain_specified = host if "." in host else f"{host}.local", False
        too_large = len(cookie.name) + len(cookie.value or "") > MAX_COOKIE_BYTES
        insecure = cookie.secure and request.type != "https"
        if too_large or insecure or not self._left or not super().set_ok(cookie, request):
            return False
        self._left -= 1
        return True


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


class Cookies:
    def __init__(self) -> None:
        self._jar = CookieJar(_Policy())

    def keep(self, url: httpx.URL, headers: Message) -> None:
        """Take what an answer of `url` sets."""
        self._jar.extract_cookies(cast(Any, _Answer(headers)), _request(url))

    def header(self, url: httpx.URL) -> str | None:
        """What a request to `url` says of them."""
        request = _request(url)
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie")


def _request(url: httpx.URL) -> urllib.request.Request:
    return urllib.request.Request(str(url))  # noqa: S310 - nothing opens it, and the url is http(s)


class _Answer:
    """The part of a response that the jar looks at."""

    def __init__(self, headers: Message) -> None:
        self._headers = headers

    def info(self) -> Message:
        return self._headers
