from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address, ip_network

import pytest

from library.sources.addresses import connect, is_allowed, parse_url
from library.sources.errors import SourceError


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("192.0.2.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1"),
        *("::", "::1", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::127.0.0.1"),
        *("::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fec0::1"),
        *("2001:0:7f00:1::1", "64:ff9b:1::1", "::ffff:0:10.0.0.1", "2002:a00:1::5efe:808:808"),
        *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:7f00:1", "2606:4700::300:5efe:192.168.0.1"),
        *("192.88.99.1", "192.0.0.9", "192.31.196.1", "192.52.193.1", "192.175.48.1"),
        *("3fff::1", "3fff:fff::1", "2001:20::1", "2001:30::1", "2001:1::1", "2620:4f:8000::1"),
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_allowed(ip_address(address), ())


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "93.184.216.34",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2606:4700::5efe:1.1.1.1",
    ],
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
        *(
            "http://a%2Fb/",
            "http://a%40b/",
            "http://a%0D%0Ab/",
            "http://a%5Cb/",
            "http://a%2525b/",
            "http://%zz/",
        ),
        "http://example.org/" + "a" * 2000,
    ],
)
def test_what_is_no_plain_link_is_refused(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_url(url)
    assert caught.value.code == "BAD_URI"
    assert caught.value.permanent
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize("port", [0, 22, 25, 6667, 99_999, -1])
def test_ports_of_other_protocols_are_refused(port: int) -> None:
    with pytest.raises(SourceError) as caught:
        parse_url(f"http://example.org:{port}/")
    assert caught.value.code == "FORBIDDEN_ADDRESS"


def test_fragments_go_and_international_names_become_ascii() -> None:
    assert str(parse_url("http://example.org/a.mp3#t=30")) == "http://example.org/a.mp3"
    assert parse_url("https://bücher.example:8443/x").netloc == b"xn--bcher-kva.example:8443"
    assert parse_url("http://example.org:8000/stream").port == 8000
    assert parse_url("http://example.org/ein lied.mp3").raw_path == b"/ein%20lied.mp3"


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("https://BÜCHER.example/", b"xn--bcher-kva.example"),
        ("http://b%C3%BCcher.example/", b"xn--bcher-kva.example"),
        ("http://例え。jp/", b"xn--r8jz45g.jp"),
        ("http://☃.example:81/", b"xn--n3h.example"),
        ("http://ｅｘａｍｐｌｅ.org/", b"example.org"),
        ("http://faß.example/", b"xn--fa-hia.example"),
        ("http://xn--bcher-kva.example/", b"xn--bcher-kva.example"),
        ("http://foo_bar.example./", b"foo_bar.example."),
        ("http://[2001:db8::1]:80/", b"2001:db8::1"),
    ],
)
def test_hosts_are_written_as_the_network_knows_them(written: str, host: bytes) -> None:
    assert parse_url(written).raw_host == host


@pytest.mark.parametrize(
    "host", ["１２７.0.0.1", "127。0。0。1", "%31%32%37.0.0.1", "①27.0.0.1", "ⓛocalhost"]
)
def test_no_odd_letters_lead_around_the_guard(host: str) -> None:
    with pytest.raises(SourceError) as caught:
        connect(parse_url(f"http://{host}/").raw_host.decode(), 80, allow_private=(), timeout=1, opened=print)
    assert caught.value.code == "FORBIDDEN_ADDRESS"


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
    """DNS rebinding: only the address that is connected to counts, whatever the name resolved to before."""
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def answer(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    seen = threading.Event()

    def stop(_: socket.socket) -> None:
        seen.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # a public address, so it gets as far as opening a socket
        connect("rebind.example", 80, allow_private=(), timeout=1, opened=stop)
    assert seen.is_set()
    with pytest.raises(SourceError) as caught:
        connect("rebind.example", 80, allow_private=(), timeout=1, opened=stop)
    assert caught.value.code == "FORBIDDEN_ADDRESS"


@contextmanager
def mute(host: str) -> Iterator[int]:
    """A port that never answers: its backlog is full, so new connections are dropped."""
    with ExitStack() as stack:
        listening = socket.socket()
        stack.enter_context(listening)
        listening.bind((host, 0))
        listening.listen(0)
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


def answering(monkeypatch: pytest.MonkeyPatch, *destinations: tuple[str, int]) -> None:
    """Make every name resolve to these addresses."""
    entries = [
        (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
        for host, port in destinations
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)


def test_an_address_that_does_not_answer_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[socket.socket] = []
    with mute("127.0.0.2") as dead, socket.create_server(("127.0.0.1", 0)) as server:
        alive = server.getsockname()
        answering(monkeypatch, *[("127.0.0.2", dead)] * 3, alive, alive)
        networks = [ip_network("127.0.0.0/8")]
        with connect("many.example", 80, allow_private=networks, timeout=60, opened=opened.append) as made:
            assert made.getpeername() == alive
            assert made.gettimeout() == 60
        assert [each.fileno() for each in opened] == [-1] * len(opened)  # every socket is closed
        assert len(opened) == 4


def test_every_address_of_a_name_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.3", 0)) as secret:
        secret.settimeout(0.05)
        answering(monkeypatch, secret.getsockname(), server.getsockname())
        networks = [ip_network("127.0.0.1/32")]
        with connect("many.example", 80, allow_private=networks, timeout=5, opened=print) as made:
            assert made.getpeername() == server.getsockname()
        with pytest.raises(TimeoutError):
            secret.accept()


def test_addresses_that_refuse_are_passed_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering(monkeypatch, closed, ("::1", closed[1]), *[closed] * 3, server.getsockname())
        networks = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
        with connect("many.example", 80, allow_private=networks, timeout=5, opened=lambda _: None) as made:
            assert made.getpeername() == server.getsockname()


def test_a_name_whose_addresses_are_all_mute_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    with mute("127.0.0.1") as dead:
        answering(monkeypatch, ("127.0.0.1", dead))
        networks = [ip_network("127.0.0.0/8")]
        with pytest.raises(SourceError) as caught:
            connect("many.example", 80, allow_private=networks, timeout=0.1, opened=lambda _: None)
    assert caught.value.code == "TOO_SLOW"


def test_a_shut_socket_ends_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[socket.socket] = []
    begun = threading.Event()

    def note(connection: socket.socket) -> None:
        opened.append(connection)
        begun.set()

    with mute("127.0.0.1") as dead:
        answering(monkeypatch, ("127.0.0.1", dead))
        networks = [ip_network("127.0.0.0/8")]
        failed: list[SourceError] = []

        def attempt() -> None:
            with pytest.raises(SourceError) as caught:
                connect("many.example", 80, allow_private=networks, timeout=60, opened=note)
            failed.append(caught.value)

        thread = threading.Thread(target=attempt)
        thread.start()
        assert begun.wait(5)
        while thread.is_alive():  # it may not have started to connect yet
            try:
                opened[0].shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            thread.join(0.02)
    assert failed[0].code == "UNREACHABLE"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "The address “radio.example” cannot be found. Check the link.",
        ),
        (
            socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
            "The address “radio.example” cannot be looked up at the moment. Try again later.",
        ),
    ],
)
def test_a_host_that_cannot_be_found_is_named(
    error: OSError, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(SourceError) as caught:
        connect("radio.example", 80, allow_private=(), timeout=1, opened=lambda _: None)
    assert (caught.value.code, caught.value.detail) == ("UNREACHABLE", sentence)
