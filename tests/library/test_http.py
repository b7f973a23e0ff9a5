from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

import library.sources.http_media as http_media
from library.sources import Networks, SourceError, SourceOptions, TrackInfo, source_of
from library.sources.addresses import parse_url
from library.sources.http_media import HttpMedia
from library.sources.library import file_id
from tests.library.audio_files import tone, write
from tests.library.audio_server import AudioServer, Resource, running_server

LOOPBACK = [ip_network("127.0.0.0/8")]
TAGS = {"title": "Moss", "artist": "Understorey", "album": "Small Green Hours"}


@pytest.fixture
def server() -> Iterator[AudioServer]:
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def opus(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("http") / "a.opus", tone(20), tags=TAGS).read_bytes()


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("http") / "a.mp3", tone(20), tags=TAGS).read_bytes()


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_media, "RETRY_SECONDS", (0.01, 0.02, 0.02))


def look(url: str, tmp_path: Path) -> TrackInfo:
    return source_of(url)(SourceOptions(tmp_path, LOOPBACK)).resolve(url)


def refusal(url: str, tmp_path: Path, *, allow_private: Networks = LOOPBACK) -> SourceError:
    with pytest.raises(SourceError) as caught:
        source_of(url)(SourceOptions(tmp_path, allow_private)).resolve(url)
    assert caught.value.detail.endswith(".")
    assert "127.0.0.1" not in caught.value.detail
    return caught.value


def read_all(media: HttpMedia) -> bytes:
    return b"".join(iter(lambda: media.read(10_000), b""))


def opened(url: str) -> HttpMedia:
    return HttpMedia(parse_url(url), allow_private=LOOPBACK)


def test_a_link_tells_its_tags_and_length(server: AudioServer, opus: bytes, tmp_path: Path) -> None:
    server.resources["/a.opus"] = Resource(opus)
    found = look(server.url("/a.opus#here"), tmp_path)
    assert (found.title, found.artist, found.album) == ("Moss", "Understorey", "Small Green Hours")
    assert found.duration_ms == pytest.approx(20_000, abs=30)
    assert (found.source, found.is_live) == ("http", False)
    assert found.uri == found.url == server.url("/a.opus")


def test_a_library_track_is_resolved_and_opened(opus: bytes, tmp_path: Path) -> None:
    (tmp_path / "Some Name.opus").write_bytes(opus)
    uri = f"library:{file_id(Path('Some Name.opus'))}"
    source = source_of(uri)(SourceOptions(tmp_path))
    found = source.resolve(uri)
    assert (found.uri, found.title, found.source, found.url) == (uri, "Moss", "library", None)
    assert source.open(uri) == tmp_path / "Some Name.opus"


@pytest.mark.parametrize(
    ("path", "headers", "title"),
    [
        ("/music/Cold_Harbour%20%28live%29.mp3?token=1", {}, "Cold Harbour (live)"),
        ("/get", {"Content-Disposition": 'attachment; filename="Glass Elevator.mp3"'}, "Glass Elevator"),
        ("/get", {"Content-Disposition": "attachment; filename*=UTF-8''Caf%C3%A9.mp3"}, "Café"),
        ("/get", {"Content-Disposition": 'attachment; filename="Für Elise.mp3"'}, "Für Elise"),
        ("/M%FCnchen.mp3", {}, "München"),
        ("/%CA%E8%ED%EE.mp3", {}, "Кино"),
        ("/", {}, "127.0.0.1"),
    ],
)
def test_a_file_without_tags_is_named_by_header_or_path(
    server: AudioServer, tmp_path: Path, path: str, headers: dict[str, str], title: str
) -> None:
    body = write(tmp_path / "untagged.mp3", tone(2)).read_bytes()
    server.resources[path.partition("?")[0]] = Resource(body, headers=headers)
    assert look(server.url(path), tmp_path).title == title


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("Radio Hafen ü", "utf-8"), ("Radio Hafen ü", "latin-1"), ("Радио Океан", "cp1251")],
)
def test_a_station_is_live_and_named_by_its_header(
    server: AudioServer, mp3: bytes, tmp_path: Path, name: str, encoding: str
) -> None:
    headers = {"icy-name": name.encode(encoding).decode("latin-1"), "Content-Type": "audio/mpeg"}
    server.resources["/radio"] = Resource(mp3, headers=headers, ranges=False, with_length=False)
    found = look(server.url("/radio"), tmp_path)
    assert (found.title, found.is_live, found.duration_ms) == (name, True, None)


