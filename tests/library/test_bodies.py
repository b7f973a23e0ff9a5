"""Transfer and content encodings around a file, and what counts as a station."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from library.sources import SourceError
from tests.library.audio_server import AudioServer, Resource, chunks
from tests.library.links import answer, look, opened, read_all, refusal, whole

pytestmark = pytest.mark.usefixtures("quick_retries")


# --- Bodies ---


def test_chunks_with_extensions_trailers_and_bare_line_feeds(server: AudioServer, opus: bytes) -> None:
    bodies = [
        chunks(opus, 1000),
        chunks(opus, 7777, end=b"0\r\nX-Checksum: 1\r\nServer-Timing: 2\r\n\r\n"),
        b"".join(b'%X;name="a b";x\r\n%b\r\n' % (1, opus[at : at + 1]) for at in range(500))
        + chunks(opus[500:], 1 << 20),
        b"".join(
            b"%x\n%b\n" % (len(opus[at : at + 999]), opus[at : at + 999]) for at in range(0, len(opus), 999)
        )
        + b"0\n\n",
        b"0000%x \r\n%b\r\n0\r\n" % (len(opus), opus),
    ]
    for body in bodies:
        raw = answer(body, "Transfer-Encoding: Chunked", "Content-Length: 5", length=False)
        server.resources["/a.opus"] = Resource(raw=raw)
        assert whole(server.url("/a.opus")) == opus


@pytest.mark.parametrize(
    "bad", [b"zz\r\nx\r\n", b"-5\r\nx\r\n", b"\r\n\r\n", b"1" * 50_000, b"5\r\nabcdefgh"]
)
def test_chunks_that_make_no_sense_break_off(server: AudioServer, opus: bytes, bad: bytes) -> None:
    raw = answer(chunks(opus[:5000], 1000, end=b"") + bad, "Transfer-Encoding: chunked", length=False)
    server.resources["/a.opus"] = Resource(raw=raw)
    with pytest.raises(SourceError) as caught:
        whole(server.url("/a.opus"))
    assert caught.value.code == "BROKE_OFF"


def deflated(body: bytes, *, raw: bool) -> bytes:
    packer = zlib.compressobj(wbits=-15 if raw else 15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize("suffix", ["opus", "wav", "m4a"])
def test_what_was_compressed_unasked_is_unpacked(
    server: AudioServer, files: dict[str, bytes], suffix: str
) -> None:
    sound = files[suffix]
    half = len(sound) // 2
    packed = [
        ("Content-Encoding: gzip", gzip.compress(sound)),
        ("Content-Encoding: X-GZIP", gzip.compress(sound[:half]) + gzip.compress(sound[half:]) + bytes(20)),
        ("Content-Encoding: deflate", deflated(sound, raw=False)),
        ("Content-Encoding: deflate", deflated(sound, raw=True)),
        ("Transfer-Encoding: gzip, chunked", chunks(gzip.compress(sound), 5000)),
        ("Content-Encoding: gzip", sound),  # a wrong header
        ("Content-Encoding: identity, UTF-8", sound),
    ]
    for line, body in packed:
        server.resources["/a"] = Resource(raw=answer(body, line, length="chunked" not in line))
        assert whole(server.url("/a")) == sound, line
        assert look(server.url("/a")).title == "Moss", line


def test_ranges_of_a_compressed_file_are_not_taken_for_its_own(server: AudioServer, opus: bytes) -> None:
    server.resources["/a"] = Resource(gzip.compress(opus), headers={"Content-Encoding": "gzip"})
    media = opened(server.url("/a"))
    assert not media.seekable()
    assert read_all(media) == opus
    media.close()


def test_compression_that_cannot_be_undone_says_so(server: AudioServer, opus: bytes) -> None:
    for line, body, code in [
        ("Content-Encoding: br", opus, "UNREADABLE"),
        ("Content-Encoding: zstd", opus, "UNREADABLE"),
        ("Content-Encoding: gzip, gzip", gzip.compress(gzip.compress(opus)), "UNREADABLE"),
        ("Content-Encoding: gzip", b"\x1f\x8b\x08" + b"\xff" * 5000, "UNDECODABLE"),
    ]:
        server.resources["/a"] = Resource(raw=answer(body, line))
        assert refusal(server.url("/a")).code == code, line
    cut = gzip.compress(opus)[:-5000]
    server.resources["/a"] = Resource(raw=answer(cut, "Content-Encoding: gzip"))
    with pytest.raises(SourceError) as caught:
        whole(server.url("/a"))
    assert caught.value.code == "BROKE_OFF"


def test_a_bomb_takes_no_memory_and_is_no_audio(server: AudioServer, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(bytes(60_000_000), compresslevel=9)
    server.resources["/a.mp3"] = Resource(raw=answer(bomb, "Content-Encoding: gzip"))
    tracemalloc.start()
    try:
        assert refusal(server.url("/a.mp3")).code == "UNDECODABLE"
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    monkeypatch.setattr("library.sources.bodies.MAX_UNPACKED_BYTES", 5_000_000)
    with pytest.raises(SourceError) as caught:
        whole(server.url("/a.mp3"))
    assert caught.value.code == "UNREADABLE"


# --- Stations and files without a length ---


def with_titles(sound: bytes, interval: int) -> bytes:
    title = b"StreamTitle='It's 'quoted';".ljust(32, b"\0")
    blocks = [b"\x02" + title, b"\x00"]
    pieces = [sound[at : at + interval] for at in range(0, len(sound), interval)]
    return b"".join(piece + blocks[n % 2] * (len(piece) == interval) for n, piece in enumerate(pieces))


def test_titles_that_nobody_asked_for_are_taken_out(server: AudioServer, files: dict[str, bytes]) -> None:
    sound = files["mp3"]
    lines = ("icy-metaint: 4096", "icy-name: Radio Moor", "Content-Type: audio/mpeg")
    body = with_titles(sound, 4096)
    server.resources["/radio"] = Resource(raw=answer(body, *lines, length=False))
    media = opened(server.url("/radio"))
    got = b""
    while len(got) < len(sound):
        got += media.read(10_000)
    assert got[: len(sound)] == sound
    assert (media.is_live, media.title, media.seekable()) == (True, "Radio Moor", False)
    media.close()
    # With a length it is a file, whatever its other headers.
    server.resources["/radio"] = Resource(body, headers={"icy-metaint": "4096", "icy-br": "128"})
    assert whole(server.url("/radio")) == sound
    found = look(server.url("/radio"))
    assert (found.title, found.is_live) == ("Moss", False)


@pytest.mark.parametrize(
    ("head", "live"),
    [
        ("HTTP/1.1 200 OK\r\nicy-br: 128\r\n", True),
        ("HTTP/1.0 200 OK\r\nice-audio-info: bitrate=128\r\n", True),
        ("HTTP/1.0 200 OK\r\nServer: Icecast 2.4.4\r\n", True),
        ("HTTP/1.1 200 OK\r\nicy-name: x\r\nContent-Length: 9223372036854775807\r\n", True),
        ("ICY 200 OK\r\n", True),
        ("HTTP/1.0 200 OK\r\n", False),
        ("HTTP/1.1 200 OK\r\nServer: Airsonic\r\nCache-Control: no-cache\r\n", False),
        ("HTTP/1.1 200 OK\r\nicy-name: x\r\nContent-Length: LENGTH\r\n", False),
    ],
)
def test_live_is_what_says_so(server: AudioServer, files: dict[str, bytes], head: str, live: bool) -> None:
    sound = files["mp3"]
    raw = head.replace("LENGTH", str(len(sound))).encode() + b"\r\n" + sound
    server.resources["/a"] = Resource(raw=raw)
    media = opened(server.url("/a"))
    assert media.is_live is live
    media.close()


@pytest.mark.parametrize("suffix", ["opus", "mp3", "flac", "wav"])
def test_a_chunked_file_is_a_file_with_tags(
    server: AudioServer, files: dict[str, bytes], suffix: str
) -> None:
    server.resources["/a"] = Resource(files[suffix], ranges=False, chunked=4096)
    found = look(server.url("/a"))
    assert (found.title, found.artist, found.is_live) == ("Moss", "Understorey", False)
