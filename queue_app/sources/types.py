"""What a source tells about a track, and what it hands over to be played."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Protocol, runtime_checkable

type Networks = Sequence[IPv4Network | IPv6Network]


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """A track as far as its source knows it; `uri` is what `resolve` and `open_media` take.

    `duration_ms` is None for live streams and where the container does not say. `artwork` is the embedded
    picture as found, `artwork_type` its media type (`image/jpeg`, `image/png`, ...). `source` is `library` or
    `http`, `url` the public address of an http track.
    """

    uri: str
    title: str
    artist: str | None
    album: str | None
    url: str | None
    duration_ms: int | None
    artwork: bytes | None
    artwork_type: str | None
    source: str
    is_live: bool


@runtime_checkable
class MediaFile(Protocol):
    """A binary file-like for PyAV; `close` may be called from any thread and ends a blocked read."""

    def read(self, size: int = -1, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...
    def readable(self) -> bool: ...
    def seekable(self) -> bool: ...
    def close(self) -> None: ...


type Media = Path | MediaFile


class Deadline:
    """Closes `media` when a block takes longer than `seconds`; `passed` tells that it happened.

    A socket's time-out starts anew with each byte, so a server that trickles needs a bound from outside.
    """

    def __init__(self, media: MediaFile, seconds: float) -> None:
        self._media = media
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self.passed = False

    def _expire(self) -> None:
        self.passed = True
        self._media.close()

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
