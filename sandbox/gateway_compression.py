"""Encodings of gateway payloads: text, or compressed in one of Discord's ways.

https://docs.discord.com/developers/events/gateway#encoding-and-compression
"""

import zlib
from collections.abc import Callable

import zstandard

type Pack = Callable[[str], str | bytes]

# Characters. Discord compresses "some" payloads for a client that asked for it in its IDENTIFY.
LONG_PAYLOAD = 1_024


def plain(text: str) -> str:
    return text


def long_payloads(text: str) -> str | bytes:
    """Payload compression: each long payload is a separate zlib stream."""
    return text if len(text) < LONG_PAYLOAD else zlib.compress(text.encode(), zlib.Z_BEST_SPEED)


def zlib_stream() -> Pack:
    """One stream over all payloads, flushed after each."""
    stream = zlib.compressobj(zlib.Z_BEST_SPEED)
    return lambda text: stream.compress(text.encode()) + stream.flush(zlib.Z_SYNC_FLUSH)


def zstd_stream() -> Pack:
    """One frame over all payloads, flushed after each and never ended."""
    stream = zstandard.ZstdCompressor(level=1).compressobj()
    return lambda text: stream.compress(text.encode()) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


TRANSPORTS: dict[str | None, Callable[[], Pack]] = {"zlib-stream": zlib_stream, "zstd-stream": zstd_stream}


def transport(name: str | None) -> Pack:
    """Return the encoding for the query parameter `compress`: text if it is missing or unknown."""
    return TRANSPORTS[name]() if name in TRANSPORTS else plain
