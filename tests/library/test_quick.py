"""Tags that are read without FFmpeg are the same that FFmpeg reads, and what is in doubt is left to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from library.domain.scan import scan_library
from library.models import Artist, Track
from library.sources.probe import probe
from library.sources.quick import quick_probe
from tests.library.audio_files import tone, write
from tests.library.made_files import (
    BACK,
    BACK_TYPE,
    FRONT,
    FRONT_TYPE,
    OTHER,
    OTHER_TYPE,
    apev2,
    flac_picture,
    id3v1,
    id3v2,
    mp3,
    vorbis_comment,
    with_flac_blocks,
)

TAGS = {
    "title": "Cold Harbour", "artist": "Tidal Clock", "album": "Low Water", "album_artist": "Tidal Clocks",
    "track": "3/12", "disc": "1/2", "date": "1999-05-01", "genre": "Rock", "compilation": "1",
}  # fmt: skip
COVERS = [(OTHER_TYPE, OTHER), (BACK_TYPE, BACK), (FRONT_TYPE, FRONT)]


@pytest.fixture(scope="module")
def flac(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("flac") / "a.flac", tone(0.3)).read_bytes()


def blocks(*comments: bytes) -> list[tuple[int, bytes]]:
    return [(4, vorbis_comment(*comments)), *((6, flac_picture(kind, data)) for kind, data in COVERS)]


@pytest.mark.parametrize("suffix", ["mp3", "flac"])
def test_common_files_are_read_as_ffmpeg_reads_them(suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a.{suffix}", tone(0.3), tags=TAGS)
    found = quick_probe(path)
    assert found is not None
    assert found == probe(path)
    assert (found.details.album_artist, found.details.number, found.details.year) == ("Tidal Clocks", 3, 1999)


def test_covers_and_old_encodings_are_read_as_ffmpeg_reads_them(tmp_path: Path, flac: bytes) -> None:
    audio = mp3(seconds=0.3)
    made = {
        "front.mp3": id3v2(4, title="A", pictures=COVERS) + audio,
        "latin.mp3": id3v2(
            3, encoding=0, title="Аквариум".encode("cp1251"), artist="Группа крови".encode("cp1251")
        )
        + audio,
        "tagless.mp3": audio,
        "front.flac": with_flac_blocks(flac, *blocks(b"TITLE=A", b"ARTIST=B")),
    }
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
        quick = quick_probe(tmp_path / name)
        assert quick is not None, name
        assert quick == probe(tmp_path / name), name


def test_what_is_in_doubt_is_left_to_ffmpeg(tmp_path: Path, flac: bytes) -> None:
    audio = mp3(seconds=0.3)
    made = {
        "no header.mp3": mp3(seconds=0.3, header=False),
        "joined.mp3": audio + audio,
        "old.mp3": audio + id3v1("Gdańsk".encode("cp1250")),
        "cut.mp3": mp3(seconds=2)[:10_000],
        "joined.flac": flac + flac,
        "not.flac": b"fLaC" + bytes(100),
        "empty.mp3": b"",
        "lost bytes.flac": with_flac_blocks(flac, (4, vorbis_comment("TITLE=Müller".encode("cp1252")))),
        "many.flac": with_flac_blocks(flac, (4, vorbis_comment(*[b"COMMENT=x"] * 3000))),
        "ape.mp3": audio + apev2({b"Title": b"x" * 9000}),
        "many.mp3": id3v2(4, title="A", pictures=[(OTHER_TYPE, b"x")] * 3000) + audio,
        "large.mp3": id3v2(4, title="A", pictures=[(OTHER_TYPE, bytes(17_000_000))]) + audio,
        "other.opus": b"OggS",
    }
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
        assert quick_probe(tmp_path / name) is None, name


@pytest.mark.django_db
def test_a_library_of_bad_tags_is_scanned_and_the_rest_is_found(
    tmp_path: Path, settings: Settings, flac: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Tags of a megabyte, covers of 100 megapixels, broken encodings, names of any bytes, several artists."""
    settings.DATA_DIR, settings.MEDIA_LIBRARY = tmp_path, tmp_path / "library"
    settings.MEDIA_LIBRARY.mkdir()
    audio = mp3(seconds=0.3)
    bomb = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + b"IHDR" + (10_000).to_bytes(4) * 2 + bytes(9)
    made = {
        "big.flac": with_flac_blocks(flac, (4, vorbis_comment(b"TITLE=" + b"x" * 1_000_000, b"ARTIST=Big"))),
        "bomb.mp3": id3v2(4, title="Bomb", pictures=[(FRONT_TYPE, bomb)]) + audio,
        "controls.mp3": id3v2(4, title="A\0B\x1b[31m\u202eC") + audio,
        "surrogate.mp3": id3v2(4, encoding=1, title=b"\xff\xfe\x00\xd8") + audio + id3v1(b"x"),
        "two.flac": with_flac_blocks(
            flac + b"", (4, vorbis_comment(b"TITLE=Two", b"ARTIST=Ada", b"ARTIST=Zoe"))
        ),
        "many.flac": with_flac_blocks(flac, (4, vorbis_comment(*[b"COMMENT=x"] * 3000))),
        os.fsdecode(b"caf\xe9.mp3"): audio,
        "x" * 200 + ".mp3": audio,
    }
    for name, data in made.items():
        (settings.MEDIA_LIBRARY / name).write_bytes(data)
    read, _ = scan_library()
    assert read == len(made) - 1  # all but the one with too many tags
    assert "too many tags" in caplog.text
    assert len(Track.objects.get(artist="Big").title or "") == 300
    assert Track.objects.get(title="Bomb").artwork == ""
    assert Track.objects.get(title="Two").artist == "Ada, Zoe"
    assert Artist.objects.filter(name="Ada").exists()
    assert Track.objects.filter(title="café").exists()
    assert all((track.title or "").isprintable() for track in Track.objects.all())
