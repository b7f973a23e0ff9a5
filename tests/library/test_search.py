"""Finding tracks: what is indexed from the folder, and how a search ranks results."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from library.domain.find import find_track
from library.domain.scan import scan_library
from library.errors import NothingFound
from library.models import Track
from library.search import search_library
from library.sources import SOURCES, Media, Source, TrackInfo
from library.words import search_key
from tests.factories import TrackFactory
from tests.library.audio_files import tone, write
from tests.library.made_files import id3v1, mp3
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Ça  plane-pour_moi!", "ca plane pour moi"),
        ("BJÖRK", "bjork"),
        ("Straße", "strasse"),
        ("ﬁre", "fire"),
        ("İstanbul", "istanbul"),
        ("東京 ドライブ", "東京 とらいふ"),
        ("हिन्दी", "हिनदी"),
        ("한국", "한국"),
        ("...", "..."),
    ],
)
def test_text_is_searched_without_case_accents_and_signs(text: str, plain: str) -> None:
    assert search_key(text) == plain


def titles(query: str) -> list[str | None]:
    return [track.title for track in search_library(query)]


def test_the_best_match_comes_first() -> None:
    for title, artist in [
        ("Slow Rain on Glass", "A"),
        ("Rain", "B"),
        ("Purple Rain", "C"),
        ("Rainy Day", "D"),
        ("Sunshine", "Rain"),
    ]:
        TrackFactory.create(title=title, artist=artist)
    assert titles("rain") == ["Rain", "Rainy Day", "Purple Rain", "Slow Rain on Glass", "Sunshine"]


def test_a_title_that_is_the_query_comes_before_hundreds_that_contain_it() -> None:
    tracks = [
        TrackFactory.build(title=f"Blue Love {number}", search_text="blue love") for number in range(600)
    ]
    tracks.append(TrackFactory.build(title="Love", search_text="love"))
    Track.objects.bulk_create(tracks)
    assert search_library("LOVE")[0].title == "Love"


def test_every_word_has_to_be_there_in_any_order_and_place() -> None:
    TrackFactory.create(title="Night Bus", artist="Paper Ferries")
    TrackFactory.create(title="Night Train", artist="Paper Ferries")
    assert titles("ferries bus") == ["Night Bus"]
    assert titles("ferries plane") == []


def test_accents_are_found_without_and_without_them_with() -> None:
    TrackFactory.create(title="Émilie à Paris")
    TrackFactory.create(title="Deja Vu")
    assert titles("emilie a paris") == ["Émilie à Paris"]
    assert titles("Déjà vu") == ["Deja Vu"]


@pytest.mark.parametrize(
    "query", ["%", "_", "\\", "'", '"', "%_%", "!!!", "🎉", "… – …", "\u200b", "\u200d\ufe0f"]
)
def test_signs_find_no_title_of_letters(query: str) -> None:
    TrackFactory.create(title="Song! 🎉 100%_\\")
    assert titles(query) == []
    with pytest.raises(NothingFound):
        find_track(query)


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("!!!", "!!!"), ("!!!", "!!"), ("❤\ufe0f", "❤"), ("❤", " ❤\ufe0f "), ("÷", "÷"), ("…", "..."),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
    ],
)  # fmt: skip
def test_a_title_without_a_letter_is_found_by_its_own_signs(folder: Path, title: str, query: str) -> None:
    record(folder / "one.flac", title=title, artist="Testers")
    record(folder / "two.flac", title="Song" + title)
    assert scan_library() == (2, 0)
    assert titles(query) == [title]
    assert titles(f"testers {query}") == [title]  # punctuation around words has no effect
    assert find_track(query).title == title


def test_an_empty_query_lists_what_there_is_up_to_the_limit() -> None:
    for title in "CABD":
        TrackFactory.create(title=title)
    assert titles("") == ["A", "B", "C", "D"]
    assert [track.title for track in search_library("", limit=2)] == ["A", "B"]


def test_files_that_are_gone_and_links_are_not_found() -> None:
    TrackFactory.create(title="Song", available=False)
    TrackFactory.create(title="Song", source="http", uri="https://example.com/song.mp3")
    assert titles("song") == []


# --- The folder ---


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.DATA_DIR = tmp_path
    settings.MEDIA_LIBRARY = tmp_path / "library"
    settings.MEDIA_LIBRARY.mkdir()
    return tmp_path / "library"


def record(path: Path, **tags: str) -> None:
    """Write a second of sound, with a newer modification time than the file had."""
    newer = path.stat().st_mtime_ns + 10**9 if path.exists() else None
    write(path, tone(1), tags=tags)
    if newer:
        os.utime(path, ns=(newer, newer))


def test_a_scan_reads_new_and_changed_files_and_notes_which_are_gone(folder: Path) -> None:
    record(folder / "one.flac", title="One", artist="Testers", album="Tests")
    record(folder / "two.flac", title="Two")
    assert scan_library() == (2, 0)
    assert scan_library() == (0, 0)
    one = Track.objects.get(title="One")
    assert (one.artist, one.album, one.source, one.duration_ms) == ("Testers", "Tests", "library", 1000)
    assert titles("testers tests") == ["One"]
    record(folder / "one.flac", title="Uno")
    (folder / "two.flac").unlink()
    assert scan_library() == (1, 1)
    assert titles("") == ["Uno"]
    record(folder / "two.flac", title="Two again")
    assert scan_library() == (1, 0)
    assert titles("") == ["Two again", "Uno"]
    assert Track.objects.count() == 2


def test_a_file_that_is_no_audio_is_skipped_once_and_named(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "Albums" / "Old").mkdir(parents=True)
    (folder / "Albums" / "Old" / "broken.flac").write_bytes(b"not audio at all")
    (folder / os.fsdecode(b"caf\xe9.mp3")).write_bytes(b"")
    assert scan_library() == (0, 0)
    assert titles("") == []
    reported = [record.getMessage() for record in caplog.records if "Skipped" in record.getMessage()]
    assert reported == [
        'Skipped library file "caf\\udce9.mp3": This is not an audio file that can be decoded.',
        'Skipped library file "Albums/Old/broken.flac": This is not an audio file that can be decoded.',
    ]
    caplog.clear()
    assert scan_library() == (0, 0)
    assert "Skipped" not in caplog.text


def test_tags_in_old_encodings_are_found_and_the_setting_decides(folder: Path, settings: Settings) -> None:
    (folder / "one.mp3").write_bytes(mp3(seconds=0.3) + id3v1("Аквариум".encode("cp1251")))
    (folder / "two.mp3").write_bytes(mp3(seconds=0.3) + id3v1("Motörhead".encode("cp1252")))
    settings.LIBRARY_TAG_ENCODING = "cp1250"
    (folder / "three.mp3").write_bytes(mp3(seconds=0.3) + id3v1("Gdańsk".encode("cp1250")))
    assert scan_library() == (3, 0)
    assert titles("аквариум") == ["Аквариум"]
    assert titles("motorhead") == ["Motörhead"]
    assert titles("gdansk") == ["Gdańsk"]


def test_a_file_that_comes_back_unchanged_is_there_again(folder: Path, tmp_path: Path) -> None:
    record(folder / "one.flac", title="One")
    scan_library()
    (folder / "one.flac").rename(tmp_path / "one.flac")
    assert scan_library() == (0, 1)
    (tmp_path / "one.flac").rename(folder / "one.flac")
    assert scan_library() == (1, 0)
    assert titles("") == ["One"]


def test_a_file_that_changed_is_told_to_who_waits_for_it(folder: Path) -> None:
    record(folder / "one.flac", title="Old title")
    scan_library()
    stage = Stage()
    stage.do("AddTrack", query="old title")
    before = stage.snapshot()
    record(folder / "one.flac", title="New title")
    scan_library()
    assert stage.assert_replays(before)["queue"][0]["track"]["title"] == "New title"


class Tape(Source):
    name = "tape"
    label = "Tapes"

    @staticmethod
    def takes(uri: str) -> bool:
        return uri.startswith("tape:")

    def resolve(self, uri: str) -> TrackInfo:
        raise NotImplementedError

    def open(self, uri: str) -> Media:
        raise NotImplementedError


def test_a_source_of_the_list_is_found_by_its_uris(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.sources.SOURCES", (*SOURCES, Tape))
    track = find_track("`tape:1`")
    assert (track.uri, track.source, track.url) == ("tape:1", "tape", None)
    assert titles("") == []


def test_a_searchable_source_of_the_list_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.sources.SOURCES", (*SOURCES, Tape))
    monkeypatch.setattr(Tape, "saved", True)
    monkeypatch.setattr(Tape, "searchable", True)
    track = TrackFactory.create(uri="tape:1", source="tape", title="Night Bus")
    assert find_track("tape:1") == find_track("night bus") == track
    assert search_library("bus", source="library") == []
    with pytest.raises(NothingFound):
        find_track("tape:2")
