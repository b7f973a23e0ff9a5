"""Read the playlist that a link leads to, and the playlists inside it.

Every connection is made by `addresses.connect`, also for redirects and for playlists inside playlists, so none leads
into a private network. The tracks themselves are not fetched here.
"""

from __future__ import annotations

import re
import ssl
import time
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx

from library.sources.addresses import parse_url
from library.sources.errors import SourceError
from library.sources.exchange import Exchange
from library.sources.links import SCHEME
from library.sources.playlists import MAX_BYTES, MAX_LINES, BadPlaylist, Line, has_list_name, read_file
from library.sources.requests import HEADERS
from library.sources.responses import refusal
from library.sources.types import Networks
from library.sources.wire import Nonsense

MAX_DEPTH = 3  # playlists inside playlists
MAX_FILES = 20
TOTAL_SECONDS = 25.0
READ_SECONDS = 10.0  # without a single byte
PIECE_BYTES = 64 * 1024
_LOCAL = re.compile(r"[a-z]:|.*\\", re.IGNORECASE)
_SENTENCES = {
    "EMPTY": "There are no tracks in this playlist.",
    "TOO_LARGE": "The playlist is too large (limit 2 MB).",
    "NOT_A_PLAYLIST": "The link leads to a text that is not a playlist.",
    "DAMAGED": "The playlist is damaged.",
    "HLS": "This is an HLS stream, which cannot be played.",
}


@dataclass(slots=True)
class RemoteList:
    """`lines` of all files in order, with absolute links. `unread`: playlists inside that were not read, each with the
    reason. `surplus`: how many tracks came after the first MAX_LINES."""

    lines: list[Line] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    surplus: int = 0


def read_remote_list(link: str, *, allow_private: Networks) -> RemoteList:
    """Blocking, for a worker thread, for TOTAL_SECONDS at most. Raises SourceError if the first file cannot be read."""
    reader = _Reader(allow_private)
    reader.read(parse_url(link), depth=0)
    if not reader.found.lines:
        detail = reader.found.unread[0][1] if reader.found.unread else _SENTENCES["EMPTY"]
        raise SourceError("PLAYLIST", detail, permanent=True)
    return reader.found


def fetch(
    url: httpx.URL, *, allow_private: Networks, seconds: float | None = None
) -> tuple[bytes, httpx.URL]:
    """Return a file of up to a little more than MAX_BYTES, and its address after all redirects.

    Blocking, for a worker thread, for `seconds` at most (default: TOTAL_SECONDS). Raises SourceError.
    """
    until = time.monotonic() + (TOTAL_SECONDS if seconds is None else seconds)
    exchange = Exchange(allow_private=allow_private, patience=READ_SECONDS, watch=lambda connection: None)
    try:
        response = exchange.follow(url, HEADERS, deadline=until)
        try:
            if response.status not in {200, 203}:
                raise refusal(response.status, response.headers)
            response.wire.deadline = until
            data = bytearray()
            while len(data) <= MAX_BYTES and (piece := response.read(PIECE_BYTES)):
                data.extend(piece)  # pieces may be tiny, and bytes would be copied for each
        finally:
            response.close()
    except TimeoutError as error:
        raise SourceError("TOO_SLOW", "The server did not answer in time.", permanent=False) from error
    except ssl.SSLCertVerificationError as error:
        detail = "The certificate of the server is not valid."
        raise SourceError("UNREACHABLE", detail, permanent=True) from error
    except (OSError, Nonsense, ValueError) as error:
        raise SourceError("UNREACHABLE", "The server sent an invalid answer.", permanent=False) from error
    return bytes(data), response.url


class _Reader:
    def __init__(self, allow_private: Networks) -> None:
        self.found = RemoteList()
        self._allow_private = allow_private
        self._until = time.monotonic() + TOTAL_SECONDS
        self._seen: set[str] = set()

    def read(self, url: httpx.URL, *, depth: int) -> None:
        """Add the lines of a file, and of the playlists in it. Raises SourceError."""
        self._seen.add(str(url))
        left = max(0.0, self._until - time.monotonic())
        data, base = fetch(url, allow_private=self._allow_private, seconds=left)
        try:
            file = read_file(data, base.path)
        except BadPlaylist as error:
            raise SourceError("PLAYLIST", _SENTENCES[error.problem], permanent=True) from error
        self.found.surplus += file.surplus
        for line in file.lines:
            line.location = _absolute(line.location, str(base))
            if len(self.found.lines) >= MAX_LINES:
                self.found.surplus += 1
            elif _is_list(line.location):
                self._read_inner(line.location, depth + 1)
            else:
                self.found.lines.append(line)

    def _read_inner(self, location: str, depth: int) -> None:
        """Read a playlist inside another. One that cannot be read is noted, and the others are read."""
        try:
            url = parse_url(location)
            if str(url) in self._seen:
                reason = "This playlist contains itself, or is named twice."
            elif depth > MAX_DEPTH:
                reason = "There are too many playlists inside each other."
            elif len(self._seen) >= MAX_FILES:
                reason = "This playlist names too many other playlists."
            elif time.monotonic() >= self._until:  # reading files takes time too, not only fetching them
                reason = "Reading the other playlists took too long."
            else:
                self.read(url, depth=depth)
                return
        except SourceError as error:
            reason = error.detail
        self.found.unread.append((location, reason))


def _absolute(location: str, base: str) -> str:
    """Return a location as a link, if it is relative to the file. Paths of somebody's computer stay as they are."""
    if SCHEME.match(location) or _LOCAL.match(location) or not location:
        return location
    try:
        return urljoin(base, location)
    except ValueError:
        return location


def _is_list(location: str) -> bool:
    return location.lower().startswith(("http://", "https://")) and has_list_name(
        location.partition("?")[0].partition("#")[0]
    )
