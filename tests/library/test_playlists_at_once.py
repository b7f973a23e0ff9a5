"""Two people, or two requests, change one playlist at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from accounts.errors import Refusal
from library.domain.playlist_entries import add_tracks, move_entry, remove_entries
from library.domain.playlists import create_playlist
from library.models import Playlist, PlaylistEntry
from library.playlist_queries import entries_of
from realtime.models import Via
from realtime.origin import Origin
from tests.factories import TrackFactory, UserFactory

pytestmark = pytest.mark.both_databases

InThreads = Callable[..., list[Any]]


def test_nothing_is_lost_and_no_limit_exceeded(in_threads: InThreads, settings: Settings) -> None:
    settings.PLAYLIST_MAX_TRACKS = 10
    user = UserFactory.create()
    origin = Origin(user=user, via=Via.REST)
    playlist = create_playlist("Friday", origin=origin)
    uris = [TrackFactory.create().uri for _ in range(6)]

    def add(number: int) -> str:
        try:
            add_tracks(playlist.pk, [uris[number]] * 2, origin=origin)
        except Refusal as refusal:
            return refusal.code
        return ""

    codes = in_threads(6, add)
    assert sorted(codes) == ["", "", "", "", "", "PLAYLIST_FULL"]
    playlist.refresh_from_db()
    entries = list(entries_of(playlist))
    assert (playlist.length, len(entries)) == (10, 10)
    assert len({entry.position for entry in entries}) == 10


def test_moves_and_removals_keep_every_entry_once(in_threads: InThreads) -> None:
    origin = Origin(user=UserFactory.create(), via=Via.REST)
    playlist = create_playlist("Friday", origin=origin)
    ids = add_tracks(playlist.pk, [TrackFactory.create().uri for _ in range(6)], origin=origin)["entry_ids"]

    def change(number: int) -> None:
        if number < 2:
            remove_entries(playlist.pk, [ids[0], ids[1]], origin=origin)
        else:
            move_entry(playlist.pk, ids[number], after=ids[5] if number < 5 else None, origin=origin)

    in_threads(5, change)
    playlist.refresh_from_db()
    left = [str(entry.pk) for entry in entries_of(playlist)]
    assert (sorted(left), playlist.length) == (sorted(ids[2:]), 4)
    assert left[0] == ids[5]


def test_one_key_makes_one_playlist(in_threads: InThreads) -> None:
    user = UserFactory.create()
    origin = Origin(user=user, via=Via.REST, command_id="key-1")
    uri = TrackFactory.create().uri

    def make(number: int) -> Any:
        playlist = create_playlist("Friday", origin=origin)
        add_tracks(playlist.pk, [uri], origin=origin)
        return playlist.pk

    assert len(set(in_threads(4, make))) == 1
    assert (Playlist.objects.count(), PlaylistEntry.objects.count()) == (1, 1)
