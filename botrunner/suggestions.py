"""Suggests tracks of the library and of the queue while somebody types, each under a unique name.

Discord accepts 25 suggestions with names and values of at most 100 characters. nextcord takes them as a dict. Clients
have sent the name instead of the value, or spaces after it (discord-api-docs, issues 4467, 4595, 5749).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import ngettext

from botrunner.changes import find_changes
from botrunner.labels import cut, label, length
from botrunner.picking import LONGEST, MOST, name_item, read_range
from botrunner.playlists import find_entries, find_lists, pick_list
from library.clock import clock
from library.errors import PlaylistNotFound
from library.models import PlaylistEntry, Track
from library.playlist_rights import Access
from library.search import Found, search_catalog, search_library
from library.shapes import artist_name
from library.words import search_key
from queue_app.models import QueueItem
from queue_app.numbers import numbered_items, search_queue
from realtime.db import in_thread

LONGEST_DETAIL = 30
LISTS_IN_PLAY, ARTISTS_IN_PLAY, ALBUMS_IN_PLAY = 5, 2, 3  # at most, among the suggestions of /play
REMEMBERED = 5_000
WAIT_SECONDS = 1.0
AT_ONCE = 2  # searches at a time, because others need the database's thread pool as well


# These distinguish tracks of the same title and artist.
DETAILS: tuple[Callable[[Track], str], ...] = (
    lambda track: track.album or "",
    lambda track: clock(track.duration_ms) if track.duration_ms else "",
    lambda track: track.folder,
)


def name_tracks(tracks: Sequence[Track]) -> dict[str, Track]:
    """Return the tracks by unique names, in order: title and artist, plus as many details as it takes."""
    details: list[list[str]] = [[] for _ in tracks]

    def name(index: int) -> str:
        more = "".join(f" · {each}" for each in details[index])
        return cut(label(tracks[index].title, tracks[index].artist), LONGEST - length(more)) + more

    def alike() -> list[list[int]]:
        """Return groups of indexes that share a name."""
        names = [name(index) for index in range(len(tracks))]
        twice = [each for each, count in Counter(names).items() if count > 1]
        return [[index for index, each in enumerate(names) if each == one] for one in twice]

    for detail in DETAILS:
        for places in alike():
            shortened = {index: cut(detail(tracks[index]), LONGEST_DETAIL) for index in places}
            if len(set(shortened.values())) > 1:
                for index, each in shortened.items():
                    details[index] += [each] if each else []
    while groups := alike():
        for places in groups:
            for number, index in enumerate(places, start=1):
                details[index].append(f"#{number}")
    return {name(index): track for index, track in enumerate(tracks)}


def _find_queued(guild_id: str, typed: str) -> list[tuple[int, QueueItem]]:
    """Return queued items with their numbers: the one of a typed number, then those whose title has the words."""
    found = search_queue(guild_id, typed, limit=MOST)
    if typed.isascii() and typed.isdecimal() and len(typed) < 10:
        number = int(typed)
        numbered = [(number, item) for item in numbered_items(guild_id, number, number)]
        found = [*numbered, *(each for each in found if each[0] != number)]
    return found[:MOST]


def _name_range(first: int, last: int) -> str:
    count = last - first + 1
    name = ngettext(
        "Number %(first)s to %(last)s: %(count)s track",
        "Number %(first)s to %(last)s: %(count)s tracks",
        count,
    )
    return name % {"first": first, "last": last, "count": count}


def _find_entries(guild_id: str, discord_id: str, playlist: str, typed: str) -> dict[str, PlaylistEntry]:
    """Return the tracks of a playlist by name, none if no playlist is meant."""
    try:
        found = pick_list(guild_id, discord_id, playlist, needed=Access.EDIT, favorites=False)
    except PlaylistNotFound:
        return {}
    assert found.playlist is not None
    return find_entries(found.playlist, typed)


def _name_wholes(found: Found, typed: str) -> dict[str, str]:
    """Return the uris of artists and albums that begin with what was typed, by name."""
    key = search_key(typed)
    artists = [artist for artist in found.artists if artist.title_key.startswith(key)]
    albums = [album for album in found.albums if album.title_key.startswith(key)]
    named = {f"🎤 {cut(artist.name, LONGEST - 3)}": artist.uri for artist in artists[:ARTISTS_IN_PLAY]}
    for album in albums[:ALBUMS_IN_PLAY]:
        named.setdefault(f"💿 {cut(label(album.title, artist_name(album)), LONGEST - 3)}", album.uri)
    return named


class Suggestions:
    """Finds tracks, and remembers which value was suggested under which name."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}  # oldest first
        self._searching = asyncio.Semaphore(AT_ONCE)

    async def find(self, typed: str) -> dict[str, str]:
        """Return values by name, at most 25. A cancelled search runs on and keeps its slot until it ends.

        Raises TimeoutError if earlier searches take too long, or a DatabaseError.
        """
        tracks = await self._search(search_library, typed, limit=MOST)
        return {name: self._remember(name, track.uri) for name, track in name_tracks(tracks).items()}

    async def playable(self, guild_id: str, discord_id: str, typed: str) -> dict[str, str]:
        """Return values for /play by name: playlists with the typed words, artists and albums that begin with them,
        then tracks. Raises as `find`."""
        if not typed.strip():
            return await self.find(typed)
        lists = await self.playlists(guild_id, discord_id, typed)
        found: Found = await self._search(search_catalog, typed, limit=MOST)
        first = {f"📜 {cut(name, LONGEST - 3)}": uri for name, uri in list(lists.items())[:LISTS_IN_PLAY]}
        named = {
            name: self._remember(name, uri) for name, uri in (first | _name_wholes(found, typed)).items()
        }
        tracks = {name: self._remember(name, track.uri) for name, track in name_tracks(found.tracks).items()}
        return dict(list((named | tracks).items())[:MOST])

    async def playlists(
        self,
        guild_id: str,
        discord_id: str,
        typed: str,
        *,
        needed: Access = Access.READ,
        favorites: bool = True,
    ) -> dict[str, str]:
        """Return the uris of playlists that a person may use, by name, at most 25. Raises as `find`."""
        found = await self._search(
            find_lists, guild_id, discord_id, typed, needed=needed, favorites=favorites
        )
        return {name: each.uri for name, each in found.items()}

    async def entries(self, guild_id: str, discord_id: str, playlist: str, typed: str) -> dict[str, str]:
        """Return the ids of the tracks of a playlist by name, at most 25. Raises as `find`."""
        found = await self._search(_find_entries, guild_id, discord_id, playlist, typed)
        return {name: str(entry.pk) for name, entry in found.items()}

    async def queued(self, guild_id: str, typed: str, *, several: bool = False) -> dict[str, str]:
        """Return the ids of queued items by name, at most 25; if `several`, a typed range too. Raises as `find`."""
        ends = read_range(typed)
        if ends is not None:
            return {_name_range(*ends): typed.strip()} if several else {}
        items = await self._search(_find_queued, guild_id, typed.strip())
        return {name_item(number, item): str(item.pk) for number, item in items}

    async def changes(self, guild_id: str, discord_id: str, typed: str, *, redo: bool) -> dict[str, str]:
        """Return the primary keys of changes that a person may undo, or redo, by name, at most 25. Raises as `find`."""
        found = await self._search(find_changes, guild_id, discord_id, typed, redo=redo)
        return {name: str(change.pk) for name, change in found.items()}

    def meant(self, query: str) -> str:
        """Return the value of a suggested name. Other text is returned unchanged."""
        return self._values.get(query.strip(), query)

    async def _search[**P, R](self, function: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
        """Run a search in a thread, as soon as there is a slot."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self._searching.acquire()
        search = asyncio.ensure_future(in_thread(function)(*args, **options))
        search.add_done_callback(self._searched)
        return await asyncio.shield(search)

    def _searched(self, search: asyncio.Future[Any]) -> None:
        self._searching.release()
        if not search.cancelled():
            search.exception()  # retrieved, in case the caller was cancelled

    def _remember(self, name: str, uri: str) -> str:
        """Return the value that Discord will send back: the uri, or the name if the uri is too long."""
        self._values.pop(name, None)
        self._values[name] = uri
        if len(self._values) > REMEMBERED:
            del self._values[next(iter(self._values))]
        return uri if length(uri) <= LONGEST else name