def test_a_shoutcast_station_is_understood(server: AudioServer, mp3: bytes, tmp_path: Path) -> None:
    head = b"ICY 200 OK\r\nicy-name:Old Tower\r\ncontent-type:audio/mpeg\r\n\r\n"
    server.resources["/"] = Resource(raw=head + mp3)
    assert look(server.url("/"), tmp_path).title == "Old Tower"


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (404, "NOT_FOUND", True),
        (410, "NOT_FOUND", True),
        (403, "UNREADABLE", True),
        (503, "UNREACHABLE", False),
        (429, "UNREACHABLE", False),
    ],
)
def test_refusing_servers_are_quoted(
    server: AudioServer, tmp_path: Path, status: int, code: str, permanent: bool
) -> None:
    server.resources["/a.mp3"] = Resource(b"no", status=status)
    error = refusal(server.url("/a.mp3"), tmp_path)
    assert (error.code, error.permanent) == (code, permanent)
    assert error.detail == f"The station answered {status}."


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("text/html; charset=utf-8", "UNDECODABLE"),
        ("application/vnd.apple.mpegurl", "PLAYLIST"),
        ("audio/x-scpls", "PLAYLIST"),
    ],
)
def test_pages_and_playlists_are_told_apart(
    server: AudioServer, tmp_path: Path, kind: str, code: str
) -> None:
    server.resources["/x"] = Resource(b"<!doctype html>", headers={"Content-Type": kind})
    assert refusal(server.url("/x"), tmp_path).code == code


def test_an_empty_and_a_text_answer_are_not_audio(server: AudioServer, tmp_path: Path) -> None:
    server.resources["/empty.mp3"] = Resource(b"", ranges=False)
    server.resources["/letter.mp3"] = Resource(b"Dear Sir or Madam, " * 1000)
    assert refusal(server.url("/empty.mp3"), tmp_path).code == "UNDECODABLE"
    assert refusal(server.url("/letter.mp3"), tmp_path).code == "UNDECODABLE"


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{url}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {url}\n",
        "#EXTM3U\n#EXTINF:9,inner\n{url}\n",
        "[playlist]\nFile1={url}\nNumberOfEntries=1\n",
    ],
)
def test_a_playlist_in_disguise_opens_nothing(
    server: AudioServer, opus: bytes, tmp_path: Path, playlist: str
) -> None:
    server.resources["/inner.opus"] = Resource(opus)
    text = playlist.format(url=server.url("/inner.opus"))
    server.resources["/song.mp3"] = Resource(text.encode(), headers={"Content-Type": "audio/mpeg"})
    assert refusal(server.url("/song.mp3"), tmp_path).code == "UNDECODABLE"
    assert server.count("/inner.opus") == 0
    (tmp_path / "song.m3u8").write_text(text)
    (tmp_path / "song.mp3").write_text(text)
    uri = f"library:{file_id(Path('song.mp3'))}"
    assert refusal(uri, tmp_path).code == "UNDECODABLE"
    assert server.count("/inner.opus") == 0


def test_redirects_are_followed_and_bounded(server: AudioServer, opus: bytes, tmp_path: Path) -> None:
    server.resources["/a"] = Resource(status=302, headers={"Location": "/b?x=1"})
    server.resources["/b"] = Resource(status=307, headers={"Location": server.url("/c.opus")})
    server.resources["/c.opus"] = Resource(opus)
    assert look(server.url("/a"), tmp_path).title == "Moss"
    server.resources["/c.opus"] = Resource(status=302, headers={"Location": "/a"})
    error = refusal(server.url("/a"), tmp_path)
    assert error.code == "UNREACHABLE"
    assert error.detail == "The server redirects in circles."


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://10.0.0.1/secret", "FORBIDDEN_ADDRESS"),
        ("http://169.254.169.254/latest/meta-data", "FORBIDDEN_ADDRESS"),
        ("http://[::ffff:10.0.0.1]/", "FORBIDDEN_ADDRESS"),
        ("http://167772161/", "FORBIDDEN_ADDRESS"),  # 10.0.0.1
        ("file:///etc/passwd", "BAD_URI"),
    ],
)
def test_a_redirect_into_a_private_network_is_refused(
    server: AudioServer, tmp_path: Path, location: str, code: str
) -> None:
    server.resources["/a"] = Resource(status=302, headers={"Location": location})
    assert refusal(server.url("/a"), tmp_path).code == code


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "localhost"])
def test_loopback_is_refused_unless_configured(
    server: AudioServer, opus: bytes, tmp_path: Path, host: str
) -> None:
    server.resources["/a.opus"] = Resource(opus)
    url = f"http://{host}:{server.server_port}/a.opus"
    assert refusal(url, tmp_path, allow_private=()).code == "FORBIDDEN_ADDRESS"
    assert server.requests == []


def test_a_link_is_a_seekable_file(server: AudioServer, opus: bytes) -> None:
    server.resources["/a.opus"] = Resource(opus)
    media = opened(server.url("/a.opus"))
    try:
        assert media.seekable()
        assert media.read(8) == opus[:8]
        assert media.seek(-100, 2) == len(opus) - 100
        assert media.read(1000) == opus[-100:]
        assert media.read(1000) == b""
        media.seek(5000)
        assert media.read(10) == opus[5000:5010]
        before = len(server.requests)
        media.seek(9000)
        assert media.read(10) == opus[9000:9010]
        assert len(server.requests) == before  # a short gap is read and discarded
    finally:
        media.close()


