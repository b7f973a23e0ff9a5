"""Cover pictures: what they are by their bytes, and those that lie beside the files of a folder."""

from __future__ import annotations

import re
from pathlib import Path

MAX_PICTURE_BYTES = 10_000_000
# Browsers and Discord decode pictures whole. Four bytes for each of these pixels are 200 MB.
MAX_PIXELS = 50_000_000
_TYPES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
)
_BESIDE = re.compile(r"(cover|folder|front|album)\.(?:jpe?g|png|webp)", re.IGNORECASE)
_RANKS = ("cover", "folder", "front", "album")
# Start of frame: the markers C0 to CF without the tables C4, C8 and CC (ITU T.81, table B.1).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def picture_type(picture: bytes | None) -> str | None:
    """Return the media type by the first bytes, not by what the file claims. None if unknown or too large."""
    if picture is None or len(picture) > MAX_PICTURE_BYTES or _pixels(picture) > MAX_PIXELS:
        return None
    if picture.startswith(b"RIFF") and picture[8:12] == b"WEBP":
        return "image/webp"
    return next((name for magic, name in _TYPES if picture.startswith(magic)), None)


def _pixels(picture: bytes) -> int:
    """Return width times height by the picture's header, 0 if it has none that is understood."""
    if picture.startswith(b"\x89PNG"):
        return int.from_bytes(picture[16:20]) * int.from_bytes(picture[20:24])
    if picture.startswith(b"GIF8"):
        return int.from_bytes(picture[6:8], "little") * int.from_bytes(picture[8:10], "little")
    if picture[8:12] == b"WEBP":
        return _webp_pixels(picture)
    return _jpeg_pixels(picture) if picture.startswith(b"\xff\xd8") else 0


def _webp_pixels(picture: bytes) -> int:
    """Read the first chunk (RFC 9649, sections 2.5 to 2.7)."""
    kind, body = picture[12:16], picture[20:30]
    if kind == b"VP8X":
        return (int.from_bytes(body[4:7], "little") + 1) * (int.from_bytes(body[7:10], "little") + 1)
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    return (int.from_bytes(body[6:8], "little") & 0x3FFF) * (int.from_bytes(body[8:10], "little") & 0x3FFF)


def _jpeg_pixels(picture: bytes) -> int:
    at = 2
    while at + 9 <= len(picture) and picture[at] == 0xFF:
        marker = picture[at + 1]
        if marker in _JPEG_FRAMES:
            return int.from_bytes(picture[at + 5 : at + 7]) * int.from_bytes(picture[at + 7 : at + 9])
        at += 1 if marker == 0xFF else 2 + int.from_bytes(picture[at + 2 : at + 4])
    return 0


def picture_beside(folder: Path) -> tuple[bytes, str] | None:
    """Return a folder's cover and its media type: the first of cover, folder, front and album that can be read."""
    try:
        found = [path for path in folder.iterdir() if _BESIDE.fullmatch(path.name)]
    except OSError:
        return None
    for path in sorted(found, key=lambda path: (_RANKS.index(path.stem.lower()), path.name)):
        picture = _read(path)
        if picture and (kind := picture_type(picture)):
            return picture, kind
    return None


def _read(path: Path) -> bytes | None:
    """Return a picture, None if it is too large or cannot be read. Links are not followed out of the library."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_PICTURE_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None
