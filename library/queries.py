"""Reads of the catalog that several places use."""

from __future__ import annotations

from django.db.models import F, Q, QuerySet

from library.models import MAX_FOLDER, Album, Artist, Track

ON_ALBUM = (F("disc").asc(nulls_first=True), F("number").asc(nulls_last=True), "path", "id")
"""The order of the tracks of an album."""


def available_tracks() -> QuerySet[Track]:
    return Track.objects.filter(available=True)


def album_tracks(album: Album) -> QuerySet[Track]:
    """Return the available tracks of an album, in order."""
    return available_tracks().filter(in_album=album).order_by(*ON_ALBUM)


def artist_tracks(artist: Artist) -> QuerySet[Track]:
    """Return the available tracks of an artist and of the artist's albums: the oldest album first, then singles."""
    # Two lookups by an index. One condition with OR would read all tracks.
    own = Track.objects.filter(by_artist=artist).values("pk")
    on_albums = Track.objects.filter(in_album__artist=artist).values("pk")
    return (
        available_tracks()
        .filter(Q(pk__in=own) | Q(pk__in=on_albums))
        .order_by(
            F("in_album__year").asc(nulls_last=True),
            F("in_album__sort_key").asc(nulls_last=True),
            "in_album_id",
            *ON_ALBUM,
        )
    )


def folder_tracks(folder: str, *, below: bool = True) -> QuerySet[Track]:
    """Return the available tracks of a folder of the library, and of the folders `below` it, in order.

    `folder` is its path below the library, separated by slashes. "" is the library's folder itself.
    """
    folder = folder.strip("/")[:MAX_FOLDER]
    tracks = available_tracks().filter(source="library")
    if folder or not below:
        tracks = tracks.filter(in_folder(folder) if below else Q(folder=folder))
    return tracks.order_by("folder", *ON_ALBUM)


def in_folder(folder: str) -> Q:
    """Return the condition for tracks of a folder and of those below it."""
    return Q(source="library") & (Q(folder=folder) | Q(folder__gte=f"{folder}/", folder__lt=f"{folder}0"))
