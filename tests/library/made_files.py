"""Audio files from FFmpeg's encoders and from plain bytes, with the tags, pictures and faults of real files."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Sequence
from typing import TypedDict

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

from library.sources.ogg import page_at
from tests.library.audio_files import FASTEST

# Options of encoders and muxers: a bit rate that varies, and an MP4 without one index for the whole file.
VARIABLE = {"global_quality": "472", "flags": "+qscale"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "1000000"}


class Pipe:
    """A file that cannot seek, so that the muxer does not write a length."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> int:
        self.written += bytes(data)
        return len(data)


def wave(hz: float, seconds: float, rate: int) -> NDArray[np.float32]:
    time = np.arange(round(seconds * rate)) / rate
    return (0.4 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


class Shape(TypedDict, total=False):
    """Arguments of `encode` that helpers pass on: all but the tone, its length and the bit rate."""

    rate: int
    layout: str
    tags: dict[str, str] | None
    options: dict[str, str] | None
    container: dict[str, str] | None
    piped: bool
    attachments: Sequence[tuple[str, bytes]]


class Encoding(Shape, total=False):
    bit_rate: int | None


def encode(
    muxer: str,
    codec: str,
    *,
    hz: float = 440.0,
    seconds: float = 1.2,
    samples: NDArray[np.float32] | None = None,
    rate: int = 48_000,
    layout: str = "stereo",
    tags: dict[str, str] | None = None,
    bit_rate: int | None = 128_000,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    piped: bool = False,
    attachments: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    """Encode a tone, or mono `samples`, in every channel. Serial numbers of Ogg streams are always the same."""
    target = Pipe() if piped else io.BytesIO()
    sound = wave(hz, seconds, rate) if samples is None else samples
    options = FASTEST.get(codec, {}) | (options or {})
    if codec == "vorbis":
        options |= {"strict": "experimental"}
    with av.open(target, "w", format=muxer, options={"fflags": "+bitexact"} | (container or {})) as output:
        assert isinstance(output, OutputContainer)
        output.metadata.update(tags or {})
        stream = output.add_stream(codec, rate=rate, layout=layout, options=options)
        assert isinstance(stream, AudioStream)
        if bit_rate is not None and not codec.startswith(("pcm", "flac", "alac", "tta", "wavpack", "adpcm")):
            stream.bit_rate = bit_rate
        for name, data in attachments:
            output.add_attachment(name, "image/png", data)
        channels = stream.codec_context.layout.nb_channels
        planes = np.ascontiguousarray(np.repeat(sound[None], channels, axis=0))
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return bytes(target.written) if isinstance(target, Pipe) else target.getvalue()


def mp3(
    *,
    hz: float = 440.0,
    seconds: float = 1.2,
    rate: int = 48_000,
    layout: str = "stereo",
    vbr: bool = False,
    header: bool = True,
) -> bytes:
    quality = VARIABLE if vbr else {}
    return encode(
        "mp3",
        "libmp3lame",
        options=quality,
        bit_rate=None if vbr else 128_000,
        container={"write_xing": str(int(header)), "id3v2_version": "0"},
        hz=hz,
        seconds=seconds,
        rate=rate,
        layout=layout,
    )


# Pictures


def png(red: int, green: int, blue: int) -> bytes:
    """Return an image of one pixel in that color."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(bytes([0, red, green, blue]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


FRONT, BACK, OTHER = png(255, 0, 0), png(0, 255, 0), png(0, 0, 255)
# Types of ID3's APIC, which FLAC and ASF share.
OTHER_TYPE, FRONT_TYPE, BACK_TYPE = 0, 3, 4


def flac_picture(kind: int, data: bytes) -> bytes:
    """Return the content of a FLAC PICTURE block (RFC 9639, section 8.8)."""
    mime = b"image/png"
    return (
        struct.pack(">II", kind, len(mime)) + mime + struct.pack(">IIIIII", 0, 1, 1, 24, 0, len(data)) + data
    )


def picture_tag(kind: int, data: bytes) -> str:
    """Return a METADATA_BLOCK_PICTURE comment."""
    return base64.b64encode(flac_picture(kind, data)).decode()


# ID3


def id3v1(title: bytes, artist: bytes = b"") -> bytes:
    return b"TAG" + title.ljust(30, b"\0") + artist.ljust(30, b"\0") + bytes(30 + 4 + 30) + b"\xff"


def id3v2(
    version: int,
    *,
    encoding: int = 3,
    title: str | bytes = "",
    artist: str | bytes = "",
    pictures: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    """Return an ID3 tag of version 2.2, 2.3 or 2.4. Texts given as bytes are written unchanged."""
    frames = [_text_frame(version, b"TIT2", encoding, title), _text_frame(version, b"TPE1", encoding, artist)]
    for kind, data in pictures:
        head = b"\0PNG" if version == 2 else b"\0image/png\0"
        frames.append(_frame(version, b"APIC", head + bytes([kind]) + b"\0" + data))
    body = b"".join(frames) + bytes(64)
    return b"ID3" + bytes([version, 0, 0]) + _syncsafe(len(body)) + body


def _text_frame(version: int, name: bytes, encoding: int, text: str | bytes) -> bytes:
    if not text:
        return b""
    codec = ("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding]
    return _frame(
        version, name, bytes([encoding]) + (text if isinstance(text, bytes) else text.encode(codec))
    )


def _frame(version: int, name: bytes, body: bytes) -> bytes:
    if version == 2:
        short = {b"TIT2": b"TT2", b"TPE1": b"TP1", b"APIC": b"PIC"}[name]
        return short + len(body).to_bytes(3, "big") + body
    size = _syncsafe(len(body)) if version == 4 else len(body).to_bytes(4, "big")
    return name + size + b"\0\0" + body


def _syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def apev2(items: dict[bytes, bytes]) -> bytes:
    """Return a tag without a header. Values that contain a NUL are binary."""
    body = b"".join(
        struct.pack("<II", len(value), 2 if b"\0" in value else 0) + key + b"\0" + value
        for key, value in items.items()
    )
    return body + b"APETAGEX" + struct.pack("<IIII", 2000, len(body) + 32, len(items), 0) + bytes(8)


# Other containers


def with_flac_blocks(flac: bytes, *blocks: tuple[int, bytes]) -> bytes:
    """Insert metadata blocks of those types after STREAMINFO."""
    start = 4 + 4 + 34
    added = b"".join(bytes([kind]) + len(body).to_bytes(3, "big") + body for kind, body in blocks)
    return flac[:start] + added + flac[start:]


def vorbis_comment(*comments: bytes) -> bytes:
    listed = b"".join(struct.pack("<I", len(comment)) + comment for comment in comments)
    return struct.pack("<I", 4) + b"made" + struct.pack("<I", len(comments)) + listed


def with_covers(mp4: bytes, *pictures: bytes) -> bytes:
    """Add these pictures in `covr` to an MP4 whose `moov` comes last."""

    def atom(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + kind + body

    covers = b"".join(atom(b"data", struct.pack(">II", 14, 0) + picture) for picture in pictures)
    handler = atom(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    added = atom(b"udta", atom(b"meta", bytes(4) + handler + atom(b"ilst", atom(b"covr", covers))))
    at = mp4.rindex(b"moov") - 4
    size = struct.unpack(">I", mp4[at : at + 4])[0]
    assert at + size == len(mp4)
    return mp4[:at] + struct.pack(">I", size + len(added)) + mp4[at + 4 :] + added


def with_index_first(mp4: bytes, *, moved: int = 0) -> bytes:
    """Move `moov` before `mdat`, as for web servers, and adjust its offsets, by `moved` more."""
    at = mp4.rindex(b"moov") - 4
    moov = bytearray(mp4[at:])
    table = moov.index(b"stco") + 8
    (count,) = struct.unpack_from(">I", moov, table)
    for entry in range(table + 4, table + 4 + 4 * count, 4):
        (offset,) = struct.unpack_from(">I", moov, entry)
        struct.pack_into(">I", moov, entry, offset + len(moov) + moved)
    start = mp4.index(b"ftyp") - 4
    behind = start + struct.unpack_from(">I", mp4, start)[0]
    return mp4[:behind] + bytes(moov) + mp4[behind:at]


def with_ogg_bytes(ogg: bytes, old: bytes, new: bytes) -> bytes:
    """Replace bytes of an Ogg stream with as many others, and update their pages' checksums."""
    assert len(old) == len(new)
    return with_checksums(bytearray(ogg.replace(old, new)))


def with_serial(ogg: bytes, serial: int) -> bytes:
    """Return the same stream with another serial number."""
    changed, at = bytearray(ogg), 0
    while (page := page_at(changed, at)) is not None:
        changed[at + 14 : at + 18] = serial.to_bytes(4, "little")
        at += page.size
    return with_checksums(changed)


def with_checksums(changed: bytearray) -> bytes:
    at = 0
    while (page := page_at(changed, at)) is not None:
        changed[at + 22 : at + 26] = bytes(4)
        changed[at + 22 : at + 26] = _ogg_checksum(changed[at : at + page.size]).to_bytes(4, "little")
        at += page.size
    return bytes(changed)


def _ogg_checksum(page: bytes | bytearray) -> int:
    """CRC-32 with polynomial 0x04c11db7, unreflected (RFC 3533, section 6): zlib's with reversed bits."""
    turned = bytes(page).translate(_TURNED)
    crc = zlib.crc32(turned, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_TURNED), "big")


_TURNED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def dsf(hz: float, seconds: float) -> bytes:
    """Return mono DSD at 2.8 MHz: a tone with first-order noise shaping, in blocks of 4096 bytes (Sony's DSF 1.01)."""
    rate = 2_822_400
    level = np.cumsum((wave(hz, seconds, rate).astype(np.float64) + 1) / 2)
    bits = np.diff(np.floor(level), prepend=0).astype(np.uint8)
    data = np.packbits(bits, bitorder="little").tobytes()
    blocks = data.ljust(-(-len(data) // 4096) * 4096, b"\x69")
    form = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 1, 1, rate, 1, len(bits), 4096, 0)
    body = struct.pack("<4sQ", b"data", 12 + len(blocks)) + blocks
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(form) + len(body), 0) + form + body
