"""What is suggested while somebody types: the library's tracks, each under a name of its own.

Discord takes 25 names and values of at most 100 characters, nextcord a dict of them. Clients have sent the name instead
of the value, and spaces behind it (discord-api-docs, issues 4467, 4595, 5749).
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
AT_ONCE = 2  # searches, also where the database is slow: the pool is everybody's


def _folder(track: Track) -> str:
    return known_folder(settings.MEDIA_LIBRARY, track.uri.removeprefix("library:"))


# What tells tracks of the same title and artist apart.
DETAILS: tuple[Callable[[Track], str], ...] = (
    lambda track: track.album or "",
    lambda track: clock(track.duration_ms) if track.duration_ms else "",
    _folder,
)


def name_tracks(tracks: Sequence[Track]) -> dict[str, Track]:
    """Return the tracks by names that differ, in their order: title and artist, and as much more as it takes."""
    details: list[list[str]] = [[] for _ in tracks]

    def name(index: int) -> str:
        more = "".join(f" · {each}" for each in details[index])
        return cut(label(tracks[index].title, tracks[index].artist), LONGEST - length(more)) + more

    def alike() -> list[list[int]]:
        """The places of those that have one name, by name."""
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
    """Finds tracks, and remembers what was suggested under which name."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}  # in order
        self._searching = asyncio.Semaphore(AT_ONCE)

    async def find(self, typed: str) -> dict[str, str]:
        """Return values by name, at most 25. Cancelling leaves the search to itself, and its place taken.

        Raises TimeoutError where others' searches take too long, or a DatabaseError.
        """
        async with asyncio.timeout(WAIT_SECONDS):
            await self._searching.acquire()
        search = asyncio.ensure_future(in_thread(search_library)(typed, limit=MOST))
        search.add_done_callback(self._searched)
        tracks = await asyncio.shield(search)
        return {name: self._remember(name, track.uri) for name, track in name_tracks(tracks).items()}

    def meant(self, query: str) -> str:
        """Return the value of a name that was suggested; other text is itself."""
        return self._values.get(query.strip(), query)

    def _searched(self, search: asyncio.Future[list[Track]]) -> None:
        self._searching.release()
        if not search.cancelled():
            search.exception()  # whoever asked may be gone

    def _remember(self, name: str, uri: str) -> str:
        """Return what Discord is to send back: the uri, or where that is too long the name."""
        self._values.pop(name, None)
        self._values[name] = uri
        if len(self._values) > REMEMBERED:
            del self._values[next(iter(self._values))]
        return uri if length(uri) <= LONGEST else name
