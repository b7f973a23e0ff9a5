"""Redirects, cookies, response headers and hosts, handled as browsers do."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from library.sources import exchange
from tests.library.audio_files import tone, write
from tests.library.audio_server import AudioServer, Resource, running_server
from tests.library.links import answer, look, refusal, whole

pytestmark = pytest.mark.usefixtures("quick_retries")


# --- Redirects ---


def test_twenty_redirects_are_followed_and_no_more(server: AudioServer, opus: bytes) -> None:
    for hop in range(21):
        server.resources[f"/{hop}"] = Resource(status=302, headers={"Location": f"/{hop + 1}"})
    server.resources["/20"] = Resource(opus)
    assert look(server.url("/0")).title == "Moss"
    server.resources["/20"] = Resource(status=302, headers={"Location": "/21"})
    server.resources["/21"] = Resource(opus)
    assert refusal(server.url("/0")).detail == "The server redirects in circles."
    assert server.count("/21") == 0


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/café/ü.opus".encode(), "/caf%C3%A9/%C3%BC.opus"),
        ("/café.opus".encode("latin-1"), "/caf%E9.opus"),
        ("/Аквариум.opus".encode("cp1251"), "/%C0%EA%E2%E0%F0%E8%F3%EC.opus"),
        (b"/my song.opus", "/my%20song.opus"),
        (b" \t/a.opus\t ", "/a.opus"),
        (b"b.opus?x=%41%zz&y=a|b", "/dir/b.opus?x=%41%zz&y=a|b"),
        (b"../c.opus#t=3", "/c.opus"),
        (b"?q=1", "/dir/a?q=1"),
        (b"//127.0.0.1:PORT/d.opus", "/d.opus"),
        (b"HTTP://127.0.0.1:PORT/e.opus", "/e.opus"),
        (b"\\dir\\f.opus", "/dir/f.opus"),
        (b"http:///127.0.0.1:PORT/h.opus", "/h.opus"),
        (b"http:\\\\127.0.0.1:PORT\\i.opus", "/i.opus"),
        (b"////127.0.0.1:PORT/j.opus", "/j.opus"),
        (b"http:/k.opus", "/k.opus"),
        (b"http:l.opus", "/dir/l.opus"),
        ("//127。0。0。1:PORT/g.opus".encode(), "/g.opus"),
        (b"/long.opus?" + b"s" * 12000, "/long.opus?" + "s" * 12000),
    ],
)
def test_a_location_is_read_as_browsers_do(
    server: AudioServer, opus: bytes, location: bytes, path: str
) -> None:
    target = location.replace(b"PORT", str(server.server_port).encode())
    head = b"HTTP/1.1 302 Found\r\nContent-Encoding: br\r\nLocation: " + target + b"\r\n\r\n"
    server.resources["/dir/a"] = Resource(
        script=lambda _: answer(opus) if server.requests[-1][0] != "/dir/a" else head
    )
    server.resources[path.partition("?")[0]] = Resource(opus)
    if path.startswith("/dir/a"):
        server.resources["/dir/a"] = Resource(
            script=lambda _: answer(opus) if "?" in server.requests[-1][0] else head
        )
    assert look(server.url("/dir/a")).title == "Moss"
    assert server.requests[-1][0] == path


@pytest.mark.parametrize(
    "location", ["http://", "https:///", "//", "http://#a", "http://?a", "http://[::1/x"]
)
def test_a_location_without_a_host_is_refused(server: AudioServer, location: str) -> None:
    server.resources["/a"] = Resource(status=302, headers={"Location": location})
    assert refusal(server.url("/a")).detail == "The server sent a redirect without a valid address."
    assert len(server.requests) == 1


def test_the_choice_that_a_server_prefers_is_taken(server: AudioServer, opus: bytes) -> None:
    server.resources["/b.opus"] = Resource(opus)
    server.resources["/a"] = Resource(status=300, headers={"Location": "/b.opus"})
    assert look(server.url("/a")).title == "Moss"
    server.resources["/a"] = Resource(status=300)
    assert refusal(server.url("/a")).detail == "The station answered 300."


def test_cookies_are_kept_within_the_chain_and_forgotten_at_its_end(server: AudioServer, opus: bytes) -> None:
    def gate(headers: dict[str, str]) -> bytes:
        if "pass=one" in headers.get("Cookie", ""):
            return answer(b"", "Location: /deep/file", "Set-Cookie: two=2; Path=/deep", status="302 Found")
        lines = ("Set-Cookie: pass=one", "Set-Cookie: out=0; Max-Age=0", "Set-Cookie: s=1; Secure")
        elsewhere = "Set-Cookie: not=here; Path=/elsewhere"
        return answer(b"", "Location: /gate", *lines, elsewhere, status="303 See Other")

    server.resources["/gate"] = Resource(script=gate)
    server.resources["/deep/file"] = Resource(opus)
    for _ in range(2):  # the second chain has no cookies from the first
        assert whole(server.url("/gate")) == opus
        sent = [headers.get("Cookie") for path, headers in server.requests]
        assert sent == [None, "pass=one", "two=2; pass=one"]
        server.requests.clear()


def test_cookies_stay_with_their_host(server: AudioServer, opus: bytes) -> None:
    away = f"Location: http://localhost:{server.server_port}/there"
    cookies = [
        f"Set-Cookie: a=1{rest}" for rest in ("", "; Domain=127.0.0.1", "; Domain=.0.0.1", "; Domain=1")
    ]
    server.resources["/a"] = Resource(
        script=lambda _: answer(b"", away, *cookies, "Set-Cookie: b=2; Domain=localhost", status="302 Found")
    )
    server.resources["/there"] = Resource(opus)
    assert look(server.url("/a")).title == "Moss"
    assert server.requests[-1][0] == "/there"
    assert "Cookie" not in server.requests[-1][1]


# --- Response headers ---


def test_heads_as_odd_as_they_come(server: AudioServer, opus: bytes) -> None:
    many = "".join(f"X-{n}: {n}\r\n" for n in range(256))
    long = f"X-Long: {'y' * 100_000}\r\n"
    length = f"Content-Length: {len(opus)}"
    heads = [
        f"HTTP/1.1 200 OK\r\n{many}{length}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\n{long}{length}\r\n\r\n",
        f"HTTP/1.1 200 OK\n{length}\n\n",
        f"HTTP/1.1 200\r\n{length}\r\n\r\n",
        f"\r\nhttp/1.1  200 Fine\r\n{length}\r\n\r\n",
        f"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n{length}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nno colon here\r\n: no name\r\nBad Name: 1\r\n{length}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nX-Folded: a\r\n  b\r\nX-Caf\xe9: \xfc\x00\r\n{length}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\n{length}\r\n{length}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nContent-Length: {len(opus)}, {len(opus)}\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        f"HTTP/1.1 203 Transformed\r\n{length}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{length}\r\n\r\n",
    ]
    for head in heads:
        server.resources["/a.opus"] = Resource(raw=head.encode("latin-1") + opus)
        assert whole(server.url("/a.opus")) == opus, head[:80]
        found = look(server.url("/a.opus"))
        assert (found.title, found.is_live) == ("Moss", False), head[:80]


def test_a_file_name_is_read_whatever_its_encoding(server: AudioServer, tmp_path: Path) -> None:
    body = write(tmp_path / "a.mp3", tone(1)).read_bytes()
    long = "9" * 5000
    for name, title in [
        ('filename="Café.mp3"', "Café"),
        ("filename*=UTF-8''Caf%C3%A9.mp3", "Café"),
        (f"filename*{long}*=x", "get"),
        ("filename*=nonsense''x.mp3", "x"),
        (f'filename="x.mp3"; a="{";" * 8200}"', "get"),  # longer than the longest accepted header
    ]:
        raw = answer(body, f"Content-Disposition: attachment; {name}".encode().decode("latin-1"))
        server.resources["/get"] = Resource(raw=raw)
        assert look(server.url("/get")).title == title


@pytest.mark.parametrize(
    "line",
    [b"X-Long: " + b"y" * 300_000, b"X: y\r\n" * 50_000, b"a:\n" * 3000, b"HTTP/1.1 100 X\r\n\r\n" * 20_000],
)
def test_a_head_without_end_is_given_up(server: AudioServer, line: bytes) -> None:
    start = b"" if line.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n"
    server.resources["/a"] = Resource(raw=start + line + b"\r\n\r\n")
    assert refusal(server.url("/a")).code == "UNREACHABLE"


# --- Hosts ---


class SixServer(AudioServer):
    address_family = socket.AF_INET6
    host = "::1"


def test_an_address_of_version_6_is_a_host(opus: bytes) -> None:
    with running_server(SixServer) as server:
        server.resources["/a.opus"] = Resource(opus)
        url = f"http://[::1]:{server.server_port}/a.opus"
        assert look(url).title == "Moss"
        assert server.requests[0][1]["Host"] == f"[::1]:{server.server_port}"


# --- TLS ---


def certified(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context, and the file with its self-signed certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "both.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, pem


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[AudioServer]:
    with running_server() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context, _ = certified(tmp_path)
    with tls_server(context) as server:
        error = refusal(server.url("/").replace("http:", "https:"))
    assert (error.code, error.permanent) == ("UNREACHABLE", True)
    assert "certificate" in error.detail


def test_a_secure_cookie_goes_over_tls_only(
    server: AudioServer, opus: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect from plain HTTP to TLS, where a cookie is set, and back."""
    context, pem = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    exchange._tls.cache_clear()
    with tls_server(context) as safe:
        base = safe.url("").replace("http:", "https:")
        cookies = {"Set-Cookie": "s=1; Secure; Path=/", "Location": f"{base}/second"}
        server.resources["/start"] = Resource(status=301, headers={"Location": f"{base}/first"})
        safe.resources["/first"] = Resource(status=302, headers=cookies)
        safe.resources["/second"] = Resource(status=302, headers={"Location": server.url("/end.opus")})
        server.resources["/end.opus"] = Resource(opus)
        assert whole(server.url("/start")) == opus
        assert [headers.get("Cookie") for _, headers in safe.requests] == [None, "s=1"]
        assert "Cookie" not in server.requests[-1][1]
    exchange._tls.cache_clear()
