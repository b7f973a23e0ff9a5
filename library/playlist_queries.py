"""Reads of playlists, their entries and favorites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet, Sum

from accounts.models import User
from accounts.shapes import user_shape
from library.domain.find import find_tracks
from library.domain.playlist_entries import words_of
from library.models import Collaborator, Favorite, KeptTrack, Playlist, PlaylistEntry
from library.playlist_rights import Reader
from library.playlist_shapes import collaborator_shape, playlist_shape, words_shape
from library.shapes import track_shape
from library.words import search_key

PAGE = 100
EXPORT_PAGE = 500


def read_playlists(user: User, *, guild_id: str | None = None) -> list[dict[str, Any]]:
    """Return the playlists that a person may read, by name. `guild_id`: only those of that guild."""
    reader = Reader(user)
    visible = reader.visible().order_by("name", "id")
    if guild_id is not None:
        visible = visible.filter(guild=guild_id)
    return [playlist_shape(each, access) for each in visible if (access := reader.access(each)) is not None]


def search_playlists(user: User, query: str, *, limit: int) -> list[dict[str, Any]]:
    """Return the playlists that a person may read and whose names have every word of `query`, best match first."""
    key = search_key(query)
    words = key.split()
    reader = Reader(user)
    named = reader.visible().select_related(None).prefetch_related(None).values_list("pk", "name")
    keys = {pk: search_key(name) for pk, name in named}
    alike = [pk for pk, name in keys.items() if words and all(word in name for word in words)]
    alike.sort(key=lambda pk: (keys[pk] != key, not keys[pk].startswith(key), len(keys[pk]), keys[pk], pk))
    found = {each.pk: each for each in reader.visible().filter(pk__in=alike[:limit])}
    shown = [(found[pk], reader.access(found[pk])) for pk in alike[:limit] if pk in found]
    return [playlist_shape(each, access) for each, access in shown if access is not None]


def read_playlist(user: User, playlist: Playlist) -> dict[str, Any]:
    """Return one playlist that the person may read, in its shape."""
    reader = Reader(user)
    found = reader.find(playlist.pk)
    assert found is not None
    access = reader.access(found)
    assert access is not None
    return playlist_shape(found, access)


def entries_of(playlist: Playlist) -> QuerySet[PlaylistEntry]:
    """Return the entries of a playlist in order, without removed ones."""
    return PlaylistEntry.objects.filter(playlist=playlist, removed_at=None).order_by("position", "id")


def read_entries(playlist: Playlist, *, after: int | None, limit: int) -> dict[str, Any]:
    """Return a page of a playlist. `after`: the `next` of the page before."""
    entries = entries_of(playlist).select_related("added_by")
    total_ms = entries_of(playlist).aggregate(ms=Sum("duration_ms"))["ms"] or 0
    page = list((entries if after is None else entries.filter(position__gt=after))[: limit + 1])
    return {
        "items": entry_shapes(page[:limit]),
        "length": playlist.length,
        "duration_ms": total_ms,
        "next": str(page[limit - 1].position) if len(page) > limit else None,
    }


def entry_shapes(entries: Sequence[PlaylistEntry]) -> list[dict[str, Any]]:
    """Return entries in their shapes. Who added them should be loaded."""
    return [
        {
            "id": str(entry.pk),
            "added_by": user_shape(entry.added_by) if entry.added_by else None,
            "added_at": entry.added_at.isoformat(),
        }
        | kept
        for entry, kept in zip(entries, _kept_shapes(entries), strict=True)
    ]


def read_favorites(user: User, *, after: int | None, limit: int) -> dict[str, Any]:
    """Return a page of a person's favorites, newest first. `after`: the `next` of the page before."""
    favorites = Favorite.objects.filter(user=user).order_by("-id")
    page = list((favorites if after is None else favorites.filter(pk__lt=after))[: limit + 1])
    kept = _kept_shapes(page[:limit])
    return {
        "items": [
            {"added_at": favorite.created_at.isoformat()} | shape
            for favorite, shape in zip(page, kept, strict=False)
        ],
        "length": favorites.count(),
        "next": str(page[limit - 1].pk) if len(page) > limit else None,
    }


def _kept_shapes(kept: Sequence[KeptTrack]) -> list[dict[str, Any]]:
    """Return `{track, available}` of each. A track that is gone is shown with the words that were kept."""
    found = find_tracks([each.uri for each in kept])
    return [
        {"track": track_shape(found[each.uri]), "available": True}
        if each.uri in found and found[each.uri].pk is not None
        else {"track": words_shape(each), "available": each.uri in found}
        for each in kept
    ]


# --- The export of a person's data ---


def export_playlists(user: User) -> Iterator[dict[str, Any]]:
    """Yield the playlists of a person, and those of guilds that they created. One query for each."""
    mine = Playlist.objects.filter(owner=user) | Playlist.objects.filter(created_by=user)
    for playlist in mine.distinct().order_by("created_at", "id"):
        shared = playlist.collaborators.select_related("user")
        yield {
            "id": str(playlist.pk),
            "name": playlist.name,
            "guild_id": playlist.guild_id,
            "created_at": playlist.created_at.isoformat(),
            "deleted_at": playlist.deleted_at.isoformat() if playlist.deleted_at else None,
            "collaborators": [collaborator_shape(each) for each in shared],
        }


def export_entries(user: User) -> Iterator[dict[str, Any]]:
    """Yield the entries of a person's own playlists, and those that they added to others, by playlist. One query for
    each page."""
    entries = PlaylistEntry.objects.filter(playlist__owner=user) | PlaylistEntry.objects.filter(added_by=user)
    entries = entries.order_by("pk")
    page = list(entries[:EXPORT_PAGE])
    while page:
        for entry in page:
            yield {
                "playlist_id": str(entry.playlist_id),
                "position": entry.position,
                "added_at": entry.added_at.isoformat(),
            } | words_of(entry)
        page = list(entries.filter(pk__gt=page[-1].pk)[:EXPORT_PAGE])


def export_favorites(user: User) -> Iterator[dict[str, Any]]:
    favorites = Favorite.objects.filter(user=user).order_by("pk")
    page = list(favorites[:EXPORT_PAGE])
    while page:
        yield from ({"added_at": each.created_at.isoformat()} | words_of(each) for each in page)
        page = list(favorites.filter(pk__gt=page[-1].pk)[:EXPORT_PAGE])


def export_collaborations(user: User) -> list[dict[str, Any]]:
    return [
        {"playlist_id": str(each.playlist_id), "since": each.created_at.isoformat()}
        for each in Collaborator.objects.filter(user=user)
    ]
