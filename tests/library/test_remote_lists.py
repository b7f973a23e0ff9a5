"""Playlists behind links: what is read, what is not, and that no entry or redirect leads into a private network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_network
from time import monotonic
from types import SimpleNamespace

import pytest

from library.sources import SourceError, remote_lists
from library.sources.addresses import parse_url
from library.sources.exchange import Response
from library.sources.http_media import HttpMedia
from library.sources.playlists import PlaylistFile, read_file
from library.sources.remote_lists import RemoteList, read_remote_list
from tests.library.audio_server import AudioServer, Resource, running_server

LOOPBACK = [ip_network("127.0.0.1/32")]
OTHER = "127.0.0.2"  # as private as any address, and not allowed here


def m3u(*links: str) -> str:
    return "#EXTM3U\n" + "".join(f"#EXTINF:1,One - Two\n{link}\n" for link in links)


def pls(*links: str) -> str:
    return "[playlist]\n" + "".join(f"File{number}={link}\n" for number, link in enumerate(links, 1))


def xspf(*links: str) -> str:
    tracks = "".join(f"<track><location>{link}</location></track>" for link in links)
    return f'<?xml version="1.0"?><playlist xmlns="http://xspf.org/ns/0/"><trackList>{tracks}</trackList></playlist>'


KINDS: dict[str, Callable[..., str]] = {"m3u": m3u, "m3u8": m3u, "pls": pls, "xspf": xspf}
EACH = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def shared() -> Iterator[AudioServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def server(shared: AudioServer) -> AudioServer:
    shared.resources.clear()
    shared.requests.clear()
    return shared


def put(server: AudioServer, path: str, text: str, content_type: str = "text/plain") -> str:
    server.resources[path] = Resource(text.encode(), headers={"Content-Type": content_type})
    return server.url(path)


def read(link: str) -> RemoteList:
    return read_remote_list(link, allow_private=LOOPBACK)


def locations(found: RemoteList) -> list[str]:
    return [line.location for line in found.lines]


# --- None leads out ---


@EACH
def test_a_playlist_in_a_private_network_is_not_read(kind: str, server: AudioServer) -> None:
    link = put(server, f"/a.{kind}", KINDS[kind]("http://a.example/1.mp3"))
    with pytest.raises(SourceError) as refused:
        read_remote_list(link, allow_private=())
    assert refused.value.code == "FORBIDDEN_ADDRESS"
    assert server.requests == []


@EACH
@pytest.mark.parametrize("inner", KINDS)
def test_no_entry_leads_into_a_private_network(kind: str, inner: str, server: AudioServer) -> None:
    """Entries that are playlists are the only ones that are followed. Tracks are fetched by the guarded source."""
    port = server.server_port
    forbidden = [
        f"http://{OTHER}:{port}/secret.{inner}",
        f"http://2130706434:{port}/secret.{inner}",
        f"http://[::1]:{port}/secret.{inner}",
        f"http://[::ffff:127.0.0.2]:{port}/secret.{inner}",
        f"http://169.254.169.254/secret.{inner}",
        f"http://localtest.invalid:{port}/secret.{inner}",
    ]
    put(server, f"/secret.{inner}", KINDS[inner](server.url("/stolen.mp3")))
    link = put(server, f"/a.{kind}", KINDS[kind](*forbidden, server.url("/1.mp3")))
    found = read(link)
    assert locations(found) == [server.url("/1.mp3")]
    assert len(found.unread) == len(forbidden)
    assert [path for path, _ in server.requests] == [f"/a.{kind}"]


@EACH
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_leads_into_a_private_network(kind: str, status: int, server: AudioServer) -> None:
    port = server.server_port
    server.resources[f"/moved.{kind}"] = Resource(
        status=status, headers={"Location": f"http://{OTHER}:{port}/secret.{kind}"}
    )
    with pytest.raises(SourceError) as refused:
        read(server.url(f"/moved.{kind}"))
    assert refused.value.code == "FORBIDDEN_ADDRESS"
    outer = put(server, f"/a.{kind}", KINDS[kind](server.url(f"/moved.{kind}"), server.url("/1.mp3")))
    found = read(outer)
    assert (locations(found), len(found.unread)) == ([server.url("/1.mp3")], 1)
    assert server.count(f"/secret.{kind}") == 0


@EACH
def test_files_and_other_schemes_are_never_opened(kind: str, server: AudioServer) -> None:
    odd = [
        "file:///etc/passwd",
        "file:///etc/x.m3u",
        "ftp://a.example/a.pls",
        "C:\\Music\\a.m3u",
        "\\\\nas\\a.pls",
    ]
    found = read(put(server, f"/a.{kind}", KINDS[kind](*odd)))
    assert (locations(found), found.unread) == (odd, [])


# --- What is read ---


@EACH
def test_relative_entries_belong_to_the_address_after_redirects(kind: str, server: AudioServer) -> None:
    put(server, f"/deep/b.{kind}", KINDS[kind]("1.mp3", "/2.mp3", "../3.mp3", "//a.example/4.mp3"))
    server.resources["/short"] = Resource(status=302, headers={"Location": f"/deep/b.{kind}"})
    expected = [server.url(path) for path in ("/deep/1.mp3", "/2.mp3", "/3.mp3")]
    assert locations(read(server.url("/short"))) == [*expected, "http://a.example/4.mp3"]


def test_playlists_inside_are_read_in_place_and_once(server: AudioServer) -> None:
    put(server, "/c.xspf", xspf("3.mp3", "a.m3u"))
    put(server, "/b.pls", pls("2.mp3", "c.xspf", "b.pls"))
    found = read(put(server, "/a.m3u", m3u("1.mp3", "b.pls", "b.pls", "4.mp3", "a.m3u", "gone.m3u")))
    assert locations(found) == [server.url(f"/{number}.mp3") for number in (1, 2, 3, 4)]
    assert [path for path, _ in server.requests] == ["/a.m3u", "/b.pls", "/c.xspf", "/gone.m3u"]
    itself = "This playlist contains itself, or is named twice."
    assert [reason for _, reason in found.unread] == [itself] * 4 + ["The station answered 404."]


def test_depth_and_number_of_files_are_limited(server: AudioServer) -> None:
    for number in range(10):
        put(server, f"/{number}.m3u", m3u(f"{number}.mp3", f"{number + 1}.m3u"))
    found = read(server.url("/0.m3u"))
    assert len(found.lines) == remote_lists.MAX_DEPTH + 1
    assert found.unread[0][1] == "There are too many playlists inside each other."
    many = [f"/n{number}.pls" for number in range(40)]
    for path in many:
        put(server, path, pls("x.mp3"))
    wide = read(put(server, "/wide.m3u", m3u(*many)))
    assert len(wide.lines) == remote_lists.MAX_FILES - 1
    assert wide.unread[-1][1] == "This playlist names too many other playlists."


def test_ten_thousand_tracks_are_read_and_the_rest_is_counted(server: AudioServer) -> None:
    lines = [f"http://a.example/{number}.mp3" if number % 3 else "# junk" for number in range(16_000)]
    found = read(put(server, "/long.m3u", "\n".join(["#EXTM3U", *lines])))
    assert (len(found.lines), found.surplus) == (10_000, 666)


@pytest.mark.parametrize(
    ("path", "body", "code", "detail"),
    [
        ("/a.m3u", b"", "PLAYLIST", "There are no tracks in this playlist."),
        ("/a.m3u", b"\0\1\2\3", "PLAYLIST", "The link leads to a text that is not a playlist."),
        ("/a.xspf", b"<playlist><trackList>", "PLAYLIST", "The playlist is damaged."),
        (
            "/a.m3u8",
            b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8",
            "PLAYLIST",
            "This is an HLS stream, which cannot be played.",
        ),
        ("/a.m3u", b"#EXTM3U\n" + b"x" * 2_100_000, "PLAYLIST", "The playlist is too large (limit 2 MB)."),
        ("/a.m3u", b"a.m3u", "PLAYLIST", "This playlist contains itself, or is named twice."),
    ],
)
def test_what_cannot_be_read_is_told(
    path: str, body: bytes, code: str, detail: str, server: AudioServer
) -> None:
    server.resources[path] = Resource(body)
    with pytest.raises(SourceError) as refused:
        read(server.url(path))
    assert (refused.value.code, refused.value.detail) == (code, detail)


def test_a_server_that_sends_forever_is_left(server: AudioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_lists, "TOTAL_SECONDS", 0.5)
    server.resources["/slow.m3u"] = Resource(b"#EXTM3U\na.mp3\n" * 9, stall_after=20)
    with pytest.raises(SourceError) as refused:
        read(server.url("/slow.m3u"))
    assert (refused.value.code, refused.value.permanent) == ("TOO_SLOW", False)


def test_tiny_chunks_are_not_copied_again_for_each_other(
    server: AudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[int] = []

    class Piece(bytes):
        def __radd__(self, before: bytes) -> bytes:
            copied.append(len(before))
            return before + bytes(self)

    whole = Response.read
    monkeypatch.setattr(Response, "read", lambda self, size: Piece(whole(self, size)))
    body = m3u(*(f"http://a.example/{number}.mp3" for number in range(50))).encode()
    server.resources["/tiny.m3u"] = Resource(body, chunked=2)
    data, _ = remote_lists.fetch(parse_url(server.url("/tiny.m3u")), allow_private=LOOPBACK)
    assert data == body
    assert sum(copied) <= len(body)


def test_no_file_is_begun_when_the_time_is_up(server: AudioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    late = [0.0]

    def slow(data: bytes, name: str = "") -> PlaylistFile:
        late[0] += remote_lists.TOTAL_SECONDS
        return read_file(data, name)

    monkeypatch.setattr(remote_lists, "read_file", slow)
    monkeypatch.setattr(remote_lists, "time", SimpleNamespace(monotonic=lambda: monotonic() + late[0]))
    put(server, "/b.m3u", m3u("2.mp3"))
    found = read(put(server, "/a.m3u", m3u("1.mp3", "b.m3u")))
    assert locations(found) == [server.url("/1.mp3")]
    assert found.unread == [(server.url("/b.m3u"), "Reading the other playlists took too long.")]
    assert [path for path, _ in server.requests] == ["/a.m3u"]


@EACH
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/octet-stream", "audio/x-mpegurl", "audio/x-scpls"]
)
def test_the_source_of_links_recognizes_a_playlist(kind: str, content_type: str, server: AudioServer) -> None:
    link = put(server, f"/listen.{kind}", KINDS[kind]("http://a.example/1.mp3"), content_type)
    with pytest.raises(SourceError) as refused:
        HttpMedia(parse_url(link), allow_private=LOOPBACK)
    assert refused.value.code == "PLAYLIST"
