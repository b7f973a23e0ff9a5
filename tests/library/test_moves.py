"""A file keeps its track when it is renamed, moved or retagged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from library.domain.configured import configured_source
from library.domain.scan import scan_folders, scan_library
from library.models import Album, ScanLease, Track
from library.search import search_library
from library.sources import SourceError
from library.sources.fingerprint import audio_hash
from realtime.metrics import exposition
from tests.library.audio_files import tone, write
from tests.library.made_files import FRONT, FRONT_TYPE, apev2, id3v1, id3v2, mp3
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    settings.DATA_DIR = tmp_path
    settings.MEDIA_LIBRARY = tmp_path / "library"
    settings.MEDIA_LIBRARY.mkdir()
    return Path(settings.MEDIA_LIBRARY)


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three different short files."""
    folder = tmp_path_factory.mktemp("tones")
    return [write(folder / f"{hz}.flac", tone(0.2, hz=hz), tags={"title": f"{hz}"}) for hz in (300, 400, 500)]


def put(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(source, target))


def path_of(uri: str) -> Path:
    found = configured_source(uri).open(uri)
    assert isinstance(found, Path)
    return found


def test_a_renamed_and_a_moved_file_keep_their_tracks_and_their_place_in_the_queue(
    root: Path, tones: list[Path]
) -> None:
    put(tones[0], root / "a" / "one.flac")
    put(tones[1], root / "two.flac")
    assert scan_library() == (2, 0)
    stage = Stage()
    before = {track.title: track.uri for track in Track.objects.all()}
    for uri in before.values():
        stage.do("AddTrack", query=uri)
    (root / "a" / "one.flac").rename(root / "a" / "uno.flac")
    (root / "b").mkdir()
    (root / "two.flac").rename(root / "b" / "two.flac")
    assert scan_library() == (2, 0)
    assert {track.title: track.uri for track in Track.objects.filter(available=True)} == before
    assert [path_of(uri) for uri in before.values()] == [root / "a" / "uno.flac", root / "b" / "two.flac"]
    assert [item["track"]["uri"] for item in stage.snapshot()["queue"]] == list(before.values())
    assert Track.objects.get(title="400").in_album == Album.objects.get(title="b")


def test_a_new_file_where_a_moved_one_was_is_another_track(root: Path, tones: list[Path]) -> None:
    put(tones[0], root / "1.flac")
    scan_library()
    (root / "1.flac").rename(root / "2.flac")
    put(tones[1], root / "1.flac")
    os.utime(root / "1.flac", ns=(5, 5))
    scan_library()
    # The path is what a file is known by first, so the file at the old path keeps the track.
    assert Track.objects.filter(available=True).count() == 2
    for track in Track.objects.all():
        assert path_of(track.uri).name == track.path
    put(tones[2], root / "3.flac")
    scan_library()
    (root / "3.flac").rename(root / "4.flac")
    scan_library()
    put(tones[2], root / "3.flac")
    scan_library()
    uris = [track.uri for track in Track.objects.filter(title="500")]
    assert len(set(uris)) == 2
    assert sorted(path_of(uri).name for uri in uris) == ["3.flac", "4.flac"]


def test_copies_are_tracks_of_their_own(root: Path, tones: list[Path]) -> None:
    for name in ("a", "b", "c"):
        put(tones[0], root / f"{name}.flac")
    assert scan_library() == (3, 0)
    uris = {track.path: track.uri for track in Track.objects.all()}
    assert len(set(uris.values())) == 3
    (root / "z").mkdir()
    (root / "b.flac").rename(root / "z" / "b.flac")
    scan_library()
    assert Track.objects.get(path="z/b.flac").uri == uris["b.flac"]


def test_a_moved_file_is_found_when_its_two_folders_are_scanned_one_after_the_other(
    root: Path, tones: list[Path]
) -> None:
    put(tones[0], root / "a" / "one.flac")
    put(tones[1], root / "other" / "two.flac")
    scan_library()
    uri = Track.objects.get(title="300").uri
    (root / "a").rename(root / "b")
    assert scan_folders(["a"]) == (0, 1)
    assert scan_folders(["b"]) == (1, 0)
    assert (Track.objects.get(title="300").uri, path_of(uri)) == (uri, root / "b" / "one.flac")
    (root / "b").rename(root / "a")
    assert scan_folders(["a", "a/deeper"]) == (1, 0)  # the new place first
    assert scan_folders(["b"]) == (0, 0)
    assert path_of(uri) == root / "a" / "one.flac"
    assert Track.objects.filter(available=True).count() == 2


