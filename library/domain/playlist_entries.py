"""Add, remove, restore and move the entries of a playlist.

Positions have gaps, so removing an entry changes no other one, and a restored entry returns to its place.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Any

from django.conf import settings
from django.db.models import F, Max
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from database.statements import IN_STATEMENT
from library.domain.find import find_tracks, save_links
from library.domain.playlists import OpenPlaylist, id_for, opened
from library.errors import EntryNotFound, NothingFound, PlaylistFull
from library.events import PlaylistChanged
from library.models import KeptTrack, Playlist, PlaylistEntry, Track
from library.playlist_rights import Access
from realtime.errors import Conflict
from realtime.origin import Origin


def words_of(track: Track | KeptTrack) -> dict[str, Any]:
    """Return the fields of a `KeptTrack`."""
    return {
        "uri": track.uri,
        "title": track.title,
        "artist": track.artist,
        "album": track.album,
        "duration_ms": track.duration_ms,
    }


def add_tracks(
    playlist_id: uuid.UUID, uris: Sequence[str], *, origin: Origin, after: str | None = "end"
) -> dict[str, Any]:
    """Add tracks and links to a playlist: at its end, behind the entry `after`, or at its beginning (None).

    Returns `{added, entry_ids, left_out}`. A repetition of the command returns the same. Tracks that no longer exist
    are left out. Raises PlaylistFull, EntryNotFound, NothingFound if no track is left, and Conflict.
    """
    with opened(playlist_id, Access.EDIT, origin=origin) as state:
        if (known := _repeated(state, uris)) is not None:
            return known
        found = find_tracks(uris)
        left_out = [{"uri": uri, "reason": "NOTHING_FOUND"} for uri in uris if uri not in found]
        tracks = save_links([found[uri] for uri in uris if uri in found])
        if not tracks:
            raise NothingFound(_("None of these tracks is in the library any longer."))
        entries = insert(state, [PlaylistEntry(**words_of(track)) for track in tracks], after=after)
        return _added(entries, left_out)


def insert(
    state: OpenPlaylist, entries: Sequence[PlaylistEntry], *, after: str | None = "end"
) -> list[PlaylistEntry]:
    """Write new entries to an open playlist (see `add_tracks`), and append the event. Raises PlaylistFull."""
    check_length(state.playlist.length + len(entries))
    first = _make_room(state.playlist, after, len(entries))
    _write(state.playlist, entries, first, origin=state.origin)
    _count(state, len(entries))
    return list(entries)


def fill(playlist: Playlist, entries: Sequence[PlaylistEntry], *, origin: Origin) -> None:
    """Write the entries of a playlist that the running transaction has made. The caller appends the event.

    Raises PlaylistFull.
    """
    check_length(len(entries))
    _write(playlist, entries, 1, origin=origin)
    playlist.length = len(entries)
    playlist.save(update_fields=["length"])


def _write(playlist: Playlist, entries: Sequence[PlaylistEntry], first: int, *, origin: Origin) -> None:
    for place, entry in enumerate(entries):
        entry.pk = id_for(origin, playlist.pk, place)
        entry.playlist, entry.added_by, entry.position = playlist, origin.user, first + place
    PlaylistEntry.objects.bulk_create(entries, batch_size=IN_STATEMENT)


def check_length(length: int) -> None:
    """Raises PlaylistFull if a playlist, or a person's favorites, may not be this long."""
    if length > settings.PLAYLIST_MAX_TRACKS:
        limit = number_format(settings.PLAYLIST_MAX_TRACKS, force_grouping=True)
        raise PlaylistFull(_("A playlist may have at most %(limit)s tracks.") % {"limit": limit})


