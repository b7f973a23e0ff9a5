"""Assign tracks to albums, and keep the counts, years and artwork of albums and artists up to date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import batched

from django.db.models import Count, F, Q

from database.statements import IN_STATEMENT
from library.domain.identity import (
    VARIOUS_ARTISTS,
    AlbumIdentity,
    artist_uid,
    identify_album,
    main_artist,
    sort_key,
)
from library.models import Album, Artist, Track
from library.sources.types import Details
from library.words import index_words, search_key


@dataclass(slots=True)
class Touched:
    """Albums and artists whose tracks have changed, so that their counts, years and artwork are out of date."""

    albums: set[int] = field(default_factory=set)
    artists: set[int] = field(default_factory=set)

    def note_tracks(self, ids: Iterable[int]) -> None:
        for part in batched(ids, IN_STATEMENT):
            for track in Track.objects.filter(pk__in=part).only("in_album_id", "by_artist_id"):
                self.note(track)

    def note(self, track: Track) -> None:
        self.albums.update(filter(None, [track.in_album_id]))
        self.artists.update(filter(None, [track.by_artist_id]))

    def clear(self) -> None:
        self.albums.clear()
        self.artists.clear()


def place_tracks(tracks: Sequence[tuple[Track, Details]], touched: Touched) -> None:
    """Put tracks into their albums, without saving the tracks. Creates albums and artists that are missing."""
    wanted = [(track, details, _identify(track, details)) for track, details in tracks]
    artists = _artists(wanted)
    albums = _albums(wanted, artists)
    for track, details, identity in wanted:
        touched.note(track)  # where it was
        album = albums[identity.uid(track.source)] if identity else None
        track.in_album_id = album.pk if album else None
        track.by_artist_id = _pk(artists, track, _main_artist(track, details))
        if album is not None and not track.album:
            track.album = album.title
            track.album_words = album.title_words
        touched.note(track)
        touched.artists.update(filter(None, [album.artist_id if album else None]))


type _Wanted = tuple[Track, Details, AlbumIdentity | None]


def _identify(track: Track, details: Details) -> AlbumIdentity | None:
    album, disc = identify_album(
        title=track.album,
        artist=track.album_artist,
        is_compilation=details.is_compilation,
        folder=track.folder,
    )
    track.disc = track.disc or disc
    return album


def _pk(artists: dict[str, Artist], track: Track, name: str | None) -> int | None:
    artist = artists.get(artist_uid(track.source, name)) if name else None
    return artist.pk if artist else None


def _main_artist(track: Track, details: Details) -> str | None:
    return details.main_artist or (main_artist(track.artist) if track.artist else None)


def _artists(wanted: Iterable[_Wanted]) -> dict[str, Artist]:
    """Return the artists of tracks and albums by their uid. Creates those that are missing."""
    new: dict[str, Artist] = {}
    for track, details, identity in wanted:
        named = [(_main_artist(track, details), details.artist_sort)]
        if identity and identity.artist:
            named.append((identity.artist, details.album_artist_sort))
        for name, sort_name in named:
            if name:
                uid = artist_uid(track.source, name)
                new.setdefault(uid, _new_artist(uid, track.source, name, sort_name))
    return _saved(Artist, new)


def _new_artist(uid: str, source: str, name: str, sort_name: str | None = None) -> Artist:
    key = search_key(name)
    return Artist(
        uid=uid, source=source, name=name, sort_key=sort_key(name, sort_name), title_key=key,
        title_words=index_words(key),
    )  # fmt: skip


def _albums(wanted: Iterable[_Wanted], artists: dict[str, Artist]) -> dict[str, Album]:
    new: dict[str, Album] = {}
    for track, details, identity in wanted:
        if identity is None:
            continue
        uid, key = identity.uid(track.source), search_key(identity.title)
        artist = artists[artist_uid(track.source, identity.artist)] if identity.artist else None
        new[uid] = Album(
            uid=uid, source=track.source, title=identity.title, artist=artist, folder=identity.folder,
            is_compilation=identity.artist == VARIOUS_ARTISTS,
            sort_key=sort_key(identity.title, details.album_sort), title_key=key, title_words=index_words(key),
            artist_words=artist.title_words if artist else "",
        )  # fmt: skip
    return _saved(Album, new)


def _saved[M: (Album, Artist)](model: type[M], new: dict[str, M]) -> dict[str, M]:
    """Return the saved rows with these uids. Another process may create the same rows now."""
    found: dict[str, M] = {}
    for uids in batched(new, IN_STATEMENT):
        found |= {row.uid: row for row in model._default_manager.filter(uid__in=uids)}
        missing = [new[uid] for uid in uids if uid not in found]
        if missing:
            model._default_manager.bulk_create(missing, ignore_conflicts=True)
            found |= {
                row.uid: row for row in model._default_manager.filter(uid__in=[each.uid for each in missing])
            }
    return found


# --- Counts, years and artwork of albums and artists ---


def settle(touched: Touched) -> None:
    """Update the counts, years, artists and artwork of touched rows, and delete those without tracks."""
    for albums in batched(sorted(touched.albums), IN_STATEMENT):
        touched.artists |= _settle_albums(albums)
    for artists in batched(sorted(touched.artists), IN_STATEMENT):
        _settle_artists(artists)
    touched.clear()


def settle_everything() -> None:
    """Settle the whole catalog, for example after a scan that was killed."""
    albums, artists = Album.objects.values_list("pk", flat=True), Artist.objects.values_list("pk", flat=True)
    settle(Touched(set(albums), set(artists)))


@dataclass(slots=True)
class _Summary:
    count: int = 0
    total: int = 0
    year: int | None = None
    artwork: str = ""
    by: set[int | None] = field(default_factory=set)

    def add(self, track: Track) -> None:
        self.total += 1
        self.count += track.available
        self.year = min(filter(None, [self.year, track.year]), default=None)
        self.artwork = self.artwork or track.artwork
        self.by.add(track.by_artist_id)


def _settle_albums(ids: Collection[int]) -> set[int]:
    """Settle albums. Returns the artists that they had and have."""
    summaries: defaultdict[int, _Summary] = defaultdict(_Summary)
    rows = Track.objects.filter(in_album__in=ids).order_by("-available", "disc", "number", "id")
    for track in rows.only("in_album", "available", "year", "artwork", "by_artist"):
        summaries[track.in_album_id or 0].add(track)
    albums = list(Album.objects.filter(pk__in=ids).select_related("artist"))
    touched = {album.artist_id for album in albums}
    _choose_artists([album for album in albums if album.folder], summaries)
    changed = [album for album in albums if summaries[album.pk].total and _update(album, summaries[album.pk])]
    fields = ["track_count", "year", "artwork", "artist", "is_compilation", "artist_words"]
    Album.objects.bulk_update(changed, fields, batch_size=100)
    Album.objects.filter(pk__in=[album.pk for album in albums if not summaries[album.pk].total]).delete()
    return {artist for artist in touched | {album.artist_id for album in albums} if artist is not None}


def _choose_artists(albums: list[Album], summaries: dict[int, _Summary]) -> None:
    """Give albums without an album artist the artist of all their tracks, else "Various Artists"."""
    if not albums:
        return
    various: dict[str, Artist] = {}
    for album in albums:
        artists = summaries[album.pk].by
        if len(artists) == 1:
            (by,) = artists
            artist = album.artist if by == album.artist_id else Artist.objects.filter(pk=by or 0).first()
        else:
            uid = artist_uid(album.source, VARIOUS_ARTISTS)
            if uid not in various:
                various |= _saved(Artist, {uid: _new_artist(uid, album.source, VARIOUS_ARTISTS)})
            artist = various[uid]
        album.artist = artist
        album.is_compilation = len(artists) > 1
        album.artist_words = artist.title_words if artist else ""


def _update(album: Album, summary: _Summary) -> bool:
    """Return whether the album's row changes."""
    new = (summary.count, summary.year, summary.artwork)
    old = (album.track_count, album.year, album.artwork)
    album.track_count, album.year, album.artwork = new
    return new != old or bool(album.folder)


def _settle_artists(ids: Collection[int]) -> None:
    counts: defaultdict[int | None, int] = defaultdict(int)
    own = Track.objects.filter(by_artist__in=ids, available=True).values_list("by_artist_id")
    counts.update(own.annotate(Count("id")).order_by())
    others = Track.objects.filter(in_album__artist__in=ids, available=True)
    others = others.filter(Q(by_artist=None) | ~Q(by_artist=F("in_album__artist")))
    for artist, count in others.values_list("in_album__artist_id").annotate(Count("id")).order_by():
        counts[artist] += count
    artworks: dict[int | None, str] = {}
    pictured = Album.objects.filter(artist__in=ids).exclude(artwork="").order_by("-year", "-id")
    for artist, artwork in pictured.values_list("artist_id", "artwork"):
        artworks.setdefault(artist, artwork)
    kept = Artist.objects.filter(pk__in=ids)
    kept.filter(tracks=None, albums=None).delete()
    changed = []
    for row in kept.only("track_count", "artwork"):
        new = (counts[row.pk], artworks.get(row.pk, ""))
        if new != (row.track_count, row.artwork):
            row.track_count, row.artwork = new
            changed.append(row)
    Artist.objects.bulk_update(changed, ["track_count", "artwork"], batch_size=100)
