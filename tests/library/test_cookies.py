"""Which cookies from one hop are sent to the next."""

from __future__ import annotations

from http.client import HTTPMessage

import httpx
import pytest

from library.sources.cookies import MAX_COOKIES, Cookies

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
        *(
            (f"k=v; {name}", ORIGIN)
            for name in ("Max-Age", "Max-Age=", "Max-Age=soon", "Expires", "Expires=0")
        ),
        *((f"k=v; {name}", ORIGIN) for name in ("Domain", "Domain=", "Domain=.", "Path", "Path=", "Path=x")),
        *((f"k=v; {name}", ORIGIN) for name in ('Port="80"', 'Version="1"', "Comment", 'Path="/"')),
        ("k=v; Max-Age=99999999999999999999", ORIGIN),
        ("k=v; Path=/x; Path=/", "https://www.shop.example/"),
        ("k=v; Domain=other.example; Domain=shop.example; Path=/", "https://shop.example/"),
        ("  k  =  v  ", ORIGIN),
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
        ("k=v; Max-Age=60; Max-Age=0", ORIGIN),
        ("k=v; Max-Age=-1", ORIGIN),
        ("k=v; Expires=Sun Nov  6 08:49:37 1994", ORIGIN),
        ("k=v; Expires=Sunday, 06-Nov-94 08:49:37 GMT", ORIGIN),
        ("k=v; expires=Thu, 1 Jan 1970 0:0:0 GMT", ORIGIN),
        ("k=v; Domain=shop.example.", ORIGIN),
        ("nothing", ORIGIN),
        ("=v", ORIGIN),
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


@pytest.mark.parametrize("host", ["[::1]:81", "localhost:81", "co.de", "shop.example"])
def test_a_host_of_any_kind_gets_its_own_back(host: str) -> None:
    for cookie in ("k=v", *(f"k=v; Domain={host}" for _ in range(":" not in host))):
        assert sent(cookie, f"http://{host}/", origin=f"http://{host}/") == "k=v"


@pytest.mark.parametrize(
    ("first", "second", "header"),
    [
        ("k=1", "k=2", "k=2"),
        ("k=1", "k=; Max-Age=0", None),
        ("k=1; Path=/", "k=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("k=1", "k=2; Domain=evil.example", "k=1"),
        ("k=1; Path=/", "k=2; Path=/a", "k=2; k=1"),
        ("version=1", "path=/x", "version=1; path=/x"),
        ("k=a,b", 'j={"a": "b c"}', 'k=a,b; j={"a": "b c"}'),
    ],
)
def test_a_later_cookie_takes_the_place_of_the_one_it_names(
    first: str, second: str, header: str | None
) -> None:
    cookies = Cookies()
    for text in (first, second):
        headers = HTTPMessage()
        headers["Set-Cookie"] = text
        cookies.keep(httpx.URL(ORIGIN), headers)
    assert cookies.header(httpx.URL(ORIGIN)) == header


def test_the_number_of_cookies_is_bounded() -> None:
    headers = HTTPMessage()
    for n in range(1000):
        headers["Set-Cookie"] = f"k{n}={'v' * 10}"
    cookies = Cookies()
    cookies.keep(httpx.URL(ORIGIN), headers)
    found = cookies.header(httpx.URL(ORIGIN))
    assert found is not None
    assert found.count("=") == MAX_COOKIES
