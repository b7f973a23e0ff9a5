"""Find the track that a person asked for."""

from __future__ import annotations

from collections.abc import Collection
from itertools import batched

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from database.prepared import Prepared
from library.errors import NothingFound
from library.models import Track
from library.search import MAX_QUERY, search_library
from library.sources import Source, find_source, source_of
from library.sources.links import find_link, is_link, trim, unwrap

LOOKED_UP = 500  # tracks in one statement
# What to say about a track of a `saved` source that is no longer available.
GONE = gettext_lazy("This track is no longer in the library. Search for another one.")
GONE_FROM = {"discord": gettext_lazy("This file is no longer kept. Upload it again.")}


def read_query(text: str) -> str:
    """Return the link in `text`, else a source's uri or the words. Idempotent."""
    link = find_link(text)
    if link is not None:
        return link
    words = trim(text)
    uri = unwrap(words)
    source = find_source(uri)
    return uri if source is not None and not is_link(uri) else words


_named = Prepared[Track](lambda uri: Track.objects.filter(uri=uri), str)


def find_track(query: str) -> Track:
    """Return the track that a query names by uri or link, else the best match of a search.

    Raises NothingFound.
    """
    text = read_query(query)
    source = find_source(text)
    if source is None or source.saved:
        return _find_saved(text, source)
    known = _named.first(text)
    if known is None:
        defaults = {"source": source.name, "url": text if is_link(text) else None}
        known, _ = Track.objects.get_or_create(uri=text, defaults=defaults)
    return known


def find_tracks(uris: Collection[str]) -> dict[str, Track]:
    """Return the tracks of uris and links, by uri. A uri that names no available track of a `saved` source is left out.

    The tracks of links that nobody named before are not saved yet (see `save_links`).
    """
    found = _saved(uris)
    for uri in uris:
        source = find_source(uri)
        if uri not in found and source is not None and not source.saved:
            found[uri] = Track(uri=uri, source=source.name, url=uri)
    return {uri: track for uri, track in found.items() if track.available or not source_of(uri).saved}


def save_links(tracks: Collection[Track]) -> list[Track]:
    """Save the tracks that are not saved yet. Returns all of them, in their order."""
    new = {track.uri: track for track in tracks if track.pk is None}
    if not new:
        return list(tracks)
    Track.objects.bulk_create(new.values(), ignore_conflicts=True)  # another guild may add the same link now
    saved = _saved(new)
    return [saved.get(track.uri, track) for track in tracks]


def _saved(uris: Collection[str]) -> dict[str, Track]:
    parts = batched(dict.fromkeys(uris), LOOKED_UP)
    return {track.uri: track for part in parts for track in Track.objects.filter(uri__in=part)}


def _find_saved(query: str, source: type[Source] | None) -> Track:
    """Return the track of a uri of `source`, or without one the best match of a search.

    Raises NothingFound, whose text says what to do.
    """
    if source is not None:
        known = _named.first(query)
        if known is None or not known.available:
            refusal = NothingFound(GONE_FROM.get(source.name, GONE))
            refusal.track = known
            raise refusal
        return known
    matches = search_library(query, limit=1) if query.strip() else []
    if not matches:
        raise NothingFound(
            _(
                "Nothing in the library matches “%(query)s”. Try other words, or a link to an audio file or stream."
            )
            % {"query": query[:100]}
        )
    return matches[0]


def stand_in(query: str) -> Track:
    """Return a track of source `none`, which shows a query that matched nothing."""
    text = read_query(query)
    return Track.objects.get_or_create(
        uri=f"none:{text[:MAX_QUERY]}", defaults={"source": "none", "title": text[:300]}
    )[0]
