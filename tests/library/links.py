"""Helpers for tests of links: look at one, read all of it, and write a server's response."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from library.sources import Networks, SourceError, SourceOptions, TrackInfo, source_of
from library.sources.addresses import parse_url
from library.sources.http_media import HttpMedia

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]

PART = "206 Partial Content"

type Script = Callable[[dict[str, str]], bytes]


def look(url: str, *, folder: Path = Path("/nowhere"), allow_private: Networks = LOOPBACK) -> TrackInfo:
    return source_of(url)(SourceOptions(folder, allow_private)).resolve(url)


def refusal(url: str, *, folder: Path = Path("/nowhere"), allow_private: Networks = LOOPBACK) -> SourceError:
    with pytest.raises(SourceError) as caught:
        look(url, folder=folder, allow_private=allow_private)
    assert caught.value.detail.endswith(".")
    assert "127.0.0.1" not in caught.value.detail
    return caught.value


def opened(url: str) -> HttpMedia:
    return HttpMedia(parse_url(url), allow_private=LOOPBACK)


def read_all(media: HttpMedia) -> bytes:
    return b"".join(iter(lambda: media.read(10_000), b""))


def whole(url: str) -> bytes:
    media = opened(url)
    try:
        return read_all(media)
    finally:
        media.close()


def answer(body: bytes = b"", *lines: str, status: str = "200 OK", length: bool = True) -> bytes:
    """Return a response from text lines and a body."""
    head = [f"HTTP/1.1 {status}", *lines, *([f"Content-Length: {len(body)}"] if length else [])]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def start_of(headers: dict[str, str]) -> int:
    """Return the first byte that a request asks for, which is 0 without a range."""
    return int(headers.get("Range", "0").removeprefix("bytes=").rstrip("-"))
