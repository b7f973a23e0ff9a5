"""Suggests tracks of the library while somebody types, each under a unique name.

Discord accepts 25 suggestions with names and values of at most 100 characters. nextcord takes them as a dict. Clients
have sent the name instead of the value, or spaces after it (discord-api-docs, issues 4467, 4595, 5749).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from django.conf import settings

from botrunner.labels import clock, cut, label, length
from library.domain.find import search_library
from library.models import Track
from library.sources.library import known_folder
from realtime.db import in_thread

MOST = 25
LONGEST = 100
LONGEST_DETAIL = 30
REMEMBERED = 5_000
WAIT_SECONDS = 1.0
AT_ONCE = 2  # searches at a time, because others need the database's thread pool as well


def _folder(track: Track) -> str:
    return known_folder(settings.MEDIA_LIBRARY, track.uri.removeprefix("library:"))


# These distinguish tracks of the same title and artist.
DETAILS: tuple[Callable[[Track], str], ...] = (
    lambda track: track.album or "",
    lambda track: clock(track.duration_ms) if track.duration_ms else "",
    _folder,
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
            said = {index: cut(detail(tracks[index]), LONGEST_DETAIL) for index in places}
            if len(set(said.values())) > 1:
                for index, each in said.items():
                    details[index] += [each] if each else []
    while groups := alike():
        for places in groups:
            for number, index in enumerate(places, start=1):
                details[index].append(f"#{number}")
    return {name(index): track for index, track in enumerate(tracks)}


class Suggestions:
    """Finds tracks, and remembers which value was suggested under which name."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}  # oldest first
        self._searching = asyncio.Semaphore(AT_ONCE)

    async def find(self, typed: str) -> dict[str, str]:
        """Return values by name, at most 25. A cancelled search runs on and keeps its slot until it ends.

        Raises TimeoutError if earlier searches take too long, or a DatabaseError.
        """
        async with asyncio.timeout(WAIT_SECONDS):
            await self._searching.acquire()
        search = asyncio.ensure_future(in_thread(search_library)(typed, limit=MOST))
        search.add_done_callback(self._searched)
        tracks = await asyncio.shield(search)
        return {name: self._remember(name, track.uri) for name, track in name_tracks(tracks).items()}

    def meant(self, query: str) -> str:
        """Return the value of a suggested name. Other text is returned unchanged."""
        return self._values.get(query.strip(), query)

    def _searched(self, search: asyncio.Future[list[Track]]) -> None:
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
