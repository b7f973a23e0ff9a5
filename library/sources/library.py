"""The folder of audio files: its files and their ids."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from django.utils.translation import gettext_noop

from library.sources.cue_files import CUE_SUFFIX, Cue, cue_inside, cues_beside, divide
from library.sources.errors import SourceError
from library.sources.file_names import read_name
from library.sources.probe import probe
from library.sources.quick import quick_probe
from library.sources.source import Source
from library.sources.tags import clean
from library.sources.text import repair
from library.sources.types import FileSection, Place, TrackInfo, readable

SUFFIXES = frozenset(
    {".aac", ".aif", ".aiff", ".ape", ".caf", ".dsf", ".flac", ".m4a", ".m4b", ".mka", ".mp3", ".mp4"}
    | {".mpc", ".oga", ".ogg", ".opus", ".tta", ".wav", ".weba", ".webm", ".wma", ".wv"}
)
MAX_DEPTH = 32
MAX_STAMP = (1 << 63) - 1  # of the database's column
_ID = re.compile(r"[a-z2-7]{16}")

_GONE = "The file is no longer in the library."


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """A file of the library. `below` is its path below `root` as the database stores it (`stored_path`). `mtime_ns`
    and `size` show whether the file or a cue sheet in its folder changed. `sheets`: the names of those."""

    root: Path
    below: str
    mtime_ns: int
    size: int
    sheets: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return self.root / read_path(self.below)

    @property
    def folder(self) -> str:
        return self.below.rpartition("/")[0]

    @property
    def id(self) -> str:
        return file_id(read_path(self.below))

    @property
    def name(self) -> str:
        """The path in a form that is safe to display."""
        return readable(read_path(self.below).as_posix())


def file_id(relative: Path) -> str:
    """Return 16 characters of base32: 80 bits of a hash of the path below the library's root."""
    digest = hashlib.sha256(os.fsencode(relative.as_posix())).digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()


# Names may have bytes that are not UTF-8. Python shows them as surrogates, which no database stores. These characters
# of the last private area take their place.
_SURROGATES = {code: code + 0x100000 for code in range(0xDC80, 0xDD00)}
_PRIVATE = {private: code for code, private in _SURROGATES.items()}


def stored_path(relative: str) -> str:
    """Return a path below the library as the database stores it."""
    return relative if relative.isascii() else relative.translate(_SURROGATES)


def read_path(stored: str) -> Path:
    """Return the path that `stored_path` was given."""
    return Path(stored if stored.isascii() else stored.translate(_PRIVATE))


def walk(root: Path, *, folder: str = "") -> Iterator[LibraryFile]:
    """Yield the audio files below `root`, or below one of its folders, by name. The files of a folder come before those
    of its folders.

    Hidden files and folders are left out. Symbolic links are followed only to files inside the library and never to
    folders, so there are no cycles. A missing root has no files. A folder that cannot be read is skipped.
    """
    real_root = root.resolve()
    if not any(part.startswith(".") for part in folder.split("/")):
        yield from _walk(real_root, folder, depth=0)


def _walk(root: Path, folder: str, *, depth: int) -> Iterator[LibraryFile]:
    try:
        with os.scandir(root / read_path(folder)) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:
        return
    entries = [entry for entry in entries if not entry.name.startswith(".")]
    sheets, stamp = _sheets(root, entries)
    folders: list[str] = []
    for entry in entries:
        below = f"{folder}/{stored_path(entry.name)}" if folder else stored_path(entry.name)
        if entry.is_dir(follow_symlinks=False):
            folders.append(below)
        elif Path(entry.name).suffix.lower() in SUFFIXES and (status := _status(root, entry)) is not None:
            mtime_ns = status.st_mtime_ns + stamp & MAX_STAMP if sheets else status.st_mtime_ns
            yield LibraryFile(root, below, mtime_ns, status.st_size, sheets)
    for below in folders if depth < MAX_DEPTH else ():
        yield from _walk(root, below, depth=depth + 1)


