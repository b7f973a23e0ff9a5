"""Servers without range requests or with broken ones, connections that break, and files that need seeking."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

import library.sources.http_media as http_media
from library.sources import SourceError
from tests.library.audio_files import tone, write
from tests.library.audio_server import AudioServer, Resource, chunks
from tests.library.links import Script, answer, look, opened, read_all, refusal, whole

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


PART = "206 Partial Content"


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
        start = int(headers["Range"].removeprefix("bytes=").rstrip("-"))
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
        start = int(headers["Range"].removeprefix("bytes=").rstrip("-"))
        part = sound[start : start + 70_000]
        said = f"Content-Range: bytes {start}-{start + len(part) - 1}/{len(sound)}"
        return answer(part, said, status=PART)

    server.resources["/a.wav"] = Resource(script=script)
    assert whole(server.url("/a.wav")) == sound


@pytest.mark.parametrize("options", [{}, {"ranges": False}, {"ranges": False, "chunked": 4096}])
def test_an_index_at_the_end_is_reached(
    server: AudioServer, files: dict[str, bytes], options: dict[str, bool | int]
) -> None:
    server.resources["/a.m4a"] = Resource(files["m4a"], **options)  # type: ignore[arg-type]  # int or bool, as each field needs
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


def said(start: int, end: int, total: int | str) -> str:
    return f"Content-Range: bytes {start}-{end - 1}/{total}"


LATER: dict[str, Later] = {
    "from the beginning": lambda sound, _: answer(sound, said(0, len(sound), len(sound)), status=PART),
    "from further on": lambda sound, at: answer(
        sound[at + 100 :], said(at + 100, len(sound), len(sound)), status=PART
    ),
    "no place": lambda sound, at: answer(sound[at:], f"Content-Range: bytes */{len(sound)}", status=PART),
    "several parts": multipart,
    "several parts and a place": lambda sound, at: multipart(sound, at, said(at, len(sound), len(sound))),
    "all": lambda sound, _: answer(sound),
    "all in chunks": lambda sound, _: answer(chunks(sound, 5000), "Transfer-Encoding: chunked", length=False),
    "all, called a part": lambda sound, at: answer(sound, said(at, len(sound), len(sound)), status=PART),
    "the part, called all": lambda sound, at: answer(
        chunks(sound[at:], 5000), said(at, len(sound), len(sound)), "Transfer-Encoding: chunked", length=False
    ),
    "no total": lambda sound, at: answer(sound[at:], said(at, len(sound), "*"), status=PART),
    "a total below the end": lambda sound, at: answer(sound[at:], said(at, len(sound), at), status=PART),
    "another length": lambda sound, at: answer(
        sound[at:], said(at, len(sound), len(sound)), "Content-Length: 1000", status=PART, length=False
    ),
    "refused": lambda sound, _: answer(status="416 No"),
}


def breaks_off(later: Later, sound: bytes, *, whole_too: bool) -> Script:
    """Send only a part of the first response. With `whole_too`, a request without a range gets everything."""

    def script(headers: dict[str, str]) -> bytes:
        asked = headers.get("Range")
        if asked == "bytes=0-":
            return answer(sound, said(0, len(sound), len(sound)), status=PART)[:70_300]
        if asked is None and whole_too:
            return answer(sound)
        return later(sound, int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0)

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
        return answer(sound[at:], said(at, len(sound), len(sound) + 7), status=PART)

    server.resources["/a.wav"] = Resource(script=breaks_off(grown, files["wav"], whole_too=True))
    got, error = bytes_and_error(server.url("/a.wav"))
    assert files["wav"].startswith(got)
    assert error is not None
    assert error.detail == "The file changed on the server while it played."


FIRST: dict[str, tuple[Later, str]] = {
    "total below the end": (
        lambda sound, at: answer(sound[at:], said(at, len(sound), len(sound) // 2), status=PART),
        "",
    ),
    "always several parts": (
        multipart,
        "The server sent another part of the file than the requested one.",
    ),
    "never the beginning": (
        lambda sound, _: answer(sound[100:], said(100, len(sound), len(sound)), status=PART),
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
            answer(sound[at:], said(at, len(sound) + 500, len(sound) + 500), length=False, status=PART)
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
        asked = headers.get("Range")
        return make(sound, int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0)

    server.resources["/a.wav"] = Resource(script=script)
    got, error = bytes_and_error(server.url("/a.wav"))
    assert (error.detail if error else "") == detail
    assert sound.startswith(got)
    assert detail or got == sound


# --- Resuming ---


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
        start = int(headers["Range"].removeprefix("bytes=").rstrip("-"))
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


# --- Time ---


def test_a_busy_server_gets_the_short_wait_that_it_asks_for(server: AudioServer, opus: bytes) -> None:
    for said in ("0", formatdate(time.time() - 5, usegmt=True)):
        busy = iter([answer(status="503 Busy").replace(b"\r\n", f"\r\nRetry-After: {said}\r\n".encode(), 1)])

        def script(_: dict[str, str], busy: Iterator[bytes] = busy) -> bytes:
            return next(busy, answer(opus))

        server.resources["/a.opus"] = Resource(script=script)
        assert look(server.url("/a.opus")).title == "Moss"
    server.requests.clear()
    server.resources["/a.opus"] = Resource(status=429, headers={"Retry-After": "300"})
    error = refusal(server.url("/a.opus"))
    assert (error.code, error.permanent) == ("UNREACHABLE", False)
    assert error.detail == "The station answered 429. Try again in 5 minutes."
    assert len(server.requests) == 1


def test_a_file_that_stops_coming_is_too_slow(
    server: AudioServer, opus: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_media, "READ_SECONDS", 0.1)
    for options in ({"ranges": True}, {"ranges": False}, {"ranges": False, "chunked": 1000}):
        server.resources["/a.opus"] = Resource(opus, stall_after=5000, **options)
        with pytest.raises(SourceError) as caught:
            whole(server.url("/a.opus"))
        assert caught.value.code == "TOO_SLOW", options


@pytest.mark.parametrize("piece", [b"x", b"0"])
def test_a_trickle_is_a_stall(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then restarts a socket's timeout forever, and so do the digits of a chunk's size."""
    monkeypatch.setattr(http_media, "PACE_SECONDS", 0.2)
    monkeypatch.setattr(http_media, "READ_SECONDS", 0.3)
    head = b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if piece == b"0" else b"\r\n")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def trickle() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(head + (b"" if piece == b"0" else bytes(100)))
                while True:
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                    time.sleep(0.01)  # the trickle itself

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        with pytest.raises(SourceError) as caught:
            whole(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        assert caught.value.code == "TOO_SLOW"
        thread.join(5)
        assert not thread.is_alive()