def test_a_broken_connection_is_taken_up_where_it_ended(server: AudioServer, opus: bytes) -> None:
    server.resources["/a.opus"] = Resource(
        opus, headers={"ETag": '"v1"'}, drops=[70_000, 0, 1234, 90_000, None]
    )
    media = opened(server.url("/a.opus"))
    try:
        assert read_all(media) == opus
    finally:
        media.close()
    assert server.requests[1][1]["Range"] == "bytes=70000-"
    assert server.requests[1][1]["If-Range"] == '"v1"'


def test_without_ranges_a_broken_connection_is_the_end(server: AudioServer, opus: bytes) -> None:
    server.resources["/a.opus"] = Resource(opus, ranges=False, drops=[70_000])
    media = opened(server.url("/a.opus"))
    assert not media.seekable()
    parts: list[bytes] = []
    with pytest.raises(SourceError) as caught:
        parts.extend(iter(lambda: media.read(10_000), b""))
    assert caught.value.code == "BROKE_OFF"
    assert b"".join(parts) == opus[:70_000]  # the beginning is not repeated
    assert server.count("/a.opus") == 1
    media.close()


def test_a_file_that_changed_meanwhile_is_not_spliced(server: AudioServer, opus: bytes) -> None:
    resource = Resource(opus, headers={"ETag": '"v1"'}, drops=[70_000, None])
    server.resources["/a.opus"] = resource
    media = opened(server.url("/a.opus"))
    assert media.read(100)
    resource.headers["ETag"] = '"v2"'
    with pytest.raises(SourceError) as caught:
        read_all(media)
    assert caught.value.code == "BROKE_OFF"
    media.close()


def test_a_server_that_only_drops_is_given_up(server: AudioServer, opus: bytes) -> None:
    server.resources["/a.opus"] = Resource(opus, drops=[100])
    media = opened(server.url("/a.opus"))
    with pytest.raises(SourceError) as caught:
        read_all(media)
    assert caught.value.code == "BROKE_OFF"
    assert server.count("/a.opus") == 4  # one attempt and three retries
    media.close()


def test_a_station_is_joined_again(server: AudioServer, mp3: bytes) -> None:
    resource = Resource(
        mp3, headers={"icy-name": "x"}, ranges=False, with_length=False, drops=[80_000, 90_000]
    )
    server.resources["/radio"] = resource
    media = opened(server.url("/radio"))
    assert media.is_live
    received = 0
    while received < 200_000:
        received += len(media.read(10_000))
    media.close()
    assert server.count("/radio") >= 3


def test_a_silent_server_is_too_slow(
    server: AudioServer, opus: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_media, "READ_SECONDS", 0.1)
    server.resources["/a.opus"] = Resource(opus, stall_after=100)
    assert refusal(server.url("/a.opus"), tmp_path).code == "TOO_SLOW"
    with socket.create_server(("127.0.0.1", 0)) as mute:  # accepts in its backlog, never responds
        assert refusal(f"http://127.0.0.1:{mute.getsockname()[1]}/", tmp_path).code == "TOO_SLOW"


def test_a_trickling_server_is_too_slow(
    server: AudioServer, opus: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("library.sources.http.RESOLVE_SECONDS", 0.3)
    monkeypatch.setattr(http_media, "READ_SECONDS", 3600.0)
    server.resources["/a.opus"] = Resource(opus, stall_after=100)
    assert refusal(server.url("/a.opus"), tmp_path).code == "TOO_SLOW"
    monkeypatch.setattr(http_media, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as trickling:
        stop = threading.Event()

        def trickle() -> None:
            connection, _ = trickling.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not stop.wait(0.02):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        assert refusal(f"http://127.0.0.1:{trickling.getsockname()[1]}/", tmp_path).code == "TOO_SLOW"
        stop.set()
        thread.join(5)


def test_measuring_a_file_counts_as_opening_it(
    server: AudioServer, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_media, "OPEN_SECONDS", 0.3)
    server.resources["/a.m4a"] = Resource(
        files["m4a"], ranges=False, with_length=False, stall_after=len(files["m4a"]) // 2
    )
    assert refusal(server.url("/a.m4a"), tmp_path).code == "TOO_SLOW"
    assert server.count("/a.m4a") == 1


def test_a_read_that_blocks_ends_when_the_file_is_closed(
    server: AudioServer, opus: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_media, "READ_SECONDS", 3600.0)
    server.resources["/a.opus"] = Resource(opus, stall_after=100)
    media = opened(server.url("/a.opus"))
    assert media.read(100)
    ended = threading.Event()

    def read() -> None:
        with pytest.raises(ValueError, match="closed"):
            media.read(100)
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert server.stalled.wait(5)
    media.close()
    reader.join(5)
    assert ended.is_set()
    media.close()
    assert media._response is None
    assert media._socket is None


def test_a_server_that_talks_nonsense_is_unreachable(server: AudioServer, tmp_path: Path) -> None:
    server.resources["/x"] = Resource(raw=b"220 mail.example ESMTP\r\n")
    assert refusal(server.url("/x"), tmp_path).code == "UNREACHABLE"
