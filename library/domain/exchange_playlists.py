"""Import and export playlists as files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import batched
from typing import Any

from django.db import transaction

from library.domain.find import save_links
from library.domain.match_lines import Unmatched, match_lines
from library.domain.playlist_entries import fill, words_of
from library.domain.playlists import begin_playlist, clean_name, end_playlist
from library.errors import PlaylistUnreadable
from library.models import KeptTrack, Playlist, PlaylistEntry, Track
from library.sources import find_source
from library.sources.links import is_link
from library.sources.playlists import WRITERS, BadPlaylist, Line, PlaylistFile, read_file
from realtime.origin import Origin

MAX_LISTED = 1_000  # lines without a track in one answer


def export_file(name: str, kept: Sequence[KeptTrack], format_name: str) -> tuple[str, str]:
    """Return the content type and the text of a file in a format of WRITERS."""
    paths = _paths([each.uri for each in kept])
    lines = [
        Line(
            location=each.uri if is_link(each.uri) else paths.get(each.uri, ""),
            uri=each.uri,
            title=each.title,
            artist=each.artist,
            album=each.album,
            duration_ms=each.duration_ms,
        )
        for each in kept
    ]
    writer = WRITERS[format_name]
    return writer.content_type, writer.write(PlaylistFile(lines=lines, name=name))


def _paths(uris: Sequence[str]) -> dict[str, str]:
    """Return the paths of tracks below the library's folder, by which other programs find them."""
    found: dict[str, str] = {}
    for part in batched(dict.fromkeys(uris), 500):
        found |= dict(Track.objects.filter(uri__in=part).exclude(path="").values_list("uri", "path"))
    return found


def import_file(
    data: bytes, *, file_name: str, name: str, guild_id: str | None, origin: Origin
) -> tuple[Playlist, dict[str, Any]]:
    """Create a playlist from a file. Returns it with `{imported, kept, unmatched}`.

    A line that fits no track is kept with its words, so that nothing is lost, and listed in `unmatched`. Lines that
    cannot be played at all are only listed. Raises PlaylistUnreadable, PlaylistFull, TooManyPlaylists, GuildNotFound.
    """
    read = read_playlist_file(data, file_name)
    found = match_lines(read.lines)
    new = [track for track in found if isinstance(track, Track)]
    with transaction.atomic():
        saved = iter(save_links(new))
        entries: list[PlaylistEntry] = []
        unmatched: list[dict[str, Any]] = []
        for number, (line, outcome) in enumerate(zip(read.lines, found, strict=True), start=1):
            if isinstance(outcome, Track):
                entries.append(PlaylistEntry(**words_of(next(saved))))
                continue
            if outcome is Unmatched.NOT_IN_LIBRARY:
                entries.append(_lost(line))
            unmatched.append(_listed(number, line, outcome))
        title = clean_name(name or read.name or _title(file_name))
        playlist, is_new = begin_playlist(title, guild_id=guild_id, origin=origin)
        if is_new:
            fill(playlist, entries, origin=origin)
            end_playlist(playlist, origin=origin)
    return playlist, {
        "imported": len(new),
        "kept": len(entries) - len(new),
        "surplus": read.surplus,
        "unmatched": unmatched[:MAX_LISTED],
        "unmatched_total": len(unmatched),
    }


def read_playlist_file(data: bytes, file_name: str) -> PlaylistFile:
    """Raises PlaylistUnreadable."""
    try:
        return read_file(data, file_name)
    except BadPlaylist as error:
        raise PlaylistUnreadable(error.problem) from error


def _lost(line: Line) -> PlaylistEntry:
    """Return an entry that has the words of a line but no track. No track has a URI that begins with `lost:`."""
    ours = bool(line.uri) and find_source(line.uri) is not None
    return PlaylistEntry(
        uri=line.uri[:2000] if ours else f"lost:{line.location or line.title or ''}"[:2000],
        title=(line.title or line.location or "")[:300] or None,
        artist=(line.artist or "")[:300] or None,
        album=(line.album or "")[:300] or None,
        duration_ms=line.duration_ms,
    )


def _listed(number: int, line: Line, reason: Unmatched) -> dict[str, Any]:
    return {
        "number": number,
        "location": line.location[:500],
        "title": line.title,
        "artist": line.artist,
        "reason": str(reason),
    }


def _title(file_name: str) -> str:
    return file_name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or "Playlist"
