"""Connections that break while a file is read: resumed, read again, or reported."""

from __future__ import annotations

import pytest

import library.sources.http_media as http_media
from library.sources import SourceError
from tests.library.audio_server import AudioServer, Resource
from tests.library.links import PART, answer, opened, read_all, start_of, whole

pytestmark = pytest.mark.usefixtures("quick_retries")


def test_a_broken_connection_is_taken_up_where_it_ended(server: AudioServer, files: dict[str, bytes]) -> None:
    server.resources["/a.wav"] = Resource(
        files["wav"], headers={"ETag": '"v1"'}, drops=[70_000, 0, 1234, 90_000, None]
    )
    media = opened(server.url("/a.wav"))
    try:
        assert read_all(media) == files["wav"]
    finally:
        media.close()
    assert server.requests[1][1]["Range"] == "bytes=70000-"
    assert server.requests[1][1]["If-Range"] == '"v1"'


def test_without_ranges_a_broken_connection_is_the_end(server: AudioServer, files: dict[str, bytes]) -> None:
    server.resources["/a.wav"] = Resource(files["wav"], ranges=False, drops=[70_000])
    media = opened(server.url("/a.wav"))
    assert not media.seekable()
    parts: list[bytes] = []
    with pytest.raises(SourceError) as caught:
        parts.extend(iter(lambda: media.read(10_000), b""))
    assert caught.value.code == "BROKE_OFF"
    assert b"".join(parts) == files["wav"][:70_000]  # the beginning is not repeated
    assert server.count("/a.wav") == 1
    media.close()


def test_a_file_that_changed_meanwhile_is_not_spliced(server: AudioServer, files: dict[str, bytes]) -> None:
    resource = Resource(files["wav"], headers={"ETag": '"v1"'}, drops=[70_000, None])
    server.resources["/a.wav"] = resource
    media = opened(server.url("/a.wav"))
    assert media.read(100)
    resource.headers["ETag"] = '"v2"'
    with pytest.raises(SourceError) as caught:
        read_all(media)
    assert caught.value.code == "BROKE_OFF"
    media.close()


def test_a_server_that_only_drops_is_given_up(server: AudioServer, files: dict[str, bytes]) -> None:
    server.resources["/a.wav"] = Resource(files["wav"], drops=[100])
    media = opened(server.url("/a.wav"))
    with pytest.raises(SourceError) as caught:
        read_all(media)
    assert caught.value.code == "BROKE_OFF"
    assert server.count("/a.wav") == 4  # one attempt and three retries
    media.close()


def test_a_station_is_joined_again(server: AudioServer, files: dict[str, bytes]) -> None:
    resource = Resource(
        files["wav"], headers={"icy-name": "x"}, ranges=False, with_length=False, drops=[80_000, 90_000]
    )
    server.resources["/radio"] = resource
    media = opened(server.url("/radio"))
    assert media.is_live
    received = 0
    while received < 200_000:
        received += len(media.read(10_000))
    media.close()
    assert server.count("/radio") >= 3


def test_without_ranges_a_file_that_names_its_version_is_read_again_up_to_the_break(
    server: AudioServer, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = files["wav"]
    resource = Resource(sound, headers={"Last-Modified": "x"}, ranges=False, drops=[70_000, 90_000, None])
    server.resources["/a.wav"] = resource
    assert whole(server.url("/a.wav")) == sound
    assert server.count("/a.wav") == 3
    resource.drops = [70_000, None]
    media = opened(server.url("/a.wav"))
    assert media.read(100)
    resource.headers["Last-Modified"] = "y"
    with pytest.raises(SourceError) as caught:
        read_all(media)
    assert (caught.value.code, caught.value.detail) == (
        "BROKE_OFF",
        "The file changed on the server while it played.",
    )
    media.close()
    monkeypatch.setattr(http_media, "REREAD_BYTES", 50_000)
    server.resources["/b.wav"] = Resource(sound, headers={"ETag": "x"}, ranges=False, drops=[70_000, None])
    with pytest.raises(SourceError) as caught:
        whole(server.url("/b.wav"))
    assert caught.value.code == "BROKE_OFF"


@pytest.mark.parametrize("headers", [{}, {"ETag": '"1"'}])
def test_a_chunked_body_that_ends_early_is_not_an_end(
    server: AudioServer, opus: bytes, headers: dict[str, str]
) -> None:
    server.resources["/a.opus"] = Resource(opus, headers=headers, ranges=False, chunked=1000, drops=[30_000])
    with pytest.raises(SourceError) as caught:
        whole(server.url("/a.opus"))
    assert caught.value.code == "BROKE_OFF"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_script_that_dates_its_answers_is_no_file_that_changes(
    server: AudioServer, files: dict[str, bytes], ranges: bool
) -> None:
    resource = Resource(files["m4a"], headers={"Last-Modified": "first"}, ranges=ranges)
    server.resources["/a.m4a"] = resource
    media = opened(server.url("/a.m4a"))
    resource.headers["Last-Modified"] = "later"
    media.seek(-50, 2)
    assert media.read(100) == files["m4a"][-50:]
    media.seek(10)
    assert media.read(10) == files["m4a"][10:20]
    media.close()


def test_the_same_version_is_asked_of_a_resumed_part(server: AudioServer, files: dict[str, bytes]) -> None:
    """Some servers ignore `If-Range`."""
    sound, tags = files["wav"], iter(['"1"', '"2"'])

    def script(headers: dict[str, str]) -> bytes:
        start = start_of(headers)
        lines = (f"Content-Range: bytes {start}-{len(sound) - 1}/{len(sound)}", f"ETag: {next(tags)}")
        return answer(
            sound[start : start + 70_000],
            *lines,
            f"Content-Length: {len(sound) - start}",
            status=PART,
            length=False,
        )

    server.resources["/a.wav"] = Resource(script=script)
    with pytest.raises(SourceError) as caught:
        whole(server.url("/a.wav"))
    assert caught.value.detail == "The file changed on the server while it played."
