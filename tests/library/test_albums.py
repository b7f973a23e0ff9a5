"""Which albums and artists the files of a folder become."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pytest_django import Settings

from library.domain.identity import identify_album, main_artist, sort_key, split_disc
from library.domain.scan import scan_library
from library.models import Album, Artist, Track
from library.queries import album_tracks, artist_tracks, folder_tracks
from library.sources.file_names import read_name
from tests.library.audio_files import tone, write

type Files = Mapping[str, Mapping[str, str]]
type Library = Callable[[Files], None]


@pytest.fixture
def fill(tmp_path: Path, settings: Settings, db: None) -> Library:
    """Return a function that writes files with their tags into the library, and scans it."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_LIBRARY = root = tmp_path / "library"

    def fill(files: Files) -> None:
        for name, tags in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            write(root / f"{name}.flac", tone(0.05, hz=200 + len(list(root.rglob("*")))), tags=dict(tags))
        scan_library()

    return fill


def albums() -> dict[str, tuple[str | None, int]]:
    found = Album.objects.select_related("artist")
    return {album.title: (album.artist.name if album.artist else None, album.track_count) for album in found}


def titles(name: str) -> list[str | None]:
    return [track.title for track in album_tracks(Album.objects.get(title=name))]


def test_albums_are_their_album_artist_and_title_wherever_their_files_are(fill: Library) -> None:
    both = {"album": "Harbour Tapes", "album_artist": "Paper Ferries"}
    fill(
        {
            "a/two": both | {"title": "Two", "artist": "Paper Ferries feat. Moss", "track": "2/9"},
            "b/one": both | {"title": "One", "artist": "Paper Ferries", "track": "1", "date": "1999-05-01"},
            "c/other": {"title": "Other", "artist": "Moss", "album": "Harbour Tapes", "album_artist": "Moss"},
        }
    )
    found = Album.objects.get(artist__name="Paper Ferries")
    assert [track.title for track in album_tracks(found)] == ["One", "Two"]
    assert (found.year, found.track_count, found.is_compilation) == (1999, 2, False)
    assert Album.objects.filter(title="Harbour Tapes").count() == 2
    assert [track.title for track in artist_tracks(Artist.objects.get(name="Moss"))] == ["Other"]


def test_discs_are_one_album_by_tag_title_or_folder(fill: Library) -> None:
    fill(
        {
            "Tagged/x": {"title": "D2", "album": "Tagged", "album_artist": "A", "disc": "2/2", "track": "1"},
            "Tagged/y": {"title": "D1", "album": "Tagged", "album_artist": "A", "disc": "1/2", "track": "9"},
            "Titled/x": {"title": "T2", "album": "Titled (Disc 2)", "album_artist": "A"},
            "Titled/y": {"title": "T1", "album": "Titled [CD 1]", "album_artist": "A"},
            "Set/CD1/01 - First": {},
            "Set/Disc 2/01 - Second": {},
        }
    )
    assert albums() == {"Tagged": ("A", 2), "Titled": ("A", 2), "Set": (None, 2)}
    assert [titles(name) for name in ("Tagged", "Titled", "Set")] == [
        ["D1", "D2"], ["T1", "T2"], ["First", "Second"],
    ]  # fmt: skip


def test_compilations_are_by_various_artists(fill: Library) -> None:
    fill(
        {
            "c/1": {"title": "1", "artist": "A", "album": "Flagged", "compilation": "1"},
            "c/2": {"title": "2", "artist": "B", "album": "Flagged", "compilation": "1"},
            "d/1": {"title": "1", "artist": "A", "album": "Named", "album_artist": "various"},
            "e/1": {"title": "1", "artist": "A", "album": "Unnamed"},
            "e/2": {"title": "2", "artist": "B", "album": "Unnamed"},
            "f/1": {"title": "1", "artist": "A", "album": "Own"},
        }
    )
    various = "Various Artists"
    assert albums() == {
        "Flagged": (various, 2), "Named": (various, 1), "Unnamed": (various, 2), "Own": ("A", 1),
    }  # fmt: skip
    assert sorted(track.album or "" for track in artist_tracks(Artist.objects.get(name="A"))) == [
        "Flagged", "Named", "Own", "Unnamed",
    ]  # fmt: skip


