"""Cue sheets: texts that list the tracks in one long audio file (https://wiki.hydrogenaud.io/index.php?title=Cue_sheet).

A sheet is used only if it is plausible, else its file stays one track. Lines that are not known are skipped. A track
begins at its INDEX 01 and lasts until that of the next one, so the silence before a track (INDEX 00) belongs to the
track before it, as on a CD.
"""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from library.sources.tags import MAX_DISC, MAX_GENRE, MAX_NUMBER, MAX_YEAR, clean, first_number
from library.sources.text import repair

MAX_SHEET_BYTES = 256_000
MAX_CUE_TRACKS = 999  # in one audio file; a CD has at most 99
_FRAMES_PER_SECOND = 75


class BadCueSheet(ValueError):
    """A sheet that cannot be used. The text says why."""


@dataclass(frozen=True, slots=True)
class CueTrack:
    """A track of a sheet. `start_ms` is its INDEX 01, or its INDEX 00 without one."""

    start_ms: int
    title: str | None = None
    performer: str | None = None
    number: int | None = None


@dataclass(slots=True)
class CueFile:
    """A FILE of a sheet, and the tracks in it. `name` is as in the sheet. Often it is the name before a conversion."""

    name: str
    tracks: list[CueTrack] = field(default_factory=list)


@dataclass(slots=True)
class CueSheet:
    title: str | None = None
    performer: str | None = None
    genre: str | None = None
    year: int | None = None
    disc: int | None = None
    files: list[CueFile] = field(default_factory=list)


def read_sheet(data: bytes, *, prefer: str = "") -> CueSheet:
    """Read a sheet. Texts that are not Unicode are decoded as tags are (`repair`)."""
    if len(data) > MAX_SHEET_BYTES:
        raise BadCueSheet(f"it is larger than {MAX_SHEET_BYTES // 1000} kB")
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return parse_sheet(data.decode("utf-16", "replace"))
    return parse_sheet(data.decode("utf-8", "surrogateescape").removeprefix("\ufeff"), prefer=prefer)


def parse_sheet(text: str, *, prefer: str = "") -> CueSheet:
    reading = _Reading()
    for line in text[:MAX_SHEET_BYTES].replace("\r", "\n").split("\n"):
        reading.take(line.replace("\t", " "))
    return _repaired(reading.finish(), prefer)


def check_tracks(tracks: list[CueTrack], *, duration_ms: int | None) -> None:
    """Raises BadCueSheet for tracks that cannot be those of a file of that length."""
    if len(tracks) > MAX_CUE_TRACKS:
        raise BadCueSheet(f"it has more than {MAX_CUE_TRACKS} tracks")
    starts = [track.start_ms for track in tracks]
    if any(later <= earlier for earlier, later in pairwise(starts)):
        raise BadCueSheet("its times do not increase")
    if starts and duration_ms is not None and starts[-1] >= duration_ms:
        raise BadCueSheet("its last track begins after the end of the file")


@dataclass(slots=True)
class _Open:
    """A track whose lines are being read."""

    number: int | None
    is_audio: bool
    title: str | None = None
    performer: str | None = None
    indexes: dict[int, tuple[CueFile, int]] = field(default_factory=dict)


class _Reading:
    """Reads a sheet line by line."""

    def __init__(self) -> None:
        self._sheet = CueSheet()
        self._track: _Open | None = None

    def take(self, line: str) -> None:
        command, _, rest = line.strip().partition(" ")
        match command.upper():
            case "FILE":
                self._sheet.files.append(CueFile(_file_name(rest)))
            case "TRACK":
                self._close()
                number, _, kind = rest.strip().partition(" ")
                is_audio = kind.strip().upper() in {"", "AUDIO"}
                self._track = _Open(first_number(number, most=MAX_NUMBER), is_audio)
            case "TITLE":
                target = self._track or self._sheet
                target.title = target.title or _unquoted(rest)
            case "PERFORMER":
                target = self._track or self._sheet
                target.performer = target.performer or _unquoted(rest)
            case "INDEX":
                self._take_index(rest)
            case "REM" if self._track is None:
                self._take_remark(rest)

    def finish(self) -> CueSheet:
        self._close()
        return self._sheet

    def _take_index(self, rest: str) -> None:
        number, _, time = rest.strip().partition(" ")
        start_ms = _milliseconds(time)
        if self._track is None or not self._sheet.files or start_ms is None:
            return
        if number in {"00", "01", "0", "1"}:
            # A sheet with one file for each track may have the INDEX 00 of a track in the file before.
            self._track.indexes.setdefault(int(number), (self._sheet.files[-1], start_ms))

    def _take_remark(self, rest: str) -> None:
        name, _, value = rest.strip().partition(" ")
        match name.upper():
            case "GENRE":
                self._sheet.genre = self._sheet.genre or _unquoted(value)
            case "DATE":
                self._sheet.year = self._sheet.year or first_number(_unquoted(value), most=MAX_YEAR)
            case "DISCNUMBER":
                self._sheet.disc = self._sheet.disc or first_number(_unquoted(value), most=MAX_DISC)

    def _close(self) -> None:
        track, self._track = self._track, None
        begins = track and (track.indexes.get(1) or track.indexes.get(0))
        if track and track.is_audio and begins:
            file, start_ms = begins
            file.tracks.append(CueTrack(start_ms, track.title, track.performer, track.number))


def _file_name(rest: str) -> str:
    """Return the name in `"Album.wav" WAVE`, without folders."""
    rest = rest.strip()
    name = rest[1:].partition('"')[0] if rest.startswith('"') else rest.rpartition(" ")[0] or rest
    return name.replace("\\", "/").rpartition("/")[2]


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:].removesuffix('"') if text.startswith('"') else text


def _milliseconds(time: str) -> int | None:
    """Return the time of `mm:ss:ff`, with 75 frames in a second. None if it is no time."""
    parts = time.strip().split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) <= 5 for part in parts):
        return None
    minutes, seconds, frames = map(int, parts)
    if seconds >= 60 or frames >= _FRAMES_PER_SECOND:
        return None
    return (minutes * 60 + seconds) * 1000 + round(frames * 1000 / _FRAMES_PER_SECOND)


def _repaired(sheet: CueSheet, prefer: str) -> CueSheet:
    """Decode the texts together, as those of one file's tags, and clean them."""
    tracks = [track for file in sheet.files for track in file.tracks]
    names = [file.name for file in sheet.files]
    texts = [sheet.title, sheet.performer, sheet.genre, *names]
    texts += [text for track in tracks for text in (track.title, track.performer)]
    read = iter(repair([text or "" for text in texts], latin=False, prefer=prefer))
    sheet.title, sheet.performer, genre = (clean(next(read)) for _ in range(3))
    sheet.genre = (genre or "")[:MAX_GENRE] or None
    for file in sheet.files:
        file.name = next(read)
    for file in sheet.files:
        file.tracks = [
            replace(track, title=clean(next(read)), performer=clean(next(read))) for track in file.tracks
        ]
    return sheet


def all_tracks(files: Iterable[CueFile]) -> list[CueTrack]:
    return [track for file in files for track in file.tracks]
