"""Writes Ogg/Opus (RFC 3533, RFC 7845) from Opus packets, and reads the length of a packet (RFC 6716)."""

import struct
import zlib
from collections.abc import Iterable

SAMPLE_RATE = 48000
SILENCE = b"\xf8\xff\xfe"  # 20 ms of silence, as Discord's own clients send it
PRE_SKIP = 3840  # 80 ms, as RFC 7845 section 4.2 recommends for a stream cut from another one
MAX_PACKET_BYTES = 1275 * 48 + 100  # no Opus packet is longer (RFC 6716 section 3.2), and it fits in a page
MAX_SEGMENTS = 255
FIRST_PAGE, LAST_PAGE = 2, 4

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def packet_samples(packet: bytes) -> int:
    """Return the length of an Opus packet in samples at 48 kHz, from its first bytes (RFC 6716 section 3.1).

    Raises: ValueError for a packet that is empty, too large, or longer than 120 ms, Opus's maximum.
    """
    if not 0 < len(packet) <= MAX_PACKET_BYTES:
        raise ValueError("no Opus packet has this size")
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]  # SILK
    elif config < 16:
        frame = (480, 960)[config & 1]  # hybrid
    else:
        frame = (120, 240, 480, 960)[config & 3]  # CELT
    if code == 3 and len(packet) < 2:
        raise ValueError("Opus packet without its frame count")
    frames = (1, 2, 2, packet[1] & 0x3F if code == 3 else 0)[code]
    if not 0 < frames * frame <= 5760:
        raise ValueError("Opus packet longer than 120 ms")
    return frames * frame


def pad(packet: bytes, size: int) -> bytes:
    """Return the same audio in a packet of `size` bytes, with padding that decoders skip (RFC 6716 section 3.2.5).

    A packet with more than one frame, or of at least that size, is returned unchanged.
    """
    extra = size - len(packet) - 1
    if not packet or packet[0] & 3 != 0 or extra < 1:
        return packet
    counters = (extra - 1) // 255 + 1
    last = extra - counters - 254 * (counters - 1)
    head = bytes([packet[0] | 3, 0x40 | 1]) + b"\xff" * (counters - 1) + bytes([last])
    return head + packet[1:] + bytes(extra - counters)


class OggOpus:
    """One logical Ogg stream, written page by page. Granule positions start at 0."""

    def __init__(self, *, serial: int) -> None:
        self._serial = serial
        self._page = 0
        self.samples = 0

    def headers(self, *, padding: int = 0) -> bytes:
        """Return the identification and comment headers that begin a stream. `padding` bytes enlarge the latter."""
        head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 2, PRE_SKIP, SAMPLE_RATE, 0, 0)
        vendor = b"sandbox"
        tags = struct.pack("<8sI", b"OpusTags", len(vendor)) + vendor + struct.pack("<I", 0)
        return self._write_page([head], flags=FIRST_PAGE) + self._write_page([tags + bytes(padding)])

    def write(self, packets: Iterable[bytes], *, last: bool = False) -> bytes:
        """Return the packets in as few pages as possible. `last` marks the end of the stream."""
        pages: list[bytes] = []
        waiting: list[bytes] = []
        segments = 0
        for packet in packets:
            needed = len(packet) // 255 + 1
            if segments + needed > MAX_SEGMENTS:
                pages.append(self._write_page(waiting))
                waiting, segments = [], 0
            waiting.append(packet)
            segments += needed
            self.samples += packet_samples(packet)
        if waiting or last:
            pages.append(self._write_page(waiting, flags=LAST_PAGE if last else 0))
        return b"".join(pages)

    def _write_page(self, packets: list[bytes], *, flags: int = 0) -> bytes:
        lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
        fields = (b"OggS", 0, flags, self.samples, self._serial, self._page)
        body = bytes([len(lacing)]) + lacing + b"".join(packets)
        self._page += 1
        unchecked = struct.pack("<4sBBqIII", *fields, 0) + body
        return struct.pack("<4sBBqIII", *fields, _crc(unchecked)) + body


def _crc(data: bytes) -> int:
    """Return Ogg's CRC-32: zlib's polynomial, most significant bit first, initial value 0, not inverted.

    zlib's CRC over bit-reversed bytes, with the result bit-reversed, is the same at the speed of C.
    """
    mirrored = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