def test_the_whole_folder_vanishes_and_comes_back_without_being_read_again(
    root: Path, tones: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, path in enumerate(tones):
        put(path, root / "album" / f"0{number} - x.flac")
    scan_library()
    uris = set(Track.objects.values_list("uri", flat=True))
    root.rename(root.with_name("unplugged"))
    assert scan_library() == (0, 3)
    assert Album.objects.get().track_count == 0
    with pytest.raises(SourceError, match="no longer in the library"):
        path_of(next(iter(uris)))
    root.with_name("unplugged").rename(root)
    monkeypatch.setattr("library.domain.scan.audio_hash", lambda path: pytest.fail("It was read again."))
    assert scan_library() == (3, 0)
    assert set(Track.objects.filter(available=True).values_list("uri", flat=True)) == uris
    assert Album.objects.get().track_count == 3


def test_a_killed_scan_is_resumed_where_it_was(
    root: Path, tones: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        put(tones[number % 3], root / f"{number}" / "x.flac")
    monkeypatch.setattr("library.domain.scan.AT_ONCE", 2)
    read: list[Path] = []

    def die_after_four(path: Path) -> str:
        read.append(path)
        if len(read) == 5:
            raise SystemExit
        return audio_hash(path)

    monkeypatch.setattr("library.domain.scan.audio_hash", die_after_four)
    with pytest.raises(SystemExit):
        scan_library()
    assert Track.objects.count() == 4
    assert ScanLease.objects.get().finished_at is None
    assert scan_library() == (2, 0)
    assert len(set(read)) == 6
    assert sum(album.track_count for album in Album.objects.all()) == 6
    assert ScanLease.objects.get().finished_at is not None


def test_what_was_scanned_is_counted(root: Path, tones: list[Path]) -> None:
    put(tones[0], root / "1.flac")
    (root / "2.flac").write_bytes(b"not audio")
    before = exposition().decode()
    scan_library()
    after = exposition().decode()
    for metric, grown in (
        ('library_files_total{what="read"}', 1),
        ('library_files_total{what="skipped"}', 1),
    ):
        assert value_of(after, metric) - value_of(before, metric) == grown
    assert value_of(after, 'library_tracks{available="true",source="library"}') == 1


def value_of(exposed: str, metric: str) -> float:
    lines = [line for line in exposed.splitlines() if line.startswith(f"backline_{metric} ")]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


def test_tracks_from_before_the_catalog_are_found_and_read_again(root: Path, tones: list[Path]) -> None:
    """The migration writes their words, and the next scan gives them their path, album and hash."""
    put(tones[0], root / "Album" / "one.flac")
    scan_library()
    track = Track.objects.get()
    Album.objects.all().delete()
    Track.objects.update(
        path="", folder="", audio_hash="", title="Ångström", title_key="", title_words="", search_text=""
    )
    migration = import_module("library.migrations.0003_words")
    migration.write_words(apps, None)
    assert [found.pk for found in search_library("angstrom")] == [track.pk]
    assert path_of(track.uri) == root / "Album" / "one.flac"  # it is searched for
    assert scan_library() == (1, 0)
    track.refresh_from_db()
    assert (track.path, track.title, bool(track.audio_hash)) == ("Album/one.flac", "300", True)
    assert track.in_album == Album.objects.get(title="Album")


def test_an_unchanged_library_costs_the_same_queries_whatever_its_size(root: Path, tones: list[Path]) -> None:
    counts = []
    for folder in ("a", "b", "c"):
        put(tones[0], root / folder / "1.flac")
        put(tones[1], root / folder / "2.flac")
        scan_library()
        with CaptureQueriesContext(connection) as queries:
            assert scan_library() == (0, 0)
        counts.append(len(queries))
    assert len(set(counts)) == 1


def test_the_picture_beside_the_files_is_used_where_they_have_none(root: Path, tones: list[Path]) -> None:
    put(tones[0], root / "Album" / "CD1" / "1.flac")
    put(tones[1], root / "Other" / "1.flac")
    (root / "Album" / "Folder.JPG").write_bytes(FRONT)  # a PNG, whatever its name says
    (root / "Album" / "cover.png").write_bytes(b"not a picture")
    (root / "Other" / "cover.jpg").write_bytes(bomb(10_000))
    scan_library()
    assert Track.objects.get(title="300").artwork == Album.objects.get(title="Album").artwork != ""
    assert Track.objects.get(title="400").artwork == ""


def bomb(side: int) -> bytes:
    """The head of a JPEG of that many pixels a side."""
    return b"\xff\xd8\xff\xe0\0\x10" + bytes(14) + b"\xff\xc0\0\x11\x08" + side.to_bytes(2) * 2 + bytes(20)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "opus", "m4a", "wav", "webm"])
def test_the_hash_depends_on_the_audio_and_not_on_the_tags(
    suffix: str, tmp_path: Path, make: Callable[..., Path]
) -> None:
    plain, tagged = make(suffix, 440, {}), make(suffix, 440, {"title": "x" * 3000, "artist": "y"})
    assert plain.read_bytes() != tagged.read_bytes()
    assert audio_hash(plain) == audio_hash(tagged)
    assert audio_hash(plain) != audio_hash(make(suffix, 441, {}))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    def make(suffix: str, hz: float, tags: dict[str, str]) -> Path:
        path = tmp_path / f"{hz}-{len(tags)}.{suffix}"
        return write(path, tone(0.3, hz=hz), tags=tags)

    return make


def test_the_hash_leaves_out_tags_at_both_ends_of_an_mp3(tmp_path: Path) -> None:
    audio, path = mp3(seconds=0.3), tmp_path / "a.mp3"

    def hash_of(data: bytes) -> str:
        path.write_bytes(data)
        return audio_hash(path)

    tags = id3v2(4, title="x" * 1_000_000, pictures=[(FRONT_TYPE, FRONT)])
    ends = apev2({b"Title": b"x" * 99}) + id3v1(b"x")
    assert (
        hash_of(audio)
        == hash_of(tags + audio)
        == hash_of(audio + id3v1(b"x"))
        == hash_of(tags + audio + ends)
    )
    assert hash_of(audio) != hash_of(audio[:-200])
