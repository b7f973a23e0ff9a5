"""Read the head of an HTTP response: an error, a station or a file, which part of it, and its title."""

from __future__ import annotations

import email.utils
import http.client
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePosixPath
from urllib.parse import unquote_to_bytes

import httpx

from library.sources.bodies import content_length
from library.sources.errors import SourceError
from library.sources.joined import MOV_BOXES
from library.sources.playlists import BEGINNING_BYTES, is_text, looks_like_list
from library.sources.tags import clean
from library.sources.text import decode, repair

_PLAYLIST_TYPES = ("mpegurl", "x-scpls", "pls+xml", "xspf", "dash+xml", "ms-asf", "x-ms-wax")
# Some stations send a huge length, which nobody will ever reach.
ENDLESS_BYTES = 2**31 - 1
_RANGE = re.compile(r"bytes[\s=]+(\d{1,18})\s*-\s*(?:(\d{1,18})\s*)?/\s*(\d{1,18}|\*)", re.IGNORECASE)
_NO_RANGE = re.compile(r"bytes\s*\*\s*/\s*(\d{1,18})", re.IGNORECASE)


def refusal(status: int, headers: http.client.HTTPMessage) -> SourceError:
    sentence = f"The station answered {status}."
    if status == 206:
        detail = "The server sent another part of the file than the requested one."
        return SourceError("UNREADABLE", detail, permanent=True)
    if status in {404, 410}:
        return SourceError("NOT_FOUND", sentence, permanent=True)
    if status == 416:
        return SourceError("UNDECODABLE", "The file behind the link is empty.", permanent=True)
    if status == 429 or status >= 500:
        wait = retry_after(headers)
        if wait:
            sentence = f"The station answered {status}. Try again in {_duration(wait)}."
        return SourceError("UNREACHABLE", sentence, permanent=False)
    return SourceError("UNREADABLE", sentence, permanent=True)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{max(1, round(seconds))} seconds"
    return f"{minutes} minutes" if minutes < 120 else f"{round(minutes / 60)} hours"


def retry_after(headers: http.client.HTTPMessage) -> float | None:
    """Return the seconds of `Retry-After`, which is a number or a date (RFC 9110, section 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal() and len(value) < 9:
        return float(value)
    with suppress(ValueError, TypeError, OverflowError):
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return None


def refuse_other_content(
    headers: http.client.HTTPMessage, peek: Callable[[int], bytes], *, path: str
) -> None:
    """Raises SourceError for a page or a playlist. `peek(count)` returns the beginning of the body: scripts that send
    audio often label it as a page, and many servers send playlists as plain text. `path` is that of the link."""
    kind = headers.get_content_type() if "Content-Type" in headers else ""
    if kind in {"text/html", "application/xhtml+xml"} and _is_markup(peek(64)):
        raise SourceError("UNDECODABLE", "The link leads to a web page, not to audio.", permanent=True)
    is_list = any(name in kind for name in _PLAYLIST_TYPES)
    # A server may send little at first, so only text is waited for.
    if is_list or (is_text(peek(64)) and looks_like_list(peek(BEGINNING_BYTES), path)):
        raise SourceError("PLAYLIST", "The link leads to a playlist, not to audio.", permanent=True)


def _is_markup(beginning: bytes) -> bool:
    return beginning.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in b"<"


def is_station(headers: http.client.HTTPMessage) -> bool:
    """Return whether the headers are those of a station, an endless stream. A missing length alone does not mean that:
    many servers send finite files without one, for example transcoders."""
    length = content_length(headers)
    if (length is not None and length < ENDLESS_BYTES) or "Content-Range" in headers:
        return False
    server = headers.get("Server", "").lower()
    return server.startswith(("icecast", "shoutcast")) or any(
        name.lower().startswith(("icy-", "ice-")) for name in headers
    )


def content_range(headers: http.client.HTTPMessage) -> tuple[int | None, int | None]:
    """Return the first byte and the full length of `Content-Range: bytes 0-9/100` (RFC 9110, section 14.4). Returns
    (None, None) if they are absent or contradictory, or if the body has several parts or another length."""
    found = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None or is_multipart(headers):
        return None, None
    start, length = int(found[1]), None if found[3] == "*" else int(found[3])
    if found[2]:
        end = int(found[2]) + 1
        sent = content_length(headers)
        if (
            end <= start
            or (length is not None and end > length)
            or (sent is not None and sent != end - start)
        ):
            return None, None
    return start, length


def is_multipart(headers: http.client.HTTPMessage) -> bool:
    return headers.get_content_type() == "multipart/byteranges"


def true_length(headers: http.client.HTTPMessage) -> int | None:
    """Return the full length in the refusal of a range, `Content-Range: bytes */100`."""
    found = _NO_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    return int(found[1]) if found else None


def needs_seeking(beginning: bytes) -> bool:
    """Return whether a file can only be played by seeking in it: an MP4 whose index (`moov`) does not come before its
    sound, or a Core Audio file, whose packet table comes after it."""
    if beginning.startswith(b"caff"):
        return True
    at = 0
    while (kind := beginning[at + 4 : at + 8]) in MOV_BOXES:
        size = int.from_bytes(beginning[at : at + 4])
        if kind in {b"moov", b"mdat"} or size < 8:
            return kind != b"moov"
        at += size
    return at > 0  # the index is beyond a large box


def icy_title(headers: http.client.HTTPMessage) -> str | None:
    return clean(_text(headers.get("icy-name", "")))


def header_title(headers: http.client.HTTPMessage) -> str | None:
    """Return a title from the file name in `Content-Disposition`."""
    with suppress(ValueError, LookupError):  # the standard library's parser fails on invalid parameters
        return file_title(_text(headers.get_filename() or ""))
    return None


def _text(value: str) -> str:
    """Return a header's value in its probable encoding. Headers are read as Latin-1."""
    (text,) = repair([value], latin=True)
    return text


def file_title(name: str | None) -> str | None:
    if not name:
        return None
    path = PurePosixPath(name.replace("\\", "/"))
    return clean((path.stem if 2 <= len(path.suffix) <= 5 else path.name).replace("_", " "))


def path_title(url: httpx.URL) -> str:
    path = decode(unquote_to_bytes(url.raw_path.partition(b"?")[0]))
    return file_title(path.rstrip("/")) or clean(url.host) or "Untitled"
