"""Find tracks of the library by their words, for lists whose tracks have moved or come from another program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched

from library.models import KeptTrack, Track
from library.sources import searchable_sources
from library.words import search_key

IN_STATEMENT = 500
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


def match_words(wanted: Sequence[Words]) -> list[Track | None]:
    """Return the available track of each, or None if none fits or it is unclear which one does.

    Titles must be equal, apart from case, accents and signs, and so must artists if both are known. Of several such
    tracks, one of the same album or of the same length is taken.
    """
    keys = {search_key(words.title) for words in wanted} - {""}
    found: defaultdict[str, list[Track]] = defaultdict(list)
    for part in batched(sorted(keys), IN_STATEMENT):
        tracks = Track.objects.filter(title_key__in=part, available=True, source__in=searchable_sources())
        for track in tracks.order_by("id"):
            found[track.title_key].append(track)
    return [_best(words, found.get(search_key(words.title), [])) for words in wanted]


def _best(words: Words, tracks: Sequence[Track]) -> Track | None:
    fitting = [track for track in tracks if _agree(words.artist, track.artist)]
    if words.artist:
        fitting = [track for track in fitting if track.artist] or fitting
    ranked = sorted(fitting, key=lambda track: _likeness(words, track), reverse=True)
    if not ranked:
        return None
    best = ranked[0]
    # Without an artist, a title alone could be anybody's.
    alike = {search_key(track.artist or "") for track in ranked if _is_as_good(words, track, best)}
    return best if len(alike) == 1 else None


def _is_as_good(words: Words, track: Track, best: Track) -> bool:
    return _likeness(words, track) == _likeness(words, best)


def _likeness(words: Words, track: Track) -> tuple[bool, bool]:
    same_album = bool(words.album) and search_key(words.album) == search_key(track.album or "")
    lengths = (words.duration_ms, track.duration_ms)
    same_length = (
        lengths[0] is not None and lengths[1] is not None and abs(lengths[0] - lengths[1]) < SAME_LENGTH_MS
    )
    return same_album, same_length


def _agree(one: str, other: str | None) -> bool:
    return not one or not other or search_key(one) == search_key(other)
