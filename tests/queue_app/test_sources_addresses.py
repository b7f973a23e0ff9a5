from __future__ import annotations

import socket
import threading
from ipaddress import ip_address, ip_network

import pytest

from queue_app.sources.addresses import connect, is_allowed, parse_url
from queue_app.sources.errors import SourceError


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("192.0.2.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1"),
        *("::", "::1", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::127.0.0.1"),
        *("::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fec0::1"),
        *("2001:0:7f00:1::1", "64:ff9b:1::1"),
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_allowed(ip_address(address), ())


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(ip_address(address), ())


def test_configuration_opens_exactly_its_networks() -> None:
    networks = [ip_network("192.168.1.0/24"), ip_network("fd00::/8")]
    assert is_allowed(ip_address("192.168.1.7"), networks)
    assert is_allowed(ip_address("::ffff:192.168.1.7"), networks)
    assert is_allowed(ip_address("fd12::1"), networks)
    assert not is_allowed(ip_address("192.168.2.7"), networks)
    assert not is_allowed(ip_address("127.0.0.1"), networks)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "file:///etc/passwd",
            "ftp://example.org/a.mp3",
            "javascript:alert(1)",
            "concat:a|b",
            "http://",
            "",
        ),
        *(
            "http:///a.mp3",
            "//example.org/a.mp3",
            "http://user:secret@example.org/",
            "http://user@example.org/",
        ),
        *("http://exa mple.org/", "http://[::1/", "library:abc"),
        "http://example.org/" + "a" * 2000,
    ],
)
def test_what_is_no_plain_link_is_refused(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_url(url)
    assert caught.value.code == "BAD_URI"
    assert caught.value.permanent
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize("port", [0, 22, 25, 6667, 99_999])
def test_ports_of_other_protocols_are_refused(port: int) -> None:
    with pytest.raises(SourceError) as caught:
        parse_url(f"http://example.org:{port}/")
    assert caught.value.code == "FORBIDDEN_ADDRESS"


def test_fragments_go_and_international_names_become_ascii() -> None:
    assert str(parse_url("http://example.org/a.mp3#t=30")) == "http://example.org/a.mp3"
    assert parse_url("https://bücher.example:8443/x").netloc == b"xn--bcher-kva.example:8443"
    assert parse_url("http://example.org:8000/stream").port == 8000
    assert parse_url("http://example.org/ein lied.mp3").raw_path == b"/ein%20lied.mp3"


LOOPBACK = [
    *("127.0.0.1", "0.0.0.0", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"),
    *("::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::"),
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_no_way_of_writing_loopback_reaches_it(host: str) -> None:
    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        with pytest.raises(SourceError) as caught:
            connect(host, server.getsockname()[1], allow_private=(), timeout=1, opened=opened.append)
        assert caught.value.code == "FORBIDDEN_ADDRESS"
        assert opened == []
        with pytest.raises(TimeoutError):
            server.accept()


def test_an_allowed_network_is_reached() -> None:
    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        networks = [ip_network("127.0.0.0/8")]
        with connect("127.0.0.1", port, allow_private=networks, timeout=1, opened=opened.append) as made:
            assert made.getpeername() == ("127.0.0.1", port)
            assert opened == [made]


def test_a_closed_port_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError) as caught:
        connect("127.0.0.1", port, allow_private=[ip_network("127.0.0.0/8")], timeout=1, opened=print)
    assert caught.value.code == "UNREACHABLE"
    assert not caught.value.permanent


def test_a_name_that_changes_its_address_is_judged_by_the_one_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rebinding: whatever a name said before, only the answer that is connected to counts."""
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def answer(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    seen = threading.Event()

    def stop(_: socket.socket) -> None:
        seen.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # public: goes as far as opening a socket
        connect("rebind.example", 80, allow_private=(), timeout=1, opened=stop)
    assert seen.is_set()
    with pytest.raises(SourceError) as caught:
        connect("rebind.example", 80, allow_private=(), timeout=1, opened=stop)
    assert caught.value.code == "FORBIDDEN_ADDRESS"
