"""The length of a track, if the file itself has it.

FFmpeg always reports a length. If the file has none, it divides the size by the bit rate of the first packets without
saying so. For an MP3 with variable bit rate and no header, the result may be half or twice the true length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from library.sources.container import AudioContainer
from library.sources.tag_limits import tag_size

# Demuxers of formats whose headers have a count of samples or packets.
_HEADER_COUNTS = {"caf", "flac", "ogg", "tta", "ape", "wv", "mpc", "mpc8", "dsf", "tak", "aiff"}
# If all samples of a codec have the same size, the file's size is as good as a count.
_SIZE_COUNTS = {"wav", "w64", "au", "voc"}
# An MP3's header also has a count of bytes. If it is off by more than this, the file was cut off or joined to another.
_SLACK_BYTES = 4096
_SEARCHED_BYTES = 8192
MAX_TAGS = 16  # consecutive tags
_FLAC_FRAME_HEAD = 32  # a generous bound for a frame's header and checksums

type ReadAt = Callable[[int, int], bytes]


def reader_of(file: BinaryIO) -> ReadAt:
    """Return a function that reads `(offset, count)` of an open file."""

    def read_at(offset: int, count: int) -> bytes:
        file.seek(offset)
        return file.read(count)

    return read_at


def known_length_ms(container: AudioContainer, *, read_at: ReadAt, size: int | None) -> int | None:
    """Return the length of the audio in milliseconds. None if FFmpeg only guesses, or if another file was joined to it.

    `read_at(offset, count)` returns bytes of the file, or fewer if they are not available. `size` is None if unknown.
    """
    name, stream = container.input.format.name, container.stream
    if container.window is not None and container.window.is_followed:
        return None
    if name == "mp3":
        header = read_mp3_header(read_at)
        return header.duration_ms if header is not None and header.fits(size) else None
    if name == "flac":
        known = container.window is None or _is_all_flac(read_at, size)
    elif name.startswith("mov"):
        # A fragmented file has no frames in its header, and FFmpeg counts only the fragments read so far.
        known = container.window is None or (stream.frames > 0 and _is_all_mov(read_at, size))
    elif name.startswith("matroska"):
        # The file has one duration for all its streams, and a video may be longer than its audio. If the stream has
        # a duration, FFmpeg guessed.
        known = stream.duration is None and not container.has_video and _is_all(matroska_end(read_at), size)
    else:
        samples_count = stream.codec_context.name.startswith(("pcm_", "adpcm_"))
        known = name in _HEADER_COUNTS or (name in _SIZE_COUNTS and samples_count)
    return container.duration_ms if known else None


def _is_all(end: int | None, size: int | None) -> bool:
    """Return whether a file of that size ends at about `end`, so that no other file was joined to it."""
    return end is not None and size is not None and end >= size - _SLACK_BYTES


def matroska_end(read_at: ReadAt) -> int | None:
    """Return where the segment of a Matroska file ends (RFC 9559, section 4.5), None if its size is unknown."""
    at = 0
    for name in (b"\x1aE\xdf\xa3", b"\x18S\x80g"):
        head = read_at(at, 12)
        width = 9 - head[4].bit_length() if len(head) == 12 and head.startswith(name) else 9
        if width > 8:
            return None
        length = int.from_bytes(head[4 : 4 + width]) & ((1 << 7 * width) - 1)
        if length == (1 << 7 * width) - 1:
            return None
        at += 4 + width + length
    return at


def _is_all_mov(read_at: ReadAt, size: int | None) -> bool:
    """Return whether the boxes of an MP4 file (ISO 14496-12, section 4.2) reach its end. Also True if the index is
    beyond the available bytes: FFmpeg has then read the boxes up to it."""
    at, has_index = 0, False
    while len(head := read_at(at, 16)) == 16:
        length = int.from_bytes(head[:4])
        length = int.from_bytes(head[8:]) if length == 1 else length
        if length < 8 or (at and head[4:8] == b"ftyp"):
            break
        has_index = has_index or head[4:8] == b"moov"
        at += length
    return not has_index or _is_all(at, size)


def _is_all_flac(read_at: ReadAt, size: int | None) -> bool:
    """Return whether a file of that size may consist only of the FLAC stream that STREAMINFO describes (RFC 9639,
    section 8.2). STREAMINFO has the largest frame size, or else frames are no larger than their raw samples."""
    start = id3_size(read_at)
    head = read_at(start, 26)
    if size is None or len(head) < 26:
        return False
    at = start + 4
    while len(block := read_at(at, 4)) == 4:
        at += 4 + int.from_bytes(block[1:])
        if block[0] & 0x80:
            break
    smallest_block, largest_frame = int.from_bytes(head[8:10]), int.from_bytes(head[15:18])
    numbers = int.from_bytes(head[18:26])  # rate, channels, bits, samples
    samples, sample_bits = numbers & ((1 << 36) - 1), (numbers >> 36 & 31) + 1
    if not samples or not smallest_block:
        return False
    frames = -(-samples // smallest_block)
    raw = (samples * ((numbers >> 41 & 7) + 1) * sample_bits) // 8 + frames * _FLAC_FRAME_HEAD
    return size <= at + min(raw, frames * largest_frame or raw) + _SLACK_BYTES


def flac_length_ms(read_at: ReadAt, size: int) -> int | None:
    """Return the length of a FLAC file by its STREAMINFO. None without one, or if another file may be joined to it."""
    start = id3_size(read_at)
    head = read_at(start, 26)
    if not head.startswith(b"fLaC") or not _is_all_flac(read_at, size):
        return None
    numbers = int.from_bytes(head[18:26])
    rate, samples = numbers >> 44, numbers & ((1 << 36) - 1)
    return round(samples * 1000 / rate) if rate else None


@dataclass(frozen=True, slots=True)
class Mp3Header:
    """The Xing, Info or VBRI header in the first frame. `offset` is where that frame begins in the file."""

    offset: int
    samples: int
    sample_rate: int
    byte_count: int | None

    @property
    def duration_ms(self) -> int:
        return round(self.samples * 1000 / self.sample_rate)

    def fits(self, size: int | None) -> bool:
        """Return whether a file of that size has about as many bytes as the header counted."""
        if size is None or self.byte_count is None:
            return False
        return abs(size - self.offset - self.byte_count) <= _SLACK_BYTES


def id3_size(read_at: ReadAt) -> int:
    """Return how many bytes the ID3v2 tags at the beginning of a file take."""
    offset = 0
    for _ in range(MAX_TAGS):
        size = tag_size(read_at(offset, 10))
        if not size:
            break
        offset += size
    return offset


def read_mp3_header(read_at: ReadAt) -> Mp3Header | None:
    """Return the header of an MP3 file. None if it has none, or if its bytes are not available."""
    offset = id3_size(read_at)
    data = read_at(offset, _SEARCHED_BYTES)
    at = data.find(b"\xff")
    while 0 <= at < len(data) - 200:
        header = _header_in_frame(data, at, offset + at)
        if header is not None:
            return header
        at = data.find(b"\xff", at + 1)
    return None


def _header_in_frame(data: bytes, at: int, offset: int) -> Mp3Header | None:
    """See http://gabriel.mp3-tech.org/mp3infotag.html. Fraunhofer's VBRI header is 36 bytes into the frame."""
    if data[at + 1] & 0xE6 != 0xE2:  # eleven bits of sync, and layer III
        return None
    version, rate = data[at + 1] >> 3 & 3, data[at + 2] >> 2 & 3
    if version == 1 or rate == 3:
        return None
    mono = data[at + 3] >> 6 == 3
    sample_rate = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    frame_samples = 1152 if version == 3 else 576
    if data.startswith(b"VBRI", at + 36):
        byte_count, frames = _number(data, at + 46), _number(data, at + 50)
        return Mp3Header(offset, frames * frame_samples, sample_rate, byte_count)
    at += 4 + ((17 if mono else 32) if version == 3 else (9 if mono else 17))
    if not data.startswith((b"Xing", b"Info"), at):
        return None
    flags = _number(data, at + 4)
    if not flags & 1 or not _number(data, at + 8):
        return None
    samples = _number(data, at + 8) * frame_samples
    byte_count = _number(data, at + 12) if flags & 2 else 0
    encoder = at + 120
    if flags & 15 == 15 and data[encoder : encoder + 4] in {b"LAME", b"Lavf", b"Lavc"}:
        gaps = int.from_bytes(data[encoder + 21 : encoder + 24], "big")
        samples = max(0, samples - (gaps >> 12) - (gaps & 0xFFF))  # the encoder's delay and padding
    return Mp3Header(offset, samples, sample_rate, byte_count or None)


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
