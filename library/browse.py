"""Pages of the catalog. Each page costs the same number of queries, however large the library is.

The `next` of a page names its last row, so rows that come or go meanwhile do not move the next page.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Count, Model, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.errors import InvalidInput
from accounts.models import User
from library.errors import NotInLibrary
from library.models import MAX_FOLDER, Album, Artist, Track
from library.playlist_queries import search_playlists
from library.queries import album_tracks, artist_tracks, available_tracks
from library.query_fields import storable
from library.search import search_catalog
from library.shapes import album_shape, artist_shape, catalog_track_shape, track_shape
from library.sources import searchable_sources

PAGE, MAX_PAGE = 50, 100

type Page = dict[str, Any]
type Cursor = list[Any] | None


def read_cursor(text: str | None, *kinds: type) -> Cursor:
    """Return the values of a `next`. Raises InvalidInput unless they are of these kinds."""
    if text is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(text.encode("ascii")))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise InvalidInput({"after": [_("Must be the `next` of a page of this list.")]})
    if not all(storable(value) if isinstance(value, str) else 0 <= value < 1 << 63 for value in values):
        raise InvalidInput({"after": [_("Must be the `next` of a page of this list.")]})
    return values


def write_cursor(values: Sequence[object]) -> str:
    """Return the `next` of a page whose last row has these values."""
    return base64.urlsafe_b64encode(json.dumps(list(values), separators=(",", ":")).encode()).decode("ascii")


def _page[M: Model](
    rows: QuerySet[M], key: str, after: Cursor, limit: int, shape: Callable[[M], dict[str, Any]]
) -> Page:
    """Return a page of rows in the order of `key` and id."""
    rows = rows.order_by(key, "pk")
    if after is not None:
        value, pk = after
        # The first condition is implied by the second, and lets both databases begin in the index.
        rows = rows.filter(**{f"{key}__gte": value}).filter(
            Q(**{f"{key}__gt": value}) | Q(**{key: value, "pk__gt": pk})
        )
    found = list(rows[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    return {
        "items": [shape(row) for row in found[:limit]],
        "next": write_cursor([getattr(last, key), last.pk]) if last is not None else None,
    }


def read_artists(*, after: str | None, limit: int) -> Page:
    artists = Artist.objects.filter(track_count__gt=0, source__in=searchable_sources())
    return _page(artists, "sort_key", read_cursor(after, str, int), limit, artist_shape)


def read_albums(*, after: str | None, limit: int, artist: str | None = None) -> Page:
    """Return albums by name. `artist` is the uid of the artist whose albums are wanted."""
    albums = Album.objects.filter(track_count__gt=0, source__in=searchable_sources())
    albums = albums.select_related("artist")
    if artist is not None:
        albums = albums.filter(artist=find_artist(artist))
    return _page(albums, "sort_key", read_cursor(after, str, int), limit, album_shape)


def read_tracks(
    *, after: str | None, limit: int, genre: str | None = None, folder: str | None = None
) -> Page:
    """Return tracks by title. `genre` and `folder` limit them. The tracks of folders below `folder` are left out."""
    tracks = _tracks()
    if genre is not None:
        tracks = tracks.filter(genre=genre)
    if folder is not None:
        tracks = tracks.filter(source="library", folder=folder.strip("/")[:MAX_FOLDER])
    return _page(tracks, "title_key", read_cursor(after, str, int), limit, catalog_track_shape)


def read_recent(*, after: str | None, limit: int) -> Page:
    """Return tracks, the newest first."""
    tracks, cursor = _tracks().order_by("-pk"), read_cursor(after, int)
    found = list((tracks if cursor is None else tracks.filter(pk__lt=cursor[0]))[: limit + 1])
    return {
        "items": [catalog_track_shape(track) for track in found[:limit]],
        "next": write_cursor([found[limit - 1].pk]) if len(found) > limit else None,
    }


def read_genres(*, after: str | None, limit: int) -> Page:
    cursor = read_cursor(after, str)
    genres = available_tracks().filter(source__in=searchable_sources()).exclude(genre="")
    if cursor is not None:
        genres = genres.filter(genre__gt=cursor[0])
    counted = genres.order_by("genre").values_list("genre").annotate(Count("pk"))
    found = list(counted[: limit + 1])
    return {
        "items": [{"name": name, "track_count": count} for name, count in found[:limit]],
        "next": write_cursor([found[limit - 1][0]]) if len(found) > limit else None,
    }


def read_folders(*, after: str | None, limit: int, parent: str = "") -> Page:
    """Return the folders directly inside `parent`, each with the number of tracks inside it and below."""
    parent, cursor = parent.strip("/")[:MAX_FOLDER], read_cursor(after, str)
    # Only tracks of the library have a folder. The index has all columns that this reads.
    inside = available_tracks().filter(folder__gt="")
    if parent:
        inside = inside.filter(folder__gte=f"{parent}/", folder__lt=f"{parent}0")
    if cursor is not None:
        inside = inside.filter(folder__gt=cursor[0])
    begin, counts = len(parent) + 1 if parent else 0, dict[str, int]()
    for folder, count in inside.order_by("folder").values_list("folder").annotate(Count("pk")):
        name = folder[begin:].partition("/")[0]
        if name:
            counts[name] = counts.get(name, 0) + count
    paths = {f"{parent}/{name}" if parent else name: count for name, count in counts.items()}
    found = [(path, count) for path, count in paths.items() if cursor is None or path > cursor[0]]
    found.sort()
    return {
        "items": [
            {"path": path, "name": path[begin:], "track_count": count} for path, count in found[:limit]
        ],
        "next": write_cursor([found[limit - 1][0]]) if len(found) > limit else None,
    }


def find_album(uid: str) -> Album:
    """Return an album that has tracks. Raises NotInLibrary."""
    album = Album.objects.filter(uid=uid, track_count__gt=0).select_related("artist").first()
    if album is None:
        raise NotInLibrary
    return album


def find_artist(uid: str) -> Artist:
    """Return an artist who has tracks. Raises NotInLibrary."""
    artist = Artist.objects.filter(uid=uid, track_count__gt=0).first()
    if artist is None:
        raise NotInLibrary
    return artist


def read_album_tracks(uid: str, *, after: str | None, limit: int) -> Page:
    """Return the tracks of an album in order."""
    return _ordered(album_tracks(find_album(uid)), after, limit)


def read_artist_tracks(uid: str, *, after: str | None, limit: int) -> Page:
    """Return the tracks of an artist and of the artist's albums, in the order of the albums."""
    return _ordered(artist_tracks(find_artist(uid)), after, limit)


