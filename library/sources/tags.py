"""Names and numbers in a file's tags, cleaned and in their right encoding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from library.sources.text import repair
from library.sources.types import Details

MAX_TAG_LENGTH = 300
MAX_GENRE = 100
_READ_OF_TAG = 4000  # characters, many of which may be invisible
MAX_DISC, MAX_NUMBER, MAX_YEAR = 999, 9999, 9999
# ID3 has no 8-bit encoding other than Latin-1, so texts in other encodings are labeled as Latin-1.
ID3_FORMATS = {"mp3", "aac", "aiff", "wav", "tta", "dsf"}
# Unicode general categories: control, format, surrogate, private, unassigned, line and paragraph separators.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Format characters that matter: Persian and Indic words are spelled with these two, and emoji of families and flags
# need the second and the tags (Unicode Technical Standard 51).
_JOINERS = "\u200c\u200d"
_TAGS = frozenset(map(chr, range(0xE0020, 0xE0080)))
# Format characters to remove, because a space would break the word: soft hyphen, word joiner, byte order mark.
_DROPPED = "\u00ad\u2060\ufeff"
ARTISTS_APART = "\n"  # between the artists of one tag, if the file lists them separately
# The names of tags in FFmpeg, by what they are used for here. The first that a file has is used.
_NAMES = {
    "title": ("title",),
    "artist": ("artist", "album_artist", "albumartist", "author"),
    "album": ("album",),
    "album_artist": ("album_artist", "albumartist", "album artist"),
    "genre": ("genre",),
    "artist_sort": ("artist-sort", "artistsort", "sort_artist", "tsop"),
    "album_artist_sort": ("album_artist-sort", "albumartistsort", "sort_album_artist", "tso2"),
    "album_sort": ("album-sort", "albumsort", "sort_album", "tsoa"),
}
_DISC, _NUMBER = ("disc", "discnumber", "disk"), ("track", "tracknumber")
_YEAR = ("originaldate", "originalyear", "tory", "tdor", "date", "year", "tdrc", "tyer")
CUE_SHEET = "cuesheet"
_COMPILATION = ("compilation", "tcmp", "cpil", "itunescompilation")


@dataclass(frozen=True, slots=True)
class Names:
    title: str | None
    artist: str | None
    album: str | None
    details: Details


def read_names(tags: Mapping[str, str], *, is_id3: bool, prefer: str) -> Names:
    """Read the tags of a file, by lower-case name. `prefer`: the encoding of texts in doubt (see `repair`)."""
    raw = {use: value[:_READ_OF_TAG] for use, names in _NAMES.items() if (value := _first(tags, names))}
    texts = repair(list(raw.values()), latin=is_id3, prefer=prefer)
    read = dict(zip(raw, texts, strict=True))
    found = {use: clean(text) for use, text in read.items()}
    get = found.get
    artists = [name for part in read.get("artist", "").split(ARTISTS_APART) if (name := clean(part))]
    return Names(
        title=get("title"),
        artist=clean(", ".join(artists)),
        album=get("album"),
        details=Details(
            main_artist=artists[0] if len(artists) > 1 else None,
            album_artist=get("album_artist"),
            disc=first_number(_first(tags, _DISC), most=MAX_DISC),
            number=first_number(_first(tags, _NUMBER), most=MAX_NUMBER),
            year=first_number(_first(tags, _YEAR), most=MAX_YEAR),
            genre=(get("genre") or "")[:MAX_GENRE] or None,
            is_compilation=(_first(tags, _COMPILATION) or "").strip().lower() in {"1", "true", "yes"},
            artist_sort=get("artist_sort"),
            album_artist_sort=get("album_artist_sort"),
            album_sort=get("album_sort"),
        ),
    )


def _first(tags: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := tags.get(name))), None)


def first_number(text: str | None, *, most: int) -> int | None:
    """Return the number at the beginning of a tag such as "3/12" or "1999-05-01", if it is from 1 to `most`."""
    match = re.match(r"\s*(\d{1,4})(?!\d)", text or "", re.ASCII)
    return int(match[1]) if match and 1 <= int(match[1]) <= most else None


def clean(text: str | None) -> str | None:
    """Return one line without control, bidirectional and other invisible characters, None if nothing is left.

    Joiners of letters and emoji stay. Tags come from strangers and end up in pages, logs and Discord messages.
    """
    if text is None:
        return None
    kept = "".join(map(_seen, text))
    return " ".join(kept.split())[:MAX_TAG_LENGTH].strip(" " + _JOINERS) or None


def _seen(char: str) -> str:
    if char in _DROPPED:
        return ""
    if char in _JOINERS or char in _TAGS or unicodedata.category(char) not in _UNSEEN:
        return char
    return " "
