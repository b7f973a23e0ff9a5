"""Which cue sheet belongs to an audio file, and the tracks that it makes of the file.

A sheet beside a file comes before one in the file's tags. Only a sheet with at least two tracks in a file divides it:
sheets for folders with one file for each track are common, and those files have tags of their own.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from library.sources.cue_sheet import (
    MAX_SHEET_BYTES,
    BadCueSheet,
    CueSheet,
    CueTrack,
    all_tracks,
    check_tracks,
    parse_sheet,
    read_sheet,
)
from library.sources.flac_cues import read_flac_cues
from library.sources.length import reader_of
from library.sources.types import TrackInfo, readable

CUE_SUFFIX = ".cue"
MAX_SHEETS = 100  # of one folder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cue:
    """The tracks of one audio file on a sheet. `origin` is the sheet, for log messages."""

    origin: str
    sheet: CueSheet
    tracks: list[CueTrack]


def cues_beside(
    folder: Path, sheets: Collection[str], audio: Sequence[str], *, prefer: str = ""
) -> dict[str, Cue]:
    """Read the sheets of a folder. Returns those that divide audio files, by the name of the file.

    A sheet means the file with the name after FILE, whatever its suffix. With a single FILE, it may also mean the file
    with the sheet's own name, or the only file beside the only sheet. If two sheets mean one file, the first by name
    counts.
    """
    names = {_folded(Path(each).stem): each for each in reversed(audio)} | {
        _folded(each): each for each in audio
    }
    found: dict[str, Cue] = {}
    for name in sorted(sheets)[:MAX_SHEETS]:
        sheet = _read(folder / name, prefer)
        for file in sheet.files if sheet else ():
            wanted = [file.name, Path(file.name).stem]
            if sheet and len(sheet.files) == 1:
                wanted += [Path(name).stem, Path(Path(name).stem).stem]
            target = next((names[each] for each in map(_folded, wanted) if each in names), None)
            if sheet and target is None and len(sheet.files) == len(sheets) == len(audio) == 1:
                target = audio[0]
            if sheet and target is not None and len(file.tracks) > 1:
                found.setdefault(target, Cue(readable(name), sheet, file.tracks))
    return found


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _read(path: Path, prefer: str) -> CueSheet | None:
    """Return a sheet, None if it cannot be used. Links are not followed out of the library."""
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with path.open("rb") as file:
            return read_sheet(file.read(MAX_SHEET_BYTES + 1), prefer=prefer)
    except (OSError, BadCueSheet) as error:
        log.warning('Ignored cue sheet "%s": %s', readable(path.name), error)
        return None


def cue_inside(path: Path, text: str) -> Cue | None:
    """Return the sheet inside a file: its tag, or the block of a FLAC file. None if it does not divide the file."""
    origin = f"in {readable(path.name)}"
    sheet = parse_sheet(text) if text else CueSheet()
    if len(tracks := all_tracks(sheet.files)) > 1:
        return Cue(origin, sheet, tracks)
    blocks = _flac_cues(path) if path.suffix.lower() == ".flac" else []
    return Cue(origin, CueSheet(), blocks) if len(blocks) > 1 else None


def _flac_cues(path: Path) -> list[CueTrack]:
    with path.open("rb") as file:
        return read_flac_cues(reader_of(file))


def divide(whole: TrackInfo, cue: Cue | None, *, name: str) -> list[TrackInfo]:
    """Return the tracks of a file: those of its sheet, or the file as one track if the sheet cannot be right."""
    if cue is None:
        return [whole]
    try:
        check_tracks(cue.tracks, duration_ms=whole.duration_ms)
    except BadCueSheet as error:
        log.warning('Ignored cue sheet "%s" for "%s": %s', cue.origin, name, error)
        return [whole]
    ends = [*(track.start_ms for track in cue.tracks[1:]), None]
    pairs = zip(cue.tracks, ends, strict=True)
    return [_section(whole, cue.sheet, at, track, end) for at, (track, end) in enumerate(pairs, start=1)]


def _section(
    whole: TrackInfo, sheet: CueSheet, section: int, track: CueTrack, end_ms: int | None
) -> TrackInfo:
    until = end_ms if end_ms is not None else whole.duration_ms
    number = track.number or section
    details = whole.details
    return replace(
        whole,
        title=track.title or f"Track {number}",
        artist=track.performer or sheet.performer or whole.artist,
        album=sheet.title or whole.album,
        duration_ms=until - track.start_ms if until is not None else None,
        section=section,
        start_ms=track.start_ms,
        end_ms=end_ms,
        details=replace(
            details,
            main_artist=None if track.performer or sheet.performer else details.main_artist,
            album_artist=sheet.performer or details.album_artist,
            disc=sheet.disc or details.disc,
            number=number,
            year=sheet.year or details.year,
            genre=sheet.genre or details.genre,
        ),
    )
