"""Search the catalog: tracks, albums and artists, best match first.

There are four tiers, each used only while there is room: the title is the query, the title begins with it, the title
has all its words, any column has them. The databases do not rank: sorting all matches of a common beginning by rank
took up to 98 ms for 100,000 tracks, this takes 2 ms (`bench/library.py`). Within a tier, tracks that were played more
often come first. If nothing matches, typing mistakes are corrected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Model, QuerySet

from database.prepared import Prepared
from library.models import Album, Artist, Track
from library.search_index import ALBUMS, ARTISTS, TRACKS, Indexed
from library.sources import searchable_sources
from library.spelling import correct
from library.words import LAST, query_terms, search_key

MAX_QUERY = 500
CANDIDATES = 200  # of one tier
AT_ONCE = 25  # rows in one statement

type Groups = list[list[tuple[str, bool]]]
"""The words that must match, each with its alternatives, and whether it is only the beginning of a word."""


class _Kind(NamedTuple):
    """What is searched. `shown`: the condition for rows that people may see. `plays`: how often a row was played."""

    model: type[Model]
    indexed: Indexed
    shown: str
    plays: str = "0"


_TRACKS = _Kind(Track, TRACKS, "available", "play_count")
_ALBUMS = _Kind(Album, ALBUMS, "track_count > 0")
_ARTISTS = _Kind(Artist, ARTISTS, "track_count > 0")


@dataclass(slots=True)
class Found:
    """The best matches of each kind."""

    tracks: list[Track] = field(default_factory=list)
    albums: list[Album] = field(default_factory=list)
    artists: list[Artist] = field(default_factory=list)


def search_catalog(query: str, *, limit: int = 20) -> Found:
    """Return the tracks, albums and artists that match a query. An empty query matches nothing."""
    tracks, albums, artists = _search(query, (_TRACKS, _ALBUMS, _ARTISTS), searchable_sources(), limit)
    return Found(_load(_tracks, tracks), _load(_albums, albums), _load(_artists, artists))


def search_library(query: str, *, source: str | None = None, limit: int = 20) -> list[Track]:
    """Return the tracks that have every word of `query`, best match first. An empty query matches all tracks.

    `source` limits the search to one searchable source; None: all of them.
    """
    sources = [source] if source else searchable_sources()
    if not query.strip():
        return list(
            Track.objects.filter(source__in=sources, available=True).order_by("title_key", "id")[:limit]
        )
    (ids,) = _search(query, (_TRACKS,), sources, limit)
    return _load(_tracks, ids)


def _by_ids[M: Model](rows: QuerySet[M]) -> Prepared[M]:
    """Return a query for AT_ONCE rows. Building it each time takes longer than the search itself."""
    return Prepared(lambda *ids: rows.filter(pk__in=ids).order_by(), *[int] * AT_ONCE, many=True)


_tracks = _by_ids(Track.objects.all())
_albums = _by_ids(Album.objects.select_related("artist"))
_artists = _by_ids(Artist.objects.all())


def _load[M: Model](query: Prepared[M], ids: list[int]) -> list[M]:
    """Return the rows with these ids, in their order."""
    rows: dict[Any, M] = {}
    for part in batched(ids, AT_ONCE):
        filled = [*part, *[part[-1]] * (AT_ONCE - len(part))]
        rows |= {row.pk: row for row in query.all(*filled)}
    return [rows[each] for each in ids if each in rows]


def _search(query: str, kinds: Sequence[_Kind], sources: list[str], limit: int) -> list[list[int]]:
    """Return the ids of the best matches of each kind."""
    key = search_key(query[:MAX_QUERY].replace("\0", ""))
    if not key or not sources:
        return [[] for _ in kinds]
    terms = query_terms(key)
    groups: Groups = [[term] for term in terms]
    found = [_search_kind(kind, sources, key, groups, limit) for kind in kinds]
    if not any(found) and (corrected := correct(terms)):
        found = [_search_kind(kind, sources, "", corrected, limit) for kind in kinds]
    return found


type _Rank = tuple[int, int, int, int, int, str]


def _search_kind(kind: _Kind, sources: list[str], key: str, groups: Groups, limit: int) -> list[int]:
    ranks: dict[int, _Rank] = {}
    if key:
        for pk, title, plays in _titled(kind, sources, key, limit):
            ranks[pk] = (0 if title == key else 1, 0, 0, -plays, len(title), title)
    if len(ranks) < limit and groups:
        for pk, title, plays, *_ in _match(kind, sources, groups, "title"):
            ranks.setdefault(pk, (2, 0, 0, -plays, len(title), title))
    if len(ranks) < limit and groups and len(kind.indexed.columns) > 1:
        for pk, title, plays, in_title, in_artist in _match(kind, sources, groups, "all"):
            counts = (-_count(groups, in_title), -_count(groups, in_artist))
            ranks.setdefault(pk, (3, *counts, -plays, len(title), title))
    return sorted(ranks, key=lambda pk: (ranks[pk], pk))[:limit]


def _count(groups: Groups, words: str) -> int:
    """Return how many words of the query are among `words`."""
    text = f" {words} "
    return sum(
        any(f" {word}" + ("" if is_prefix else " ") in text for word, is_prefix in group) for group in groups
    )


def _titled(kind: _Kind, sources: list[str], key: str, limit: int) -> list[tuple[int, str, int]]:
    """Return the ids, keys and plays of titles that begin with the key: those that are the key come first."""
    table = kind.indexed.table
    return _rows(
        f"SELECT id, title_key, {kind.plays} FROM {table} WHERE title_key >= %s AND title_key < %s"
        f" AND source IN {_places(sources)} AND {kind.shown} ORDER BY title_key, id LIMIT %s",
        [key, key + LAST, *sources, limit if kind.plays == "0" else CANDIDATES],
    )


def _match(kind: _Kind, sources: list[str], groups: Groups, column: str) -> list[tuple[Any, ...]]:
    """Return rows that have the words in their title, or in `all` columns, in no particular order: id, key of the
    title, plays, words of the title and of the artist."""
    table, fts, columns = kind.indexed.table, kind.indexed.fts, kind.indexed.columns[:2]
    shown = f"source IN {_places(sources)} AND {kind.shown} LIMIT {CANDIDATES}"
    names = ("id", "title_key", kind.plays, *columns)
    select = ", ".join(name if name == "0" else f"{table}.{name}" for name in names)
    if connection.vendor == "postgresql":
        sql = f"SELECT {select} FROM {table} WHERE {column}_set @@ %s::tsquery AND {shown}"
        return _rows(sql, [_tsquery(groups), *sources])
    query = _fts_query(groups)
    return _rows(
        f"SELECT {select} FROM {table} JOIN {fts} ON id = {fts}.rowid WHERE {fts} MATCH %s AND {shown}",
        [f"title_words : ({query})" if column == "title" else query, *sources],
    )


def _rows(sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _places(values: list[str]) -> str:
    return f"({', '.join(['%s'] * len(values))})"


def _fts_query(groups: Groups) -> str:
    """A word has letters, numbers and marks only, so it needs no escaping, here and below."""
    return " AND ".join(
        "(" + " OR ".join(f'"{word}"{"*" if is_prefix else ""}' for word, is_prefix in group) + ")"
        for group in groups
    )


def _tsquery(groups: Groups) -> str:
    return " & ".join(
        "(" + " | ".join(f"'{word}'{':*' if is_prefix else ''}" for word, is_prefix in group) + ")"
        for group in groups
    )
