"""Find tracks of the library by their words, for lists whose tracks have moved or come from another program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import batched, chain, islice, zip_longest

from database.statements import IN_STATEMENT
from library.models import KeptTrack, Track
from library.sources import searchable_sources
from library.words import search_key

MAX_COMPARED = 50  # tracks of one title with one line of a list
SAME_LENGTH_MS = 3_000  # two rips of one song differ by less


@dataclass(frozen=True, slots=True)
class Words:
    """What is known of a track. `title` may be empty."""

    title: str = ""
    artist: str = ""
    album: str = ""
    duration_ms: int | None = None

    @classmethod
    def of(cls, kept: KeptTrack) -> Words:
        return cls(kept.title or "", kept.artist or "", kept.album or "", kept.duration_ms)


@dataclass(frozen=True, slots=True)
class _Candidate:
    track: Track
    artist: str  # its key


class _Alike:
    """The tracks of one title. However many they are, a line is compared with MAX_COMPARED at most."""

    def __init__(self) -> None:
        # By album and artist. "" as an album stands for any.
        self._albums: defaultdict[str, defaultdict[str, list[_Candidate]]] = defaultdict(_lists)
        self._mixed: dict[str, list[_Candidate]] = {}

    def add(self, candidate: _Candidate, album: str) -> None:
        for each in {album, ""}:
            of_artist = self._albums[each][candidate.artist]
            if len(of_artist) < MAX_COMPARED:
                of_artist.append(candidate)

    def by(self, artist: str, album: str) -> list[_Candidate]:
        """Return the tracks of an artist, or else those of which no artist is known: of the album, or else all."""
        if not artist:
            return self._by_anybody(album if album in self._albums else "")
        everything = self._albums[""]
        known = artist if artist in everything else ""
        of_album = self._albums.get(album, everything)
        return of_album.get(known) or everything.get(known, [])

    def _by_anybody(self, album: str) -> list[_Candidate]:
        """Return tracks of as many artists as possible, so that none seems to be the only one."""
        if album not in self._mixed:
            in_turn = chain.from_iterable(zip_longest(*self._albums[album].values()))
            self._mixed[album] = list(islice(filter(None, in_turn), MAX_COMPARED))
        return self._mixed[album]


def _lists() -> defaultdict[str, list[_Candidate]]:
    return defaultdict(list)


def match_words(wanted: Sequence[Words]) -> list[Track | None]:
    """Return the available track of each, or None if none fits or it is unclear which one does.

    Titles must be equal, apart from case, accents and signs, and so must artists if both are known. Of several such
    tracks, one of the same album or of the same length is taken.
    """
    key_of = cache(search_key)  # slow, and lists repeat their artists and albums
    found = _find({key_of(words.title) for words in wanted} - {""}, key_of)
    return [_best(words, found.get(key_of(words.title)), key_of) for words in wanted]


def _find(keys: set[str], key_of: Callable[[str], str]) -> Mapping[str, _Alike]:
    found: defaultdict[str, _Alike] = defaultdict(_Alike)
    for part in batched(sorted(keys), IN_STATEMENT):
        tracks = Track.objects.filter(title_key__in=part, available=True, source__in=searchable_sources())
        for track in tracks.order_by("id"):
            candidate = _Candidate(track, key_of(track.artist or ""))
            found[track.title_key].add(candidate, key_of(track.album or ""))
    return found


def _best(words: Words, alike: _Alike | None, key_of: Callable[[str], str]) -> Track | None:
    candidates = alike.by(key_of(words.artist), key_of(words.album)) if alike else []
    best = [each for each in candidates if _is_as_long(words, each.track)] or candidates
    # Without an artist, a title alone could be anybody's.
    return best[0].track if len({each.artist for each in best}) == 1 else None


def _is_as_long(words: Words, track: Track) -> bool:
    if words.duration_ms is None or track.duration_ms is None:
        return False
    return abs(words.duration_ms - track.duration_ms) < SAME_LENGTH_MS
