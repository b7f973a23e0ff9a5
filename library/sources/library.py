"""The folder of audio files: its files and their ids."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from django.utils.translation import gettext_noop

from library.sources.errors import SourceError
from library.sources.file_names import read_name
from library.sources.names import clean
from library.sources.probe import probe
from library.sources.source import Source
from library.sources.text import repair
from library.sources.types import TrackInfo, readable

SUFFIXES = frozenset(
    {".aac", ".aif", ".aiff", ".ape", ".caf", ".dsf", ".flac", ".m4a", ".m4b", ".mka", ".mp3", ".mp4"}
    | {".mpc", ".oga", ".ogg", ".opus", ".tta", ".wav", ".weba", ".webm", ".wma", ".wv"}
)
MAX_DEPTH = 32
_ID = re.compile(r"[a-z2-7]{16}")

_lock = threading.Lock()
_known: dict[Path, dict[str, Path]] = {}


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """`id` depends only on the path below the library. `mtime_ns` and `size` show whether the file changed. `name` is
    the path in a form that is safe to display, and `below` in a form for the database (`stored_path`)."""

    id: str
    name: str
    below: str
    path: Path
    mtime_ns: int
    size: int


def file_id(relative: Path) -> str:
    """Return 16 characters of base32: 80 bits of a hash of the path below the library's root."""
    digest = hashlib.sha256(os.fsencode(relative.as_posix())).digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()


# Names may have bytes that are not UTF-8. Python shows them as surrogates, which no database stores. These characters
# of the last private area take their place.
_SURROGATES = {code: code + 0x100000 for code in range(0xDC80, 0xDD00)}
_PRIVATE = {private: code for code, private in _SURROGATES.items()}


def stored_path(relative: Path) -> str:
    """Return a path below the library as the database stores it."""
    return relative.as_posix().translate(_SURROGATES)


def read_path(stored: str) -> Path:
    """Return the path that `stored_path` was given."""
    return Path(stored.translate(_PRIVATE))


def walk(root: Path) -> Iterator[LibraryFile]:
    """Yield the audio files below `root`, by name within each folder.

    Hidden files and folders are left out. Symbolic links are followed only to files inside the library and never to
    folders, so there are no cycles. A missing root has no files. A folder that cannot be read is skipped.
    """
    real_root = root.resolve()
    found: dict[str, Path] = {}
    for path in _audio_files(real_root, depth=0):
        relative = path.relative_to(real_root)
        try:
            target = path.resolve(strict=True)
            status = target.stat()
        except (OSError, RuntimeError):  # RuntimeError: a link to itself
            continue
        if not target.is_relative_to(real_root) or not stat.S_ISREG(status.st_mode):
            continue
        name = readable(relative.as_posix())
        entry = LibraryFile(
            file_id(relative), name, stored_path(relative), path, status.st_mtime_ns, status.st_size
        )
        found[entry.id] = relative
        yield entry
    with _lock:
        _known[real_root] = found


def path_of(root: Path, identifier: str) -> Path:
    """Return the file of an id, guaranteed to be inside `root`. Raises SourceError (`BAD_URI`, `NOT_FOUND`)."""
    if not _ID.fullmatch(identifier):
        raise SourceError("BAD_URI", "This is not the id of a library file.", permanent=True)
    real_root = root.resolve()
    for attempt in ("remembered", "walked"):
        if attempt == "walked":
            for _ in walk(root):
                pass
        with _lock:
            relative = _known.get(real_root, {}).get(identifier)
        if relative is None:
            continue
        try:
            target = (real_root / relative).resolve(strict=True)
        except (OSError, RuntimeError):
            continue
        # Checked at each use, because a symbolic link may have changed since the walk.
        if target.is_relative_to(real_root) and target.is_file():
            return target
    raise SourceError("NOT_FOUND", "The file is no longer in the library.", permanent=True)


def known_folder(root: Path, identifier: str) -> str:
    """Return the folder of a file below the library, by this process's last walk. Empty if the walk did not find it."""
    with _lock:
        relative = _known.get(root.resolve(), {}).get(identifier)
    return "" if relative is None or relative.parent == Path() else relative.parent.as_posix()


def _audio_files(folder: Path, *, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth < MAX_DEPTH:
                yield from _audio_files(Path(entry.path), depth=depth + 1)
        elif Path(entry.name).suffix.lower() in SUFFIXES:
            yield Path(entry.path)


class LibrarySource(Source):
    name = "library"
    label = gettext_noop("The music library")
    saved = searchable = True

    @staticmethod
    def takes(uri: str) -> bool:
        return uri.startswith("library:")

    def resolve(self, uri: str) -> TrackInfo:
        return self.read(uri, self.open(uri))

    def read(self, uri: str, path: Path, *, numbered: bool = False) -> TrackInfo:
        """Read a file. Its name replaces the tags that are missing. `numbered`: see `read_name`."""
        encoding = self.options.tag_encoding
        found = probe(path, tag_encoding=encoding)
        (stem,) = repair([path.stem], latin=False, prefer=encoding)
        named = read_name(stem, numbered=numbered)
        info = self.describe(uri, found, title=named.title)
        details = replace(
            info.details, disc=info.details.disc or named.disc, number=info.details.number or named.number
        )
        artist = info.artist or (None if found.title else clean(named.artist))
        return replace(info, artist=artist, details=details)

    def open(self, uri: str) -> Path:
        return path_of(self.options.library, uri.removeprefix("library:"))
