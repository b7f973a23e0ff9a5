"""What a search finds in tracks, albums and artists, in which order, and how the indexes stay whole."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models.signals import post_migrate

from library.domain.catalog import Touched, place_tracks, settle
from library.domain.tracks import count_play, save_track, update_track
from library.models import Album, Artist, SearchVariant, SearchWord, Track
from library.search import search_catalog, search_library
from library.search_index import INDEXED, index_problem
from library.sources.types import Details
from library.spelling import correct, forget_unused_words, is_near, note_words
from library.words import index_words, query_terms, search_key
from tests.factories import TrackFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def plant(*songs: tuple[str, str, str]) -> list[Track]:
    """Save tracks with these titles, artists and albums, as a scan does."""
    tracks = [TrackFactory.create(title=title, artist=artist, album=album) for title, artist, album in songs]
    touched = Touched()
    for track in tracks:
        track.album_artist = track.artist
    place_tracks([(track, Details()) for track in tracks], touched)
    for track in tracks:
        track.save()
        note_words([track.title_words, track.artist_words, track.album_words])
    settle(touched)
    return tracks


def titles(query: str, **options: Any) -> list[str | None]:
    return [track.title for track in search_library(query, **options)]


def found(query: str) -> tuple[list[str | None], list[str], list[str]]:
    """Return the titles of tracks and albums, and the names of artists."""
    catalog = search_catalog(query)
    return (
        [track.title for track in catalog.tracks],
        [album.title for album in catalog.albums],
        [artist.name for artist in catalog.artists],
    )


def test_of_equal_matches_the_one_that_was_played_more_comes_first() -> None:
    one, two, three, begins, word, other = plant(
        ("Harbour", "Ada", "One"), ("Harbour", "Bo", "Two"), ("Harbour", "Cy", "Three"),
        ("Harbour Lights", "Ada", "One"), ("Old Harbour", "Ada", "One"), ("Song", "Harbour Boys", "Four"),
    )  # fmt: skip
    for track, plays in ((two, 1), (three, 2), (begins, 3), (word, 4), (other, 5)):
        for _ in range(plays):
            count_play(track.pk)
    # A better match stays before one that was played more.
    found = search_library("harbour")
    assert [track.pk for track in found] == [each.pk for each in (three, two, one, begins, word, other)]


def test_plays_survive_another_scan_and_are_not_lost_to_an_older_read() -> None:
    (track,) = plant(("Harbour", "Ada", "One"))
    count_play(track.pk)
    update_track(track)
    track.pk = None
    save_track(track)
    assert Track.objects.get().play_count == 1


def test_the_most_played_of_many_equal_titles_is_found() -> None:
    tracks = plant(*(("Intro", f"Artist {number}", "One") for number in range(60)))
    count_play(tracks[-1].pk)
    assert search_library("intro", limit=5)[0].pk == tracks[-1].pk


def test_tracks_albums_and_artists_are_found_with_the_title_first_then_artist_then_album() -> None:
    plant(
        ("Love", "Ada", "One"), ("Lovely Day", "Ada", "One"), ("Big Love", "Ada", "One"),
        ("Song", "Love Bites", "Two"), ("Tune", "Ada", "Love Letters"),
    )  # fmt: skip
    assert found("love") == (
        ["Love", "Lovely Day", "Big Love", "Song", "Tune"],
        ["Love Letters", "Two"],
        ["Love Bites"],
    )
    assert found("ada lov")[0] == ["Love", "Big Love", "Lovely Day", "Tune"]
    assert found("") == found("  ") == ([], [], [])


@pytest.mark.parametrize(
    ("title", "queries"),
    [
        ("青花瓷", ["青花瓷", "青", "花瓷", "瓷", "青花"]),
        ("夜に駆ける", ["夜に", "駆ける", "ける"]),
        ("ヨルシカ", ["よるしか", "ヨル", "しか"]),
        ("사랑을 했다", ["사랑", "랑을", "했다"]),
        ("สวัสดี", ["สวัส", "วัสดี"]),
        ("Группа крови", ["группа", "ГРУП", "крови гру"]),
        ("Ёлка", ["елка", "ЁЛКА"]),
        ("Ἑλλάς", ["ελλας", "ΕΛΛΑΣ"]),
        ("हिन्दी गाना", ["हिन्दी", "गाना"]),
        ("أغنية الحب", ["اغنيه", "الحب"]),
        ("Smörgåsbord", ["smorgasbord", "SMÖRGÅS"]),
        ("Don’t Stop", ["dont", "don't stop"]),
        ("Ｆｕｌｌ　Ｗｉｄｔｈ", ["full width"]),
        ("1e5 0x10", ["1e5", "0x1"]),
    ],
)
def test_every_script_is_found_by_words_beginnings_and_parts(title: str, queries: list[str]) -> None:
    plant((title, "A", "B"), ("Something else", "C", "D"))
    assert {query: titles(query) for query in queries} == {query: [title] for query in queries}


def test_one_mistake_is_forgiven_in_words_of_five_letters_and_only_if_nothing_matches() -> None:
    plant(("Wonderwall", "Oasis", "Morning Glory"), ("Wonderful", "Ada", "X"), ("Rain", "Ada", "X"))
    for typed in ("wonderwal", "wonderwalll", "wodnerwall", "wonderwakl", "onderwall", "wonderwall oasus"):
        assert titles(typed)[0] == "Wonderwall", typed
    assert titles("wondrew") == ["Wonderwall"]  # while typing
    assert sorted(map(str, titles("wonded"))) == ["Wonderful", "Wonderwall"]
    assert titles("raim") == []  # too short
    assert titles("wxndxrwall") == []  # two mistakes
    assert found("oasiss")[2] == ["Oasis"]
    plant(("Wonderwell", "B", "Y"))
    assert titles("wonderwell") == ["Wonderwell"]  # a word that exists is meant as it is


def test_an_exact_title_is_not_cut_off_by_hundreds_that_match_better_than_nothing() -> None:
    Track.objects.bulk_create(TrackFactory.build(title=f"The {number}") for number in range(300))
    plant(("The", "A", "B"))
    assert titles("the", limit=3)[0] == "The"
    assert len(titles("the", limit=500)) <= 501


def test_tracks_that_are_gone_and_what_has_only_such_tracks_are_not_found() -> None:
    one, _ = plant(("Moss", "Ada", "Green"), ("Fern", "Zoë", "Woods"))
    Track.objects.filter(pk=one.pk).update(available=False)
    touched = Touched()
    touched.note(one)
    settle(touched)
    assert found("moss") == found("ada") == found("green") == ([], [], [])
    assert found("zoe") == (["Fern"], ["Woods"], ["Zoë"])


def test_words_follow_their_rows() -> None:
    (track,) = plant(("Before", "Ada", "X"))
    Track.objects.filter(pk=track.pk).update(title="After", title_key="after", title_words="after")
    assert (titles("before"), titles("after")) == ([], ["After"])
    Track.objects.filter(pk=track.pk).update(duration_ms=1)
    assert titles("after") == ["After"]
    track.delete()
    assert titles("after") == []
    assert index_problem(connection) == ""


def migrated() -> None:
    """Send what `migrate` sends at its end."""
    config = apps.get_app_config("library")
    post_migrate.send(
        sender=config,
        app_config=config,
        using=connection.alias,
        verbosity=0,
        interactive=False,
        apps=apps,
        plan=[],
    )


def test_an_index_that_lost_its_triggers_is_told_and_mended_by_the_next_migrate() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no triggers here")
    plant(("Before", "Ada", "X"))
    with connection.cursor() as cursor:
        for indexed in INDEXED:
            for event in ("ai", "ad", "au"):
                cursor.execute(f"DROP TRIGGER {indexed.fts}_{event}")
    assert "triggers" in index_problem(connection)
    Track.objects.update(title_key="after", title_words="after")
    assert titles("before x") == ["Before"]  # stale
    migrated()
    assert (titles("before x"), titles("afte")) == ([], ["Before"])
    assert index_problem(connection) == ""
    migrated()
    assert titles("afte") == ["Before"]


def test_a_damaged_index_is_told_and_mended_by_the_next_migrate() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL's columns are part of the rows")
    plant(("Before", "Ada", "X"))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO library_track_fts(library_track_fts) VALUES ('delete-all')")
    assert "number of rows" in index_problem(connection)
    migrated()
    assert (titles("before"), index_problem(connection)) == (["Before"], "")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE library_track_fts_data SET block = x'00' WHERE id > 100")
    assert "damaged" in index_problem(connection)
    migrated()
    assert (titles("before"), index_problem(connection)) == (["Before"], "")


def test_words_are_stored_once_and_forgotten_when_no_track_has_them() -> None:
    note_words(["wonder wall 青花 1999 a", "wonder"])
    assert sorted(SearchWord.objects.values_list("word", flat=True)) == ["wall", "wonder"]
    assert SearchVariant.objects.filter(word__word="wall").count() == 4  # "wal" only once
    plant(("Wonder", "Ada", "X"))
    forget_unused_words()
    assert list(SearchWord.objects.values_list("word", flat=True)) == ["wonder"]
    assert not SearchVariant.objects.filter(variant="wal").exists()


@pytest.mark.parametrize(
    "query", ['"', "'", "\\", "a'b", "a:b*", "(", "NEAR(a b)", "a AND", "^a", "-a", "x" * 5000]
)
def test_what_means_something_to_a_database_is_only_text(query: str) -> None:
    plant(("A b", "Ada", "X"))
    search_library(query)
    search_catalog(query)


def test_a_dense_run_becomes_pairs_and_the_last_word_is_a_beginning() -> None:
    assert index_words(search_key("青花瓷 Live")) == "青花 花瓷 瓷 live"
    assert query_terms(search_key("live 青花瓷")) == [("live", False), ("青花", False), ("花瓷", False)]
    assert query_terms(search_key("青")) == [("青", True)]
    assert query_terms(search_key("two wor")) == [("two", False), ("wor", True)]


@pytest.mark.parametrize(
    ("typed", "word", "near"),
    [("abcde", "abcde", True), ("abde", "abcde", True), ("abdce", "abcde", True), ("axcxe", "abcde", False)],
)
def test_one_mistake_is_a_letter_or_a_swap(typed: str, word: str, near: bool) -> None:
    assert is_near(typed, word, is_prefix=False) is near
    assert correct([("zzzzz", True)]) is None


def test_artists_and_albums_are_kept_apart_by_their_keys() -> None:
    plant(("One", "Beyoncé", "B'Day"), ("Two", "BEYONCE", "B’day"))
    assert (Artist.objects.count(), Album.objects.count()) == (1, 1)


def test_a_long_title_is_found() -> None:
    title = " ".join(f"word{number}" for number in range(40))[:300]
    plant((title, "A", "B"))
    assert titles("word1 word2") == [title]
