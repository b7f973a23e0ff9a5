"""Read the tags and the length of the most common files without FFmpeg.

FFmpeg decodes covers to open a file, and takes 20 to 100 ms for an MP3 or FLAC file with a large one. This is used only
if the length in the file's header is reliable. FFmpeg reads all other files (`probe`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tinytag import TinyTag, TinyTagException

from library.sources.errors import SourceError
from library.sources.length import ReadAt, flac_length_ms, read_mp3_header, reader_of
from library.sources.pictures import MAX_PICTURE_BYTES, picture_type
from library.sources.probe import Probe
from library.sources.tag_limits import MAX_TAGS, check_head, tag_size
from library.sources.tags import ARTISTS_APART, CUE_SHEET, Names, read_names

MAX_VALUES = 50  # of one tag
MAX_ID3_BYTES = 16_000_000
# tinytag's names of tags, by FFmpeg's, which `read_names` knows. Other names are the same or are in `other`.
_RENAMED = {"albumartist": "album_artist", "year": "date"}
_UNDECODABLE = "\ufffd"


def quick_probe(path: Path, *, tag_encoding: str = "") -> Probe | None:
    """Return what `probe` would return. None if this file is not of a common kind. Raises OSError."""
    suffix = path.suffix.lower()
    if suffix not in {".mp3", ".flac"}:
        return None
    with path.open("rb") as file:
        read_at, size = reader_of(file), os.fstat(file.fileno()).st_size
        length_ms = _length_ms(suffix, read_at, size)
        if not length_ms:
            return None
        try:
            _check_count(suffix, read_at)
            file.seek(0)
            tag = TinyTag.get(filename=str(path), file_obj=file, tags=True, duration=False, image=True)
        except (SourceError, TinyTagException, ValueError, LookupError, RecursionError, MemoryError):
            return None
        has_id3v1 = read_at(max(0, size - 128), 3) == b"TAG"
    names = _names(tag, is_id3=suffix == ".mp3", has_id3v1=has_id3v1, tag_encoding=tag_encoding)
    if names is None:
        return None
    picture = next((data for data in _pictures(tag) if picture_type(data)), None)
    return Probe(
        title=names.title, artist=names.artist, album=names.album, duration_ms=length_ms, artwork=picture,
        artwork_type=picture_type(picture), passthrough=False, details=names.details,
        cue_sheet="\n".join(map(str, tag.other.get(CUE_SHEET, [])[:1])),
    )  # fmt: skip


def _length_ms(suffix: str, read_at: ReadAt, size: int) -> int | None:
    """Return the length in the header. None if the file may be cut off, or joined with another one."""
    if suffix == ".flac":
        return flac_length_ms(read_at, size)
    header = read_mp3_header(read_at)
    return header.duration_ms if header is not None and header.fits(size) else None


def _check_count(suffix: str, read_at: ReadAt) -> None:
    """Raises SourceError for more than MAX_TAGS tags: tinytag compares each with all others of its name.

    `check_head` looks for frames in all bytes of an ID3 tag, which takes 30 ms for a large cover. tinytag finds only
    those that follow each other.
    """
    if suffix == ".flac":
        check_head(read_at)
        return
    at, end, count = 10, tag_size(read_at(0, 10)), 0
    is_old, is_syncsafe = read_at(3, 1) == b"\2", read_at(3, 1) == b"\4"
    while at < end:
        head = read_at(at, 10)
        size = int.from_bytes(head[3:6] if is_old else head[4:8])
        if is_syncsafe:
            size = size & 0x7F | (size >> 1 & 0x3F80) | (size >> 2 & 0x1FC000) | (size >> 3 & 0xFE00000)
        if not head[:1].isalnum():
            break
        at, count = at + (6 if is_old else 10) + size, count + 1
        if count > MAX_TAGS or end > MAX_ID3_BYTES:
            raise SourceError("UNREADABLE", "This file has too many tags.", permanent=True)


def _names(tag: TinyTag, *, is_id3: bool, has_id3v1: bool, tag_encoding: str) -> Names | None:
    """Return the names. None if the bytes of one of them were lost, which FFmpeg keeps: tinytag replaces those
    that are not UTF-8, and takes an ID3v1 tag for Latin-1."""
    tags: dict[str, str] = {}
    for name, values in tag.as_dict().items():
        if name == "filename" or not isinstance(values, list):
            continue
        found = [str(value) for value in values[:MAX_VALUES]]
        if any(_UNDECODABLE in value or (has_id3v1 and not value.isascii()) for value in found):
            return None
        tags.setdefault(_RENAMED.get(name, name), (ARTISTS_APART if name == "artist" else "; ").join(found))
    return read_names(tags, is_id3=is_id3, prefer=tag_encoding)


def _pictures(tag: TinyTag) -> Iterator[bytes]:
    """Yield the front cover, then the other pictures."""
    images = tag.images
    if images.front_cover is not None:
        yield images.front_cover.data
    for pictures in images.as_dict().values():
        for picture in pictures:
            if len(picture.data) <= MAX_PICTURE_BYTES:
                yield picture.data