def _ordered(tracks: QuerySet[Track], after: str | None, limit: int) -> Page:
    """Return a page of tracks in their own order, after a track, or after its place if it is gone."""
    cursor, ids = read_cursor(after, int, int), list(tracks.values_list("pk", flat=True))
    begin = 0
    if cursor is not None:
        pk, place = cursor
        begin = ids.index(pk) + 1 if pk in ids else min(place, len(ids))
    wanted = ids[begin : begin + limit]
    found = Track.objects.select_related("in_album", "by_artist").in_bulk(wanted)
    more = begin + limit < len(ids)
    return {
        "items": [catalog_track_shape(found[pk]) for pk in wanted if pk in found],
        "next": write_cursor([wanted[-1], begin + limit]) if more else None,
    }


def _tracks() -> QuerySet[Track]:
    tracks = available_tracks().filter(source__in=searchable_sources())
    return tracks.select_related("in_album", "by_artist")


def read_search(user: User, query: str, *, limit: int) -> dict[str, Any]:
    """Return the best matches of each kind: of the catalog, and of the playlists that the person may read."""
    found = search_catalog(query, limit=limit)
    return {
        "tracks": [track_shape(track) for track in found.tracks],
        "albums": [album_shape(album) for album in found.albums],
        "artists": [artist_shape(artist) for artist in found.artists],
        "playlists": search_playlists(user, query, limit=limit),
    }
