"""Save what a scan has read: each file under the track that it had before it was moved or renamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction

from library.artwork import store_artwork
from library.domain.catalog import Touched, place_tracks
from library.domain.identity import split_disc_folder
from library.domain.tracks import fill, save_new, update_track
from library.models import MAX_FOLDER, Track
from library.sources import TrackInfo
from library.sources.errors import SourceError
from library.sources.library import LibraryFile, file_id, path_inside, read_path
from library.sources.pictures import picture_beside
from library.spelling import note_words_of


@dataclass(frozen=True, slots=True)
class ReadTrack:
    """A track of a file that was read. `info` is None if the file cannot be played. `pk`: the row that it has."""

    file: LibraryFile
    info: TrackInfo | None
    audio_hash: str
    pk: int | None

    @property
    def section(self) -> int:
        return self.info.section if self.info else 0


@dataclass(slots=True)
class Saved:
    """`tracks`: all that can be played. `changed`: those of them that existed before."""

    tracks: list[Track] = field(default_factory=list)
    changed: list[Track] = field(default_factory=list)


def save_files(root: Path, files: Sequence[ReadTrack], touched: Touched) -> Saved:
    """Save files in one transaction. Notes their albums and artists in `touched`."""
    covers = _Covers(root)
    with transaction.atomic():
        tracks = _find_tracks(root, files)
        placed = []
        for each, track in zip(files, tracks, strict=True):
            _fill(track, each, covers)
            if each.info is not None:
                placed.append((track, each.info.details))
            else:
                touched.note(track)
        place_tracks(placed, touched)
        existed = [track for track in tracks if track.pk is not None]
        for track in existed:
            update_track(track)
        save_new([track for track in tracks if track.pk is None])
        note_words_of(track for track, _ in placed)
    playable = [track for track, _ in placed]
    return Saved(playable, [track for track in playable if track in existed])


def _fill(track: Track, read: ReadTrack, covers: _Covers) -> None:
    track.path, track.folder = read.file.below, read.file.folder[:MAX_FOLDER]
    track.file_mtime_ns, track.file_size = read.file.mtime_ns, read.file.size
    if read.info is None:
        track.available, track.resolved_at = False, None
        return
    fill(track, read.info)
    track.audio_hash = read.audio_hash
    track.artwork = track.artwork or covers.of(read.file.folder)


class _Covers:
    """The pictures beside the files of folders, each stored once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[str, str] = {}

    def of(self, folder: str) -> str:
        """Return the picture of a folder, or of the folder above a "CD1"."""
        if folder not in self._found:
            picture = picture_beside(self._root / read_path(folder))
            self._found[folder] = store_artwork(*picture) if picture else ""
        above, _ = split_disc_folder(folder)
        return self._found[folder] or ("" if above == folder else self.of(above))


def _find_tracks(root: Path, files: Sequence[ReadTrack]) -> list[Track]:
    """Return the track of each file: the one that it had, the one of a file that is gone and has the same audio, or a
    new one."""
    known = Track.objects.in_bulk([each.pk for each in files if each.pk is not None])
    lost = _find_lost(root, {each.audio_hash for each in files if each.pk is None} - {""})
    taken = _Uris([each for each in files if each.pk is None])
    found: list[Track] = []
    for each in files:
        track = known.get(each.pk or 0)
        if track is None:
            track = _same_audio(lost.get((each.audio_hash, each.section), []), each.file)
        found.append(track or Track(uri=taken.new(each), source="library"))
    return found


def _find_lost(root: Path, hashes: set[str]) -> dict[tuple[str, int], list[Track]]:
    """Return the tracks with these hashes whose files are not where they were, by hash and section."""
    lost: dict[tuple[str, int], list[Track]] = {}
    for track in Track.objects.filter(source="library", audio_hash__in=hashes).order_by("pk"):
        try:
            path_inside(root, track.path)
        except SourceError:
            lost.setdefault((track.audio_hash, track.section), []).append(track)
    return lost


def _same_audio(lost: list[Track], file: LibraryFile) -> Track | None:
    """Take the track of a lost file with the same audio, preferably with the same name."""
    if not lost:
        return None
    name = file.below.rpartition("/")[2]
    track = next((track for track in lost if track.path.rpartition("/")[2] == name), lost[0])
    lost.remove(track)
    return track


class _Uris:
    """Gives new tracks their uris. A uri may be taken by a file that was moved away from the same path."""

    def __init__(self, tracks: Sequence[ReadTrack]) -> None:
        moved = Track.objects.filter(uri__in=[_uri_of(each) for each in tracks]).values_list("uri", "path")
        self._taken = {uri: path for uri, path in moved if path}

    def new(self, read: ReadTrack) -> str:
        uri, number = _uri_of(read), 0
        while uri in self._taken and self._taken[uri] != read.file.below:
            number += 1
            uri = _uri_of(read, f"\n{number}")
            path = Track.objects.filter(uri=uri).values_list("path", flat=True).first()
            if path is not None:
                self._taken[uri] = path
        return uri


def _uri_of(read: ReadTrack, distinct: str = "") -> str:
    """Return the uri for a track. `distinct` makes another one."""
    if not read.section and not distinct:
        return f"library:{read.file.id}"
    section = f"\n#{read.section}" if read.section else ""
    return f"library:{file_id(Path(f'{read.file.below}{section}{distinct}'))}"
