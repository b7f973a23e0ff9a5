"""What an audio link tells: its tags, its name, redirects, refusals, and what is no audio."""

from __future__ import annotations

from pathlib import Path

import pytest

from library.sources import SourceOptions, source_of
from library.sources.library import file_id
from tests.library.audio_files import tone, write
from tests.library.audio_server import AudioServer, Resource
from tests.library.links import look, opened, refusal

pytestmark = pytest.mark.usefixtures("quick_retries")


def test_a_link_tells_its_tags_and_length(server: AudioServer, opus: bytes) -> None:
    server.resources["/a.opus"] = Resource(opus)
    found = look(server.url("/a.opus#here"))
    assert (found.title, found.artist, found.album) == ("Moss", "Understorey", "Small Green Hours")
    assert found.duration_ms == pytest.approx(5_000, abs=30)
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
    assert look(server.url(path)).title == title


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("Radio Hafen ü", "utf-8"), ("Radio Hafen ü", "latin-1"), ("Радио Океан", "cp1251")],
)
def test_a_station_is_live_and_named_by_its_header(
    server: AudioServer, files: dict[str, bytes], name: str, encoding: str
) -> None:
    headers = {"icy-name": name.encode(encoding).decode("latin-1"), "Content-Type": "audio/mpeg"}
    server.resources["/radio"] = Resource(files["mp3"], headers=headers, ranges=False, with_length=False)
    found = look(server.url("/radio"))
    assert (found.title, found.is_live, found.duration_ms) == (name, True, None)


def test_a_shoutcast_station_is_understood(server: AudioServer, files: dict[str, bytes]) -> None:
    head = b"ICY 200 OK\r\nicy-name:Old Tower\r\ncontent-type:audio/mpeg\r\n\r\n"
    server.resources["/"] = Resource(raw=head + files["mp3"])
    assert look(server.url("/")).title == "Old Tower"


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
def test_refusing_servers_are_quoted(server: AudioServer, status: int, code: str, permanent: bool) -> None:
    server.resources["/a.mp3"] = Resource(b"no", status=status)
    error = refusal(server.url("/a.mp3"))
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
def test_pages_and_playlists_are_told_apart(server: AudioServer, kind: str, code: str) -> None:
    server.resources["/x"] = Resource(b"<!doctype html>", headers={"Content-Type": kind})
    assert refusal(server.url("/x")).code == code


def test_an_empty_and_a_text_answer_are_not_audio(server: AudioServer) -> None:
    server.resources["/empty.mp3"] = Resource(b"", ranges=False)
    server.resources["/letter.mp3"] = Resource(b"Dear Sir or Madam, " * 1000)
    assert refusal(server.url("/empty.mp3")).code == "UNDECODABLE"
    assert refusal(server.url("/letter.mp3")).code == "UNDECODABLE"


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
    assert refusal(server.url("/song.mp3")).code in ("PLAYLIST", "UNDECODABLE")
    assert server.count("/inner.opus") == 0
    (tmp_path / "song.m3u8").write_text(text)
    (tmp_path / "song.mp3").write_text(text)
    uri = f"library:{file_id(Path('song.mp3'))}"
    assert refusal(uri, folder=tmp_path).code == "UNDECODABLE"
    assert server.count("/inner.opus") == 0


def test_redirects_are_followed_and_bounded(server: AudioServer, opus: bytes) -> None:
    server.resources["/a"] = Resource(status=302, headers={"Location": "/b?x=1"})
    server.resources["/b"] = Resource(status=307, headers={"Location": server.url("/c.opus")})
    server.resources["/c.opus"] = Resource(opus)
    assert look(server.url("/a")).title == "Moss"
    server.resources["/c.opus"] = Resource(status=302, headers={"Location": "/a"})
    error = refusal(server.url("/a"))
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
def test_a_redirect_into_a_private_network_is_refused(server: AudioServer, location: str, code: str) -> None:
    server.resources["/a"] = Resource(status=302, headers={"Location": location})
    assert refusal(server.url("/a")).code == code


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "localhost"])
def test_loopback_is_refused_unless_configured(server: AudioServer, opus: bytes, host: str) -> None:
    server.resources["/a.opus"] = Resource(opus)
    url = f"http://{host}:{server.server_port}/a.opus"
    assert refusal(url, allow_private=()).code == "FORBIDDEN_ADDRESS"
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


def test_a_server_that_talks_nonsense_is_unreachable(server: AudioServer) -> None:
    server.resources["/x"] = Resource(raw=b"220 mail.example ESMTP\r\n")
    assert refusal(server.url("/x")).code == "UNREACHABLE"
