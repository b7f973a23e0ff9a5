"""Tracks read as plain rows, for reads of thousands of them."""

from __future__ import annotations

from typing import NamedTuple


class TrackRow(NamedTuple):
    """The fields of a track that its shape shows."""

    uri: str
    title: str | None
    artist: str | None
    album: str | None
    url: str | None
    duration_ms: int | None
    artwork: str
    source: str
    is_live: bool