def _sheets(root: Path, entries: list[os.DirEntry[str]]) -> tuple[tuple[str, ...], int]:
    """Return the cue sheets of a folder, and a number that changes if one of them does."""
    names, stamp = [], 0
    for entry in entries:
        is_sheet = entry.name[-len(CUE_SUFFIX) :].lower() == CUE_SUFFIX
        if is_sheet and (status := _status(root, entry)) is not None:
            names.append(entry.name)
            stamp += status.st_mtime_ns + status.st_size
    return tuple(names), stamp


def _status(root: Path, entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return a file's status. None if it is no file, or a link that leads out of the library."""
    try:
        if entry.is_symlink() and not Path(entry.path).resolve(strict=True).is_relative_to(root):
            return None
        status = entry.stat()
    except (OSError, RuntimeError):  # RuntimeError: a link to itself
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def find_file(root: Path, identifier: str) -> str:
    """Return the path below `root` of the file with this id, as the database stores it. Reads all folders.

    Raises SourceError (`BAD_URI`, `NOT_FOUND`).
    """
    if not _ID.fullmatch(identifier):
        raise SourceError("BAD_URI", "This is not the id of a library file.", permanent=True)
    found = next((file.below for file in walk(root) if file.id == identifier), None)
    if found is None:
        raise SourceError("NOT_FOUND", _GONE, permanent=True)
    return found


def path_inside(root: Path, below: str) -> Path:
    """Return a file, guaranteed to be inside `root`. Raises SourceError (`NOT_FOUND`)."""
    real_root = root.resolve()
    try:
        # Checked at each use, because a symbolic link may have changed since the scan.
        target = (real_root / read_path(below)).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        target = None
    if target is None or not target.is_relative_to(real_root) or not target.is_file():
        raise SourceError("NOT_FOUND", _GONE, permanent=True)
    return target


class LibrarySource(Source):
    name = "library"
    label = gettext_noop("The music library")
    saved = searchable = True

    @staticmethod
    def takes(uri: str) -> bool:
        return uri.startswith("library:")

    def resolve(self, uri: str) -> TrackInfo:
        place = self._place(uri)
        path = path_inside(self.options.library, place.path)
        for info in self.read(path, uri=uri, cues=self._cues_beside(path) if place.section else None):
            if info.section == place.section:
                return info
        raise SourceError("NOT_FOUND", _GONE, permanent=True)

    def _cues_beside(self, path: Path) -> dict[str, Cue]:
        names = sorted(each.name for each in path.parent.iterdir() if not each.name.startswith("."))
        return self.read_cues(
            path.parent, [name for name in names if name.lower().endswith(CUE_SUFFIX)], names
        )

    def read_cues(self, folder: Path, sheets: Collection[str], names: Iterable[str]) -> dict[str, Cue]:
        """Read the cue sheets of a folder that has files with these names. Returns them by the name of their file."""
        audio = [name for name in names if Path(name).suffix.lower() in SUFFIXES]
        return cues_beside(folder, sheets, audio, prefer=self.options.tag_encoding) if sheets else {}

    def read(
        self, path: Path, *, uri: str = "", numbered: bool = False, cues: Mapping[str, Cue] | None
    ) -> list[TrackInfo]:
        """Read the tracks of a file: itself, or those of its cue sheet. Without `cues` it is always one track.

        Its name replaces the tags that are missing. `numbered`: see `read_name`.
        """
        encoding = self.options.tag_encoding
        found = quick_probe(path, tag_encoding=encoding) or probe(path, tag_encoding=encoding)
        (stem,) = repair([path.stem], latin=False, prefer=encoding)
        named = read_name(stem, numbered=numbered)
        info = self.describe(uri, found, title=named.title)
        details = replace(
            info.details, disc=info.details.disc or named.disc, number=info.details.number or named.number
        )
        artist = info.artist or (None if found.title else clean(named.artist))
        whole = replace(info, artist=artist, details=details)
        if cues is None:
            return [whole]
        cue = cues.get(path.name) or cue_inside(path, found.cue_sheet)
        return divide(whole, cue, name=readable(path.name))

    def open(self, uri: str) -> Path | FileSection:
        place = self._place(uri)
        path = path_inside(self.options.library, place.path)
        return FileSection(path, place.start_ms, place.end_ms) if place.section else path

    def _place(self, uri: str) -> Place:
        known = self.options.locate(uri)
        return known or Place(find_file(self.options.library, uri.removeprefix("library:")))
