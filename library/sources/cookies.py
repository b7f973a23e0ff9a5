"""Cookies within one chain of redirects, kept as a browser would. They are discarded at its end."""

from __future__ import annotations

import email.utils
import re
import time
import urllib.request
from contextlib import suppress
from email.message import Message
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

MAX_COOKIES = 180
MAX_COOKIE_BYTES = 4096


class _Policy(DefaultCookiePolicy):
    """The standard library's rules for domain, path and time, with the rules of RFC 6265 that it lacks."""

    def __init__(self) -> None:
        super().__init__(strict_domain=True, strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain)
        self._left = MAX_COOKIES

    def set_ok(self, cookie: Cookie, request: urllib.request.Request) -> bool:
        host = urlsplit(request.full_url).hostname or ""
        if cookie.domain_specified and (_is_address(host) or "." not in host):
            # Many addresses end in `.0.0.1`, so such a host may set cookies only for itself.
            if cookie.domain.lstrip(".") != host:
                return False
            _keep_to_host(cookie, host)
        too_large = len(cookie.name) + len(cookie.value or "") > MAX_COOKIE_BYTES
        insecure = cookie.secure and request.type != "https"
        if too_large or insecure or not self._left:
            return False
        allowed = super().set_ok(cookie, request)
        if not allowed and cookie.domain_specified and cookie.domain.lstrip(".") == host:
            # A possible public suffix may also set cookies for itself (section 5.3).
            _keep_to_host(cookie, host)
            allowed = super().set_ok(cookie, request)
        self._left -= allowed
        return allowed


def _keep_to_host(cookie: Cookie, host: str) -> None:
    cookie.domain, cookie.domain_specified = _host_only(host), False


def _host_only(host: str) -> str:
    """Return the host with the suffix that the standard library gives names without a dot (RFC 2965, section 1)."""
    if "." in host:
        return host
    return f"[{host}].local" if ":" in host else f"{host}.local"


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
        """Keep the cookies that a response from `url` sets."""
        request = _request(url)
        for text in headers.get_all("Set-Cookie", []):
            cookie = _parse(text, request)
            if cookie is not None:
                self._jar.set_cookie_if_ok(cookie, request)

    def header(self, url: httpx.URL) -> str | None:
        """Return the `Cookie` header for a request to `url`, None if there are no cookies for it."""
        request = _request(url)
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie")


def _request(url: httpx.URL) -> urllib.request.Request:
    return urllib.request.Request(str(url))  # noqa: S310 - nothing opens it, and the url is http(s)


def _parse(text: str, request: urllib.request.Request) -> Cookie | None:
    """Parse a cookie by RFC 6265, section 5.2. The standard library would drop it for one invalid attribute."""
    pair, *attributes = text.split(";")
    name, sign, value = (part.strip() for part in pair.partition("="))
    if not sign or not name:
        return None
    values: dict[str, str] = {}  # of several with one name, the last counts
    for attribute in attributes:
        key, _, setting = attribute.partition("=")
        values[key.strip().lower()] = setting.strip()
    address = urlsplit(request.full_url)
    domain = values.get("domain", "").lower().removeprefix(".")
    path = values.get("path", "")
    is_own_path = path.startswith("/")
    return Cookie(
        version=0,
        name=name,
        value=value,
        port=None,
        port_specified=False,
        domain=f".{domain}" if domain else _host_only(address.hostname or ""),
        domain_specified=bool(domain),
        domain_initial_dot=bool(domain),
        path=path if is_own_path else address.path.rpartition("/")[0] or "/",
        path_specified=is_own_path,
        secure="secure" in values,
        expires=_expiry(values),
        discard=False,
        comment=None,
        comment_url=None,
        rest={},
    )


def _expiry(values: dict[str, str]) -> int | None:
    """Return Unix seconds, None for a cookie that lasts until the chain ends."""
    seconds = values.get("max-age", "")
    if re.fullmatch(r"-?[0-9]+", seconds):
        return int(time.time()) + int(seconds[:10]) if int(seconds[:10]) > 0 else 0
    with suppress(ValueError, TypeError, OverflowError):
        date = email.utils.parsedate_tz(values.get("expires", ""))
        return int(email.utils.mktime_tz(date)) if date else None
    return None