def remove_entries(playlist_id: uuid.UUID, entry_ids: Iterable[str], *, origin: Origin) -> int:
    """Remove entries. Returns how many, without those that were already removed. Raises EntryNotFound."""
    with opened(playlist_id, Access.EDIT, origin=origin) as state:
        ids = _known(state.playlist, entry_ids)
        removed = sum(
            PlaylistEntry.objects.filter(pk__in=part, removed_at=None).update(removed_at=timezone.now())
            for part in batched(ids, IN_STATEMENT)
        )
        if removed:
            _count(state, -removed)
        return removed


def restore_entries(playlist_id: uuid.UUID, entry_ids: Iterable[str], *, origin: Origin) -> int:
    """Put removed entries back in their places. Returns how many. Raises EntryNotFound and PlaylistFull."""
    with opened(playlist_id, Access.EDIT, origin=origin) as state:
        ids = _known(state.playlist, entry_ids)
        restored = sum(
            PlaylistEntry.objects.filter(pk__in=part, removed_at__isnull=False).update(removed_at=None)
            for part in batched(ids, IN_STATEMENT)
        )
        check_length(state.playlist.length + restored)
        if restored:
            _count(state, restored)
        return restored


def move_entry(playlist_id: uuid.UUID, entry_id: str, *, after: str | None, origin: Origin) -> None:
    """Move an entry behind another one, or to the beginning. Raises EntryNotFound."""
    with opened(playlist_id, Access.EDIT, origin=origin) as state:
        _known(state.playlist, [entry_id])
        if after == entry_id:
            return
        position = _make_room(state.playlist, after, 1)
        PlaylistEntry.objects.filter(pk=entry_id).update(position=position)
        _count(state, 0)


def _count(state: OpenPlaylist, change: int) -> None:
    """Change the length of the playlist, and append the event."""
    state.playlist.length += change
    state.save("length")
    state.note(PlaylistChanged, change="tracks")


def _known(playlist: Playlist, entry_ids: Iterable[str]) -> list[uuid.UUID]:
    """Return ids of entries of this playlist, removed ones too. Raises EntryNotFound for any other."""
    ids = list(dict.fromkeys(map(uuid.UUID, entry_ids)))
    known: set[uuid.UUID] = set()
    for part in batched(ids, IN_STATEMENT):
        found = PlaylistEntry.objects.filter(playlist=playlist, pk__in=part)
        known.update(found.values_list("pk", flat=True))
    if len(known) < len(ids):
        raise EntryNotFound
    return ids


def _make_room(playlist: Playlist, after: str | None, count: int) -> int:
    """Return the first of `count` free positions. Raises EntryNotFound."""
    entries = PlaylistEntry.objects.filter(playlist=playlist)
    if after == "end":
        return (entries.aggregate(last=Max("position"))["last"] or 0) + 1
    low = 0
    if after is not None:
        found = entries.filter(pk=after, removed_at=None).values_list("position", flat=True).first()
        if found is None:
            raise EntryNotFound
        low = found
    entries.filter(position__gt=low).update(position=F("position") + count)
    return low + 1


def _repeated(state: OpenPlaylist, uris: Sequence[str]) -> dict[str, Any] | None:
    """Return what the first run of this command returned, None if there was none. Raises Conflict."""
    if not state.origin.command_id:
        return None
    first = PlaylistEntry.objects.filter(pk=id_for(state.origin, state.playlist.pk, 0)).first()
    if first is None:
        return None
    ids = [id_for(state.origin, state.playlist.pk, place) for place in range(len(uris))]
    known = {
        entry.pk: entry
        for part in batched(ids, IN_STATEMENT)
        for entry in PlaylistEntry.objects.filter(pk__in=part)
    }
    entries = [known[pk] for pk in ids if pk in known]
    added = [entry.uri for entry in entries]
    left_out = [{"uri": uri, "reason": "NOTHING_FOUND"} for uri in uris if uri not in added]
    if added != [uri for uri in uris if uri in added]:
        raise Conflict
    return _added(entries, left_out)


def _added(entries: Sequence[PlaylistEntry], left_out: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "added": len(entries),
        "entry_ids": [str(entry.pk) for entry in entries],
        "left_out": left_out,
    }
