"""Names of suggested tracks are unique, short enough, and never cut inside a character."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from botrunner.labels import cut, length
from botrunner.picking import LONGEST
from botrunner.suggestions import Suggestions, name_tracks
from library.domain.catalog import Touched, place_tracks, settle
from library.models import Album, Artist, Track
from library.sources.types import Details
from tests.factories import TrackFactory

FAMILY = "👨‍👩‍👧"


def track(title: str | None = "Same Song", artist: str | None = "Same Artist", **more: object) -> Track:
    return TrackFactory.build(title=title, artist=artist, **{"album": None, "duration_ms": None} | more)


def names(*tracks: Track) -> list[str]:
    found = name_tracks(tracks)
    assert list(found.values()) == list(tracks)
    return list(found)


def test_a_track_of_its_own_is_called_by_title_and_artist() -> None:
    assert names(track(album="Album"), track("Other", None)) == ["Same Song – Same Artist", "Other"]
    assert names(track(None, "Someone"), track("two\nlines", " ")) == ["Untitled – Someone", "two lines"]


def test_equal_ones_are_told_apart_by_album_then_length_then_number() -> None:
    assert names(track(album="Live", duration_ms=60_000), track(album="Studio", duration_ms=60_000)) == [
        "Same Song – Same Artist · Live",
        "Same Song – Same Artist · Studio",
    ]
    assert names(track(duration_ms=61_000), track(duration_ms=3_661_000), track()) == [
        "Same Song – Same Artist · 1:01",
        "Same Song – Same Artist · 1:01:01",
        "Same Song – Same Artist",
    ]
    assert names(track(album="Live"), track(album="Live"), track()) == [
        "Same Song – Same Artist · Live · #1",
        "Same Song – Same Artist · Live · #2",
        "Same Song – Same Artist",
    ]


def test_equal_ones_in_different_folders_are_told_apart_by_them() -> None:
    one, two = (track(uri=f"library:{folder}", folder=folder) for folder in ("Disc 1", "Disc 2"))
    assert names(one, two) == ["Same Song – Same Artist · Disc 1", "Same Song – Same Artist · Disc 2"]


def test_long_titles_that_begin_alike_differ() -> None:
    found = names(track("x" * 150 + "1", None), track("x" * 150 + "2", None))
    assert found == ["x" * 94 + "… · #1", "x" * 94 + "… · #2"]


@pytest.mark.parametrize("character", [FAMILY, "e\u0301", "🇩🇪", "👍🏽", "각", "नी"])
def test_nothing_is_cut_within_what_people_see_as_one_character(character: str) -> None:
    for offset in range(8):
        (name,) = names(track("x" * offset + character * 60, None))
        assert length(name) <= LONGEST
        whole = name.removesuffix("…").removeprefix("x" * offset)
        assert whole == character * (len(whole) // len(character))


texts = st.none() | st.text(max_size=200) | st.sampled_from(["Same", FAMILY * 30, "x" * 99, "x" * 101])
tracks = st.builds(
    lambda title, artist, album, length: track(title, artist, album=album, duration_ms=length),
    texts,
    st.none() | st.sampled_from(["A", "B" * 120]),
    st.none() | st.sampled_from(["One", "Two", "A" * 90]),
    st.none() | st.sampled_from([1_000, 2_000, 36_000_000]),
)


@given(st.lists(tracks, max_size=25))
def test_whatever_is_found_every_track_has_a_name_that_discord_takes(found: list[Track]) -> None:
    assert len(names(*found)) == len(found)
    assert all(1 <= length(name) <= LONGEST and name == name.strip() for name in names(*found))


@given(st.text(max_size=40), st.integers(1, 40))
def test_a_cut_text_is_the_beginning_of_what_was_there(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert length(short) <= limit
    if short != text:
        kept = short.removesuffix("…")
        assert text.startswith(kept)
        pieces = regex.findall(r"\X", text)
        assert any("".join(pieces[:count]).rstrip() == kept for count in range(len(pieces)))


@pytest.mark.django_db(transaction=True)
async def test_a_name_that_comes_back_means_its_track_and_a_long_link_is_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from realtime.db import in_thread

    link = "library:" + "a" * 200
    await in_thread(TrackFactory.create)(title="Long", artist=None, uri=link)
    suggestions = Suggestions()
    assert await suggestions.find("long") == {"Long": "Long"}
    assert suggestions.meant("Long ") == link
    assert suggestions.meant(" something else ") == " something else "


@pytest.mark.django_db(transaction=True)
async def test_play_suggests_artists_and_albums_that_begin_with_what_was_typed() -> None:
    from realtime.db import in_thread

    def plant() -> dict[str, str]:
        touched = Touched()
        track = TrackFactory.create(title="Moss", artist="Understorey", album="Moss and Fern")
        place_tracks([(track, Details())], touched)
        track.save()
        settle(touched)
        return {"track": track.uri, "album": Album.objects.get().uri, "artist": Artist.objects.get().uri}

    uris, suggestions = await in_thread(plant)(), Suggestions()
    assert await suggestions.playable("1", "2", "mos") == {
        "💿 Moss and Fern – Understorey": uris["album"],
        "Moss – Understorey": uris["track"],
    }
    assert await suggestions.playable("1", "2", "under") == {
        "🎤 Understorey": uris["artist"],
        "Moss – Understorey": uris["track"],
    }
    assert suggestions.meant("🎤 Understorey") == uris["artist"]
