"""Which album and artist a track belongs to, by its tags, its folder and its file name. Pure functions."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NamedTuple

from library.words import search_key

VARIOUS_ARTISTS = "Various Artists"
_VARIOUS = {"various artists", "various", "va", "verschiedene", "verschiedene interpreten", "сборник"}
_DISC_FOLDER = re.compile(r"(?:cd|dis[ck])[\s._-]*(\d{1,3})\b.*", re.IGNORECASE)
_DISC_IN_TITLE = re.compile(
    r"\b(?:cd|dis[ck])[\s.#]{0,3}(\d{1,3})(?:\s{0,3}/\s{0,3}\d{1,3})?[)\]]?$", re.IGNORECASE
)
_FEATURED = re.compile(r"\b(?:feat(?:uring)?|ft)\b\.?\s", re.IGNORECASE)
_BETWEEN = " \t\n,:–-(["  # between a title or a name and what follows it
_ARTICLE = re.compile(r"(?:the|a|an|der|die|das|les?|la|los|el)\s+(?=\S)", re.IGNORECASE)


def uid_of(*parts: str) -> str:
    """Return an id of 16 characters that depends on the parts only."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()


def artist_uid(source: str, name: str) -> str:
    return uid_of("artist", source, search_key(name) or name)


def sort_key(name: str, sort_name: str | None = None) -> str:
    """Return the text to sort a name by: the sort name of the tags, else the name without its article."""
    return search_key(sort_name or _ARTICLE.sub("", name, count=1) or name)


def main_artist(name: str) -> str:
    """Return the artist of a credit without those who are featured."""
    found = _FEATURED.search(name)
    return (name[: found.start()].rstrip(_BETWEEN).strip() if found else name.strip()) or name


def is_various(name: str) -> bool:
    return search_key(name) in _VARIOUS


class AlbumIdentity(NamedTuple):
    """`artist` is None if no file names an album artist. Then `folder` is part of the identity ("." at the top)."""

    title: str
    artist: str | None
    folder: str

    def uid(self, source: str) -> str:
        title = search_key(self.title) or self.title
        if self.artist is None:
            return uid_of("album", source, title, "folder", self.folder)
        return uid_of("album", source, title, "artist", search_key(self.artist) or self.artist)


def identify_album(
    *, title: str | None, artist: str | None, is_compilation: bool, folder: str
) -> tuple[AlbumIdentity | None, int | None]:
    """Return the album, and the disc that the title or the folder names. Untagged tracks at the top have no album.

    `folder` is the file's folder below the library, separated by slashes.
    """
    above, disc = split_disc_folder(folder)
    name = above.rpartition("/")[2]
    if title:
        title, titled = split_disc(title)
        disc = titled or disc
    elif name:
        title = name
    else:
        return None, None
    if is_compilation and (not artist or is_various(artist)):
        artist = VARIOUS_ARTISTS
    if artist and is_various(artist):
        artist = VARIOUS_ARTISTS
    return AlbumIdentity(title, artist or None, "" if artist else above or "."), disc


def split_disc_folder(folder: str) -> tuple[str, int | None]:
    """Return the folder above a "CD1" or "Disc 2", and the number. Other folders are returned unchanged."""
    above, _, name = folder.rpartition("/")
    match = _DISC_FOLDER.fullmatch(name)
    return (above, int(match[1])) if match and above else (folder, None)


def split_disc(title: str) -> tuple[str, int | None]:
    """Return "Album" and 2 for "Album (Disc 2)"."""
    match = _DISC_IN_TITLE.search(title.rstrip())
    before = title[: match.start()].rstrip(_BETWEEN) if match else ""
    return (before, int(match[1])) if match and before else (title, None)
