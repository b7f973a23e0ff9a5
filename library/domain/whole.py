"""What can be added as a whole: albums, artists, folders, playlists and favorites, each by a URI."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from itertools import islice

from django.utils.translation import gettext as _

from accounts.models import User
from library.domain.find import find_tracks
from library.domain.match import Words, match_words
from library.errors import NothingFound, PlaylistNotFound
from library.models import Album, Artist, Favorite, KeptTrack, Playlist, PlaylistEntry, Track
from library.playlist_rights import Reader
from library.queries import album_tracks, artist_tracks, folder_tracks

# A wanted URI and its track, or None if there is no such track.
type Wanted = tuple[str, Track | None]

FAVORITES = "favorites:"


def is_whole(uri: str) -> bool:
    """Return whether a text names something that `tracks_of` can list. It need not exist."""
    kind, colon, rest = uri.partition(":")
    return bool(colon) and kind in _KINDS and (bool(rest) or kind in ("favorites", "folder"))


def tracks_of(uri: str, *, user: User | None, limit: int) -> list[Wanted]:
    """Return the first `limit` tracks of an album, artist, folder, playlist, or of the favorites of `user`, in order.

    `user` is who asks; None for the program itself, which may read everything. Raises NothingFound and
    PlaylistNotFound.
    """
    kind, _colon, rest = uri.partition(":")
    find = _KINDS.get(kind)
    if find is None:
        raise NothingFound
    wanted = find(rest, user, limit)
    if not wanted:
        raise NothingFound(_("There are no tracks in it."))
    return wanted


def find_kept(kept: Sequence[KeptTrack]) -> list[Wanted]:
    """Return the tracks that are kept in a list. One whose URI is gone is found by its words."""
    found = find_tracks([each.uri for each in kept])
    lost = [each for each in kept if each.uri not in found]
    by_words = dict(zip((each.uri for each in lost), match_words([*map(Words.of, lost)]), strict=True))
    return [(each.uri, found.get(each.uri) or by_words.get(each.uri)) for each in kept]


def _album(uid: str, user: User | None, limit: int) -> list[Wanted]:
    album = Album.objects.filter(uid=uid).first()
    if album is None:
        raise NothingFound(_("This album is no longer in the library."))
    return [(track.uri, track) for track in album_tracks(album)[:limit]]


def _artist(uid: str, user: User | None, limit: int) -> list[Wanted]:
    artist = Artist.objects.filter(uid=uid).first()
    if artist is None:
        raise NothingFound(_("This artist is no longer in the library."))
    return [(track.uri, track) for track in artist_tracks(artist)[:limit]]


def _folder(path: str, user: User | None, limit: int) -> list[Wanted]:
    return [(track.uri, track) for track in folder_tracks(path)[:limit]]


def _playlist(playlist_id: str, user: User | None, limit: int) -> list[Wanted]:
    playlist = find_playlist(playlist_id, user)
    entries = PlaylistEntry.objects.filter(playlist=playlist, removed_at=None).order_by("position", "id")
    return find_kept(list(entries[:limit]))


def find_playlist(playlist_id: str, user: User | None) -> Playlist:
    """Return a playlist that the person may read. Raises PlaylistNotFound."""
    try:
        pk = uuid.UUID(playlist_id)
    except ValueError as error:
        raise PlaylistNotFound from error
    kept = Playlist.objects.filter(pk=pk, deleted_at=None)
    found = kept.first() if user is None else Reader(user).find(pk)
    if found is None:
        raise PlaylistNotFound
    return found


def _favorites(rest: str, user: User | None, limit: int) -> list[Wanted]:
    favorites = Favorite.objects.filter(user=user).order_by("-id") if user is not None else ()
    return find_kept(list(islice(favorites, limit)))


_KINDS: dict[str, Callable[[str, User | None, int], list[Wanted]]] = {
    "album": _album,
    "artist": _artist,
    "folder": _folder,
    "playlist": _playlist,
    "favorites": _favorites,
}
