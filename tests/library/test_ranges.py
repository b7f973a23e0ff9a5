"""Servers without range requests or with broken ones, and files that need seeking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import library.sources.http_media as http_media
from library.sources import SourceError
from tests.library.audio_files import tone, write
from tests.library.audio_server import AudioServer, Resource, chunks
from tests.library.links import PART, Script, answer, look, opened, read_all, refusal, start_of, whole

pytestmark = pytest.mark.usefixtures("quick_retries")

# --- Ranges ---


def without_range(status: str, *lines: str, body: bytes = b"no") -> Callable[[bytes], Script]:
    def made(sound: bytes) -> Script:
        return lambda headers: answer(body, *lines, status=status) if "Range" in headers else answer(sound)

    return made


def hangs_up(sound: bytes) -> Script:
    def script(headers: dict[str, str]) -> bytes:
        if "Range" in headers:
            raise ConnectionResetError
        return answer(sound)

    return script


@pytest.mark.parametrize(
    "made",
    [
        *(without_range(f"{status} No") for status in (400, 403, 405, 406, 412, 416, 417, 500, 501)),
        without_range(PART, body=b"half"),
        without_range(PART, "Content-Range: bytes 100-199/200", body=b"x" * 100),
        without_range(PART, "Content-Range: bytes */200"),
        without_range(PART, "Content-Range: bytes 0-1/*"),
        without_range(PART, "Content-Type: multipart/byteranges; boundary=x", body=b"--x\r\n"),
        lambda sound: lambda headers: b"" if "Range" in headers else answer(sound),
        lambda sound: lambda headers: b"what?\r\n\r\n" if "Range" in headers else answer(sound),
        hangs_up,
    ],
)
def test_a_server_that_cannot_stand_ranges_is_asked_once_more_without(
    server: AudioServer, opus: bytes, made: Callable[[bytes], Script]
) -> None:
    server.resources["/a.opus"] = Resource(script=made(opus))
    media = opened(server.url("/a.opus"))
    assert not media.seekable()
    assert read_all(media) == opus
    media.close()
    assert ["Range" in headers for _, headers in server.requests] == [True, False]
    assert look(server.url("/a.opus")).title == "Moss"


@pytest.mark.parametrize("status", [401, 404, 410, 429, 503])
def test_a_refusal_that_means_the_file_is_not_asked_about_twice(server: AudioServer, status: int) -> None:
    server.resources["/a.opus"] = Resource(status=status)
    refusal(server.url("/a.opus"))
    assert len(server.requests) == 1


def test_a_range_that_is_refused_and_a_refused_file_are_told_apart(server: AudioServer) -> None:
    server.resources["/a.opus"] = Resource(status=416)
    assert refusal(server.url("/a.opus")).code == "UNDECODABLE"
    server.resources["/a.opus"] = Resource(status=403)
    assert refusal(server.url("/a.opus")).code == "UNREADABLE"


def test_a_server_that_answers_a_full_range_with_the_whole_is_still_seekable(
    server: AudioServer, opus: bytes
) -> None:
    def script(headers: dict[str, str]) -> bytes:
        start = start_of(headers)
        if start == 0:
            return answer(opus, "Accept-Ranges: bytes")
        part = f"Content-Range: bytes {start}-{len(opus) - 1}/{len(opus)}"
        return answer(opus[start:], part, status=PART)

    server.resources["/a.opus"] = Resource(script=script)
    media = opened(server.url("/a.opus"))
    assert media.seekable()
    assert media.read(4) == b"OggS"
    media.seek(5)
    media.seek(len(opus) - 10)
    assert media.read(100) == opus[-10:]
    media.close()
    # A server that only claims to support ranges does not.
    server.resources["/a.opus"] = Resource(opus, ranges=False, headers={"Accept-Ranges": "bytes"})
    media = opened(server.url("/a.opus"))
    assert not media.seekable()
    assert read_all(media) == opus
    media.close()


def test_ranges_that_end_after_the_first_are_read_over(server: AudioServer, opus: bytes) -> None:
    def script(headers: dict[str, str]) -> bytes:
        if headers.get("Range") == "bytes=0-":
            part = f"Content-Range: bytes 0-{len(opus) - 1}/{len(opus)}"
            return answer(opus, part, status=PART)
        return answer(opus) if "Range" not in headers else answer(status="416 No")

    server.resources["/a.opus"] = Resource(script=script)
    media = opened(server.url("/a.opus"))
    media.seek(len(opus) - 10)
    assert media.read(100) == opus[-10:]
    media.seek(5)
    assert media.read(3) == opus[5:8]
    media.close()


def test_parts_smaller_than_asked_are_put_together(server: AudioServer, files: dict[str, bytes]) -> None:
    sound = files["wav"]

    def script(headers: dict[str, str]) -> bytes:
        start = start_of(headers)
        part = sound[start : start + 70_000]
        reported = f"Content-Range: bytes {start}-{start + len(part) - 1}/{len(sound)}"
        return answer(part, reported, status=PART)

    server.resources["/a.wav"] = Resource(script=script)
    assert whole(server.url("/a.wav")) == sound


@pytest.mark.parametrize("options", [{}, {"ranges": False}, {"ranges": False, "chunked": 4096}])
def test_an_index_at_the_end_is_reached(
    server: AudioServer, files: dict[str, bytes], options: dict[str, Any]
) -> None:
    server.resources["/a.m4a"] = Resource(files["m4a"], **options)
    found = look(server.url("/a.m4a"))
    assert (found.title, found.is_live) == ("Moss", False)
    assert found.duration_ms == pytest.approx(5000, abs=60)
    media = opened(server.url("/a.m4a"))
    assert media.seekable()
    media.seek(-50, 2)
    assert media.read(100) == files["m4a"][-50:]
    media.seek(10)
    assert media.read(10) == files["m4a"][10:20]
    media.close()


@pytest.mark.parametrize("chunked", [0, 4096])
def test_a_table_of_packets_behind_the_sound_is_reached(
    server: AudioServer, tmp_path: Path, chunked: int
) -> None:
    body = write(tmp_path / "a.caf", tone(3)).read_bytes()
    server.resources["/a"] = Resource(body, ranges=False, chunked=chunked)
    assert not look(server.url("/a")).is_live  # it can be decoded


def test_a_file_too_long_to_read_again_is_not_seekable(
    server: AudioServer, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_media, "REREAD_BYTES", 10_000)
    for chunked in (0, 4096):
        server.resources["/a.m4a"] = Resource(files["m4a"], ranges=False, chunked=chunked)
        media = opened(server.url("/a.m4a"))
        assert not media.seekable()
        assert media.read(10) == files["m4a"][:10]
        media.close()


# --- Wrong responses to a later range ---


type Later = Callable[[bytes, int], bytes]


def multipart(sound: bytes, start: int, *lines: str) -> bytes:
    part = f"--x\r\nContent-Range: bytes {start}-{len(sound) - 1}/{len(sound)}\r\n\r\n".encode()
    kind = "Content-Type: multipart/byteranges; boundary=x"
    return answer(part + sound[start:] + b"\r\n--x--\r\n", kind, *lines, status=PART)


def reported(start: int, end: int, total: int | str) -> str:
    return f"Content-Range: bytes {start}-{end - 1}/{total}"


LATER: dict[str, Later] = {
    "from the beginning": lambda sound, _: answer(sound, reported(0, len(sound), len(sound)), status=PART),
    "from further on": lambda sound, at: answer(
        sound[at + 100 :], reported(at + 100, len(sound), len(sound)), status=PART
    ),
    "no place": lambda sound, at: answer(sound[at:], f"Content-Range: bytes */{len(sound)}", status=PART),
    "several parts": multipart,
    "several parts and a place": lambda sound, at: multipart(sound, at, reported(at, len(sound), len(sound))),
    "all": lambda sound, _: answer(sound),
    "all in chunks": lambda sound, _: answer(chunks(sound, 5000), "Transfer-Encoding: chunked", length=False),
    "all, called a part": lambda sound, at: answer(sound, reported(at, len(sound), len(sound)), status=PART),
    "the part, called all": lambda sound, at: answer(
        chunks(sound[at:], 5000),
        reported(at, len(sound), len(sound)),
        "Transfer-Encoding: chunked",
        length=False,
    ),
    "no total": lambda sound, at: answer(sound[at:], reported(at, len(sound), "*"), status=PART),
    "a total below the end": lambda sound, at: answer(sound[at:], reported(at, len(sound), at), status=PART),
    "another length": lambda sound, at: answer(
        sound[at:], reported(at, len(sound), len(sound)), "Content-Length: 1000", status=PART, length=False
    ),
    "refused": lambda sound, _: answer(status="416 No"),
}


def breaks_off(later: Later, sound: bytes, *, whole_too: bool) -> Script:
    """Send only a part of the first response. With `whole_too`, a request without a range gets everything."""

    def script(headers: dict[str, str]) -> bytes:
        asked = headers.get("Range")
        if asked == "bytes=0-":
            return answer(sound, reported(0, len(sound), len(sound)), status=PART)[:70_300]
        if asked is None and whole_too:
            return answer(sound)
        return later(sound, start_of(headers))

    return script


def bytes_and_error(url: str) -> tuple[bytes, SourceError | None]:
    got, error = bytearray(), None
    media = None
    try:
        media = opened(url)
        while data := media.read(10_000):
            got += data
    except SourceError as caught:
        error = caught
    finally:
        if media is not None:
            media.close()
    return bytes(got), error


@pytest.mark.parametrize("whole_too", [True, False])
@pytest.mark.parametrize("name", LATER)
def test_a_wrong_answer_to_a_later_range_gives_no_wrong_byte(
    server: AudioServer, files: dict[str, bytes], name: str, whole_too: bool
) -> None:
    sound = files["wav"]
    script = breaks_off(LATER[name], sound, whole_too=whole_too)
    server.resources["/a.wav"] = Resource(script=script)
    got, error = bytes_and_error(server.url("/a.wav"))
    if whole_too:
        assert error is None
    if error is None:
        assert got == sound
    else:
        assert len(got) > 60_000
        assert sound.startswith(got)
        assert error.code in {"BROKE_OFF", "UNREADABLE"}


def test_a_total_that_changes_is_another_file(server: AudioServer, files: dict[str, bytes]) -> None:
    def grown(sound: bytes, at: int) -> bytes:
        return answer(sound[at:], reported(at, len(sound), len(sound) + 7), status=PART)

    server.resources["/a.wav"] = Resource(script=breaks_off(grown, files["wav"], whole_too=True))
    got, error = bytes_and_error(server.url("/a.wav"))
    assert files["wav"].startswith(got)
    assert error is not None
    assert error.detail == "The file changed on the server while it played."


FIRST: dict[str, tuple[Later, str]] = {
    "total below the end": (
        lambda sound, at: answer(sound[at:], reported(at, len(sound), len(sound) // 2), status=PART),
        "",
    ),
    "always several parts": (
        multipart,
        "The server sent another part of the file than the requested one.",
    ),
    "never the beginning": (
        lambda sound, _: answer(sound[100:], reported(100, len(sound), len(sound)), status=PART),
        "The server sent another part of the file than the requested one.",
    ),
    "a few words behind the end": (
        lambda sound, at: answer(sound + b" \n</body></html>", f"Content-Length: {len(sound)}", length=False),
        "",
    ),
    "length too small": (
        lambda sound, _: answer(sound, "Content-Length: 50000", length=False),
        "The server sends more data than it announced.",
    ),
    "length too large": (
        lambda sound, _: answer(sound, f"Content-Length: {len(sound) + 500}", length=False),
        "The connection was lost, and this server cannot resume.",
    ),
    "length too large, the end known": (
        lambda sound, at: (
            answer(sound[at:], reported(at, len(sound) + 500, len(sound) + 500), length=False, status=PART)
            if at < len(sound)
            else answer(b"", f"Content-Range: bytes */{len(sound)}", status="416 No")
        ),
        "",
    ),
    "a line end behind the file": (
        lambda sound, _: answer(sound + b"\r\n", f"Content-Length: {len(sound)}", length=False),
        "",
    ),
}


@pytest.mark.parametrize("name", FIRST)
def test_a_length_that_lies_is_no_silent_end(server: AudioServer, files: dict[str, bytes], name: str) -> None:
    sound, (make, detail) = files["wav"], FIRST[name]

    def script(headers: dict[str, str]) -> bytes:
        return make(sound, start_of(headers))

    server.resources["/a.wav"] = Resource(script=script)
    got, error = bytes_and_error(server.url("/a.wav"))
    assert (error.detail if error else "") == detail
    assert sound.startswith(got)
    assert detail or got == sound
