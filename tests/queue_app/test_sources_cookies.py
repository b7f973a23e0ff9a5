"""Which cookies of one hop the next one gets."""

from __future__ import annotations

from http.client import HTTPMessage

import httpx
import pytest

from queue_app.sources.cookies import MAX_COOKIES, Cookies

ORIGIN = "https://www.shop.example/a/b"


def sent(cookie: str, to: str, *, origin: str = ORIGIN) -> str | None:
    headers = HTTPMessage()
    headers["Set-Cookie"] = cookie
    cookies = Cookies()
    cookies.keep(httpx.URL(origin), headers)
    return cookies.header(httpx.URL(to))


@pytest.mark.parametrize(
    ("cookie", "to"),
    [
        ("k=v", "https://www.shop.example/a/c"),
        ("k=v", "http://www.shop.example:8080/a/"),
        ("k=v; Path=/", "https://www.shop.example/"),
        ("k=v; path=/x; HttpOnly; SameSite=Strict", "https://www.shop.example/x/y"),
        ("k=v; Domain=shop.example; Path=/", "https://cdn.shop.example/"),
        ("k=v; Domain=.SHOP.example; Path=/; Secure", "https://shop.example/"),
        ("k=v; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ORIGIN),
        ("k=v; Expires=Fri, 31-Dec-2199 23:59:59 GMT", ORIGIN),
        ("k=v; Nonsense=1; =; ;", ORIGIN),
    ],
)
def test_a_cookie_goes_where_it_belongs(cookie: str, to: str) -> None:
    assert sent(cookie, to) == "k=v"


@pytest.mark.parametrize(
    ("cookie", "to"),
    [
        ("k=v", "https://shop.example/a/b"),
        ("k=v", "https://x.www.shop.example/a/b"),
        ("k=v", "https://evil.example/a/b"),
        ("k=v", "https://www.shop.example/other"),
        ("k=v; Path=/ab", "https://www.shop.example/abc"),
        ("k=v; Domain=other.example; Path=/", "https://other.example/"),
        ("k=v; Domain=x.www.shop.example; Path=/", "https://x.www.shop.example/"),
        ("k=v; Domain=example; Path=/", "https://victim.example/"),
        ("k=v; Domain=shop.example; Path=/", "https://notshop.example/"),
        ("k=v; Secure; Path=/", "http://www.shop.example/"),
        ("k=v; Max-Age=0", ORIGIN),
        ("k=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT", ORIGIN),
        ("k=" + "v" * 5000, ORIGIN),
    ],
)
def test_a_cookie_goes_nowhere_else(cookie: str, to: str) -> None:
    assert sent(cookie, to) is None


def test_plain_http_cannot_set_what_is_for_tls() -> None:
    assert sent("k=v; Secure", ORIGIN, origin="http://www.shop.example/a/b") is None


@pytest.mark.parametrize("domain", ["0.0.1", ".0.0.1", "1", "127.0.0.2", "co.uk"])
def test_an_address_has_cookies_for_itself_alone(domain: str) -> None:
    origin = "http://127.0.0.1:8000/"
    assert sent("k=v", origin, origin=origin) == "k=v"
    assert sent("k=v; Domain=127.0.0.1", origin, origin=origin) == "k=v"
    assert sent(f"k=v; Domain={domain}", origin, origin=origin) is None
    assert sent(f"k=v; Domain={domain}", "http://10.0.0.1/", origin=origin) is None
    assert sent("k=v; Domain=localhost", "http://localhost/", origin="http://localhost:80/") == "k=v"
    assert sent("k=v; Domain=co.uk", "https://b.co.uk/", origin="https://a.co.uk/") is None


def test_the_number_of_cookies_is_bounded() -> None:
    headers = HTTPMessage()
    for n in range(1000):
        headers["Set-Cookie"] = f"k{n}={'v' * 10}"
    cookies = Cookies()
    cookies.keep(httpx.URL(ORIGIN), headers)
    found = cookies.header(httpx.URL(ORIGIN))
    assert found is not None
    assert found.count("=") == MAX_COOKIES