def test_a_folder_without_tags_is_an_album_with_numbers_and_artists_from_its_names(fill: Library) -> None:
    fill({f"Mixtape/{name}": {} for name in ("02 - Zoë - Second", "01 - Ada - First", "10. Third")})
    fill({"Loose": {}, "7 Seconds": {}})
    assert albums() == {"Mixtape": ("Various Artists", 3)}
    assert titles("Mixtape") == ["First", "Second", "Third"]
    first = Track.objects.get(title="First")
    assert (first.artist, first.album, first.number) == ("Ada", "Mixtape", 1)
    assert list(Track.objects.filter(in_album=None).order_by("title").values_list("title", "number")) == [
        ("7 Seconds", None), ("Loose", None),
    ]  # fmt: skip


def test_what_has_no_tracks_left_is_forgotten_and_what_is_gone_is_not_counted(
    fill: Library, settings: Settings
) -> None:
    fill({"a/1": {"title": "1", "artist": "A", "album": "Old"}, "a/2": {"artist": "A", "album": "Old"}})
    (settings.MEDIA_LIBRARY / "a" / "2.flac").unlink()
    fill({})
    assert albums() == {"Old": ("A", 1)}
    track = Track.objects.get(title="1")
    write(
        settings.MEDIA_LIBRARY / "a" / "1.flac", tone(0.1), tags={"title": "1", "artist": "B", "album": "New"}
    )
    Track.objects.filter(available=False).delete()
    fill({})
    assert albums() == {"New": ("B", 1)}
    assert [artist.name for artist in Artist.objects.all()] == ["B"]
    track.refresh_from_db()
    assert (track.in_album, track.by_artist) == (Album.objects.get(), Artist.objects.get())


def test_an_album_keeps_its_uid_when_it_is_forgotten_and_found_again(fill: Library) -> None:
    tags = {"a/1": {"title": "1", "artist": "A", "album": "Album"}}
    fill(tags)
    before = Album.objects.get().uid
    Track.objects.all().delete()
    Album.objects.all().delete()
    fill(tags)
    assert Album.objects.get().uid == before


def test_the_tracks_of_a_folder_are_in_the_order_of_folders_and_discs(fill: Library) -> None:
    fill({name: {} for name in ("x/b/02 - B2", "x/b/01 - B1", "x/a/01 - A1", "x/top", "xy/other")})
    assert [track.title for track in folder_tracks("x")] == ["top", "A1", "B1", "B2"]
    assert [track.title for track in folder_tracks("x", below=False)] == ["top"]
    assert folder_tracks("").count() == 5


@pytest.mark.parametrize(
    ("stem", "numbered", "read"),
    [
        ("01 - Title", False, ("Title", None, None, 1)),
        ("1-02 Title", False, ("Title", None, 1, 2)),
        ("03. Artist - Title", False, ("Title", "Artist", None, 3)),
        ("Artist - Title - Live", False, ("Title - Live", "Artist", None, None)),
        ("99 Luftballons", False, ("99 Luftballons", None, None, None)),
        ("12 Title", True, ("Title", None, None, 12)),
        ("05_under_scores", False, ("under scores", None, None, 5)),
        ("1999", True, ("1999", None, None, None)),
        ("01", False, ("01", None, None, None)),
        (" - ", False, ("-", None, None, None)),
        ("- Title", False, ("- Title", None, None, None)),
    ],
)
def test_a_file_name_is_read(stem: str, numbered: bool, read: tuple[object, ...]) -> None:
    assert read_name(stem, numbered=numbered) == read


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("Album CD2", ("Album", 2)), ("Album - Disc 1/2", ("Album", 1)), ("Disc 2", ("Disc 2", None)),
        ("Best of CD", ("Best of CD", None)), ("ABCD 2", ("ABCD 2", None)),
    ],
)  # fmt: skip
def test_the_disc_is_taken_from_a_title(title: str, parts: tuple[str, int | None]) -> None:
    assert split_disc(title) == parts


def test_names_are_sorted_without_articles_and_credits_have_a_main_artist() -> None:
    assert (sort_key("The Beatles"), sort_key("The The"), sort_key("Les")) == ("beatles", "the", "les")
    assert sort_key("Björk", "Guðmundsdóttir, Björk") == "gudmundsdottir bjork"
    assert main_artist("Ada (feat. Zoë)") == main_artist("Ada ft. Zoë") == "Ada"
    assert main_artist("Feat. Nobody") == "Feat. Nobody"
    assert identify_album(title=None, artist="A", is_compilation=False, folder="") == (None, None)
