"""A cue sheet makes several tracks of one file, or none if it cannot be right."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from library.domain.configured import configured_source
from library.domain.scan import scan_library
from library.models import Album, Track
from library.search import search_library
from library.sources import FileSection
from library.sources.cue_sheet import BadCueSheet, check_tracks, parse_sheet, read_sheet
from tests.library.audio_files import tone, write
from tests.library.made_files import FRONT, FRONT_TYPE, flac_picture, with_flac_blocks
from tests.queue_app.stage import Stage

SHEET = """\
REM GENRE Ambient
REM DATE 1987
PERFORMER "Paper Ferries"
TITLE "Harbour Tapes"
FILE "Harbour Tapes.wav" WAVE
  TRACK 01 AUDIO
    TITLE "Slow Rain"
    INDEX 01 00:00:00
  TRACK 02 AUDIO
    TITLE "Low Water"
    PERFORMER "Tidal Clock"
    INDEX 00 00:00:40
    INDEX 01 00:01:00
  TRACK 03 AUDIO
    INDEX 01 00:02:15
"""


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds with a cover and tags of their own."""
    path = write(
        tmp_path_factory.mktemp("album") / "a.flac",
        tone(3.0),
        tags={"title": "Whole", "artist": "Somebody", "album": "Something"},
    )
    path.write_bytes(with_flac_blocks(path.read_bytes(), (6, flac_picture(FRONT_TYPE, FRONT))))
    return path


@pytest.fixture
def root(tmp_path: Path, settings: Settings, db: None) -> Path:
    settings.DATA_DIR = tmp_path
    settings.MEDIA_LIBRARY = tmp_path / "library"
    settings.MEDIA_LIBRARY.mkdir()
    return Path(settings.MEDIA_LIBRARY)


def put(album: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(album, target))


def listed() -> list[tuple[str | None, int, int | None]]:
    """Return title, start and length of the tracks that people see, in the order of the file."""
    tracks = Track.objects.filter(available=True).order_by("path", "section")
    return [(track.title, track.start_ms, track.duration_ms) for track in tracks]


THREE = [("Slow Rain", 0, 1000), ("Low Water", 1000, 1200), ("Track 3", 2200, 800)]
WHOLE = [("Whole", 0, 3000)]


def test_a_sheet_beside_a_file_makes_its_tracks(root: Path, album: Path) -> None:
    file = put(album, root / "Harbour Tapes" / "Harbour Tapes.flac")
    (file.parent / "anything.cue").write_text(SHEET)
    assert scan_library() == (1, 0)
    assert listed() == THREE
    rain, water, third = Track.objects.filter(available=True).order_by("section")
    assert (rain.artist, water.artist, third.artist) == ("Paper Ferries", "Tidal Clock", "Paper Ferries")
    assert [each.number for each in (rain, water, third)] == [1, 2, 3]
    assert {(each.album, each.album_artist, each.year, each.genre) for each in (rain, water, third)} == {
        ("Harbour Tapes", "Paper Ferries", 1987, "Ambient")
    }
    assert Album.objects.get().track_count == 3
    assert rain.artwork
    assert {each.artwork for each in (water, third)} == {rain.artwork}
    assert configured_source(water.uri).open(water.uri) == FileSection(file, 1000, 2200)
    assert configured_source(third.uri).open(third.uri) == FileSection(file, 2200, None)
    info = configured_source(water.uri).resolve(water.uri)
    assert (info.title, info.duration_ms, info.section) == ("Low Water", 1200, 2)
    assert [track.title for track in search_library("low water")] == ["Low Water"]
    assert search_library("whole") == []
    assert scan_library() == (0, 0)


def test_a_sheet_in_the_tags_makes_tracks_and_one_beside_the_file_comes_first(
    root: Path, tmp_path: Path
) -> None:
    tags = {"title": "Whole", "CUESHEET": SHEET.replace("Slow Rain", "From the Tags").replace("\n", "\r\n")}
    put(write(tmp_path / "tagged.flac", tone(3.0), tags=tags), root / "x.flac")
    scan_library()
    assert [title for title, *_ in listed()] == ["From the Tags", "Low Water", "Track 3"]
    (root / "x.cue").write_text(SHEET)
    assert scan_library() == (1, 0)
    assert listed() == THREE


def flac_cues(*tracks: tuple[int, int, tuple[tuple[int, int], ...]]) -> bytes:
    """Return a CUESHEET block's content, with number, offset and `(index, offset)` of each track, in samples."""
    listed = b"".join(
        offset.to_bytes(8) + bytes([number]) + bytes(12 + 1 + 13) + bytes([len(indexes)])
        + b"".join(at.to_bytes(8) + bytes([index]) + bytes(3) for index, at in indexes)
        for number, offset, indexes in tracks
    )  # fmt: skip
    return bytes(128 + 8 + 1 + 258) + bytes([len(tracks)]) + listed


def test_a_block_of_a_flac_file_makes_tracks_without_names(root: Path, album: Path) -> None:
    one = (1, 0, ((1, 0),))
    two = (2, 40_000, ((0, 0), (1, 8_000)))
    end = (170, 144_000, ())
    for name, block in {
        "good.flac": flac_cues(one, two, end),
        "one track.flac": flac_cues(one, end),
        "cut off.flac": flac_cues(one, two, end)[:420],
        "backwards.flac": flac_cues(two, one, end),
        "nothing.flac": b"",
    }.items():
        (root / name).write_bytes(with_flac_blocks(album.read_bytes(), (5, block)))
    scan_library()
    shown = Track.objects.filter(available=True).order_by("path", "section")
    assert [(track.path, track.title, track.number, track.duration_ms) for track in shown] == [
        ("backwards.flac", "Whole", None, 3000), ("cut off.flac", "Whole", None, 3000),
        ("good.flac", "Track 1", 1, 1000), ("good.flac", "Track 2", 2, 2000),
        ("nothing.flac", "Whole", None, 3000), ("one track.flac", "Whole", None, 3000),
    ]  # fmt: skip
    assert {(track.artist, track.album) for track in shown} == {("Somebody", "Something")}


def test_tracks_keep_their_uris_when_file_and_sheet_are_moved_and_edited(root: Path, album: Path) -> None:
    file = put(album, root / "old" / "tape.flac")
    (root / "old" / "tape.cue").write_text(SHEET)
    scan_library()
    before = dict(Track.objects.filter(available=True).values_list("section", "uri"))
    stage = Stage()
    for uri in before.values():
        stage.do("AddTrack", query=uri)
    (root / "old").rename(root / "new")
    (root / "new" / "tape.flac").rename(root / "new" / "renamed.flac")
    (root / "new" / "tape.cue").write_text(SHEET.replace("Slow Rain", "Fast Rain"))
    scan_library()
    shown = Track.objects.filter(available=True)
    assert dict(shown.values_list("section", "uri")) == before
    assert set(shown.values_list("path", flat=True)) == {"new/renamed.flac"}
    assert listed() == [("Fast Rain", 0, 1000), *THREE[1:]]
    assert [item["track"]["uri"] for item in stage.snapshot()["queue"]] == list(before.values())
    assert not file.exists()


def test_the_whole_file_comes_back_without_its_sheet_and_the_tracks_with_it(root: Path, album: Path) -> None:
    put(album, root / "tape.flac")
    scan_library()
    whole = Track.objects.get()
    (root / "tape.cue").write_text(SHEET)
    scan_library()
    assert listed() == THREE
    before = dict(Track.objects.filter(available=True).values_list("section", "uri"))
    # The file may still be in queues under its old name.
    assert configured_source(whole.uri).open(whole.uri) == root / "tape.flac"
    (root / "tape.cue").unlink()
    scan_library()
    assert listed() == WHOLE
    assert Track.objects.get(available=True).uri == whole.uri
    (root / "tape.cue").write_text(SHEET.partition("  TRACK 03")[0])
    scan_library()
    assert dict(Track.objects.filter(available=True).values_list("section", "uri")) == {
        section: before[section] for section in (1, 2)
    }
    (root / "tape.flac").unlink()
    assert scan_library() == (0, 2)
    put(album, root / "tape.flac")
    scan_library()
    assert [title for title, *_ in listed()] == ["Slow Rain", "Low Water"]


def test_a_scan_that_is_killed_between_hiding_and_saving_is_made_good(
    root: Path, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(album, root / "tape.flac")
    scan_library()
    (root / "tape.cue").write_text(SHEET)
    with monkeypatch.context() as killed:

        def die(*args: object) -> None:
            raise KeyboardInterrupt

        killed.setattr("library.domain.scan.save_files", die)
        with pytest.raises(KeyboardInterrupt):
            scan_library()
    scan_library()
    assert listed() == THREE


@pytest.mark.parametrize(
    ("sheet", "why"),
    [
        (SHEET.replace("00:01:00", "00:02:60"), "its times do not increase"),
        (SHEET.replace("00:02:15", "00:01:00"), "its times do not increase"),
        (SHEET.replace("00:02:15", "61:00:00"), "its last track begins after the end of the file"),
        ("x" * 1_000_000, "it is larger than 256 kB"),
        (
            'FILE "tape.flac" WAVE\n'
            + "".join(f"TRACK {n:02} AUDIO\nINDEX 01 00:00:{n // 20:02}\n" for n in range(1, 1_002)),
            "it has more than 999 tracks",
        ),
    ],
)
def test_a_sheet_that_cannot_be_right_leaves_the_file_whole(
    sheet: str, why: str, root: Path, album: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(album, root / "tape.flac")
    (root / "tape.cue").write_text(sheet)
    with caplog.at_level(logging.WARNING):
        scan_library()
    assert listed() == WHOLE
    assert [message for message in caplog.messages if message.endswith(why)]
    assert scan_library() == (0, 0)


@pytest.mark.parametrize(
    "sheet",
    [
        "",
        "\0\x01\x02 junk \xff" * 500,
        SHEET.replace('FILE "Harbour Tapes.wav"', 'FILE "Another.wav"'),
        SHEET.partition("  TRACK 02")[0],  # one track
        SHEET.replace(" AUDIO", " MODE1/2352"),
        SHEET.replace("INDEX", "INDEKS"),
        'TRACK 01 AUDIO\nINDEX 01 00:00:00\nTRACK 02 AUDIO\nINDEX 01 00:01:00\nFILE "Harbour Tapes.wav" WAVE\n',
    ],
)
def test_a_sheet_without_tracks_for_the_file_is_ignored(sheet: str, root: Path, album: Path) -> None:
    put(album, root / "Harbour Tapes.flac")
    put(album, root / "Second.flac").write_bytes(album.read_bytes() + b"\0")
    (root / "a sheet.cue").write_bytes(sheet.encode("latin-1"))
    scan_library()
    assert listed() == WHOLE * 2


def test_a_sheet_with_several_files_divides_those_with_several_tracks(root: Path, album: Path) -> None:
    for name in ("Side A.flac", "Side B.flac", "Bonus.flac"):
        put(album, root / name)
    (root / "both.cue").write_text(
        'TITLE "Two Sides"\nPERFORMER "Tidal Clock"\n'
        'FILE "Side A.wav" WAVE\nTRACK 01 AUDIO\nTITLE "A1"\nINDEX 01 00:00:00\n'
        'TRACK 02 AUDIO\nTITLE "A2"\nINDEX 01 00:01:00\nTRACK 03 AUDIO\nTITLE "B1"\nINDEX 00 00:02:00\n'
        'FILE "C:\\\\Rips\\\\side b.wav" WAVE\nINDEX 01 00:00:00\nTRACK 04 AUDIO\nTITLE "B2"\nINDEX 01 00:01:00\n'
        'FILE "Bonus.wav" WAVE\nTRACK 05 AUDIO\nTITLE "Only One"\nINDEX 01 00:00:00\n'.replace("\\\\", "\\")
    )
    scan_library()
    shown = Track.objects.filter(available=True).order_by("path", "section")
    assert [(track.path, track.title, track.number) for track in shown] == [
        ("Bonus.flac", "Whole", None), ("Side A.flac", "A1", 1), ("Side A.flac", "A2", 2),
        ("Side B.flac", "B1", 3), ("Side B.flac", "B2", 4),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
def test_sheets_in_other_encodings_are_read(encoding: str, root: Path, album: Path) -> None:
    put(album, root / "Гавань.flac")
    sheet = SHEET.replace("Slow Rain", "Медленный дождь").replace("Harbour Tapes.wav", "Гавань.wav")
    (root / "x.cue").write_bytes(sheet.replace("\n", "\r\n").encode(encoding))
    scan_library()
    assert [title for title, *_ in listed()] == ["Медленный дождь", "Low Water", "Track 3"]


def test_links_out_of_the_library_are_not_read(root: Path, album: Path, tmp_path: Path) -> None:
    put(album, root / "tape.flac")
    (tmp_path / "secret.cue").write_text(SHEET)
    (root / "tape.cue").symlink_to(tmp_path / "secret.cue")
    scan_library()
    assert listed() == WHOLE


def test_an_hour_and_more_than_99_tracks_are_fine() -> None:
    text = 'FILE "mix.mp3" MP3\n' + "".join(
        f'TRACK {n:02} AUDIO\nTITLE "T{n}"\nINDEX 01 {n}:30:37\n' for n in range(1, 121)
    )
    (file,) = parse_sheet(text).files
    check_tracks(file.tracks, duration_ms=None)
    assert (len(file.tracks), file.tracks[119].start_ms, file.tracks[119].number) == (120, 7_230_493, 120)


_LINES = st.sampled_from(
    [
        "FILE",
        "TRACK",
        "INDEX",
        "TITLE",
        "PERFORMER",
        "REM",
        "01",
        "AUDIO",
        '"',
        "00:00:00",
        "9:99:75",
        " ",
        "\n",
        "\t",
    ]
)


@given(st.one_of(st.binary(max_size=400), st.lists(_LINES | st.text(max_size=5), max_size=60).map(
    lambda parts: " ".join(parts).encode("utf-8", "surrogatepass")
)))  # fmt: skip
def test_no_text_breaks_the_reader(data: bytes) -> None:
    sheet = read_sheet(data)
    for file in sheet.files:
        try:
            check_tracks(file.tracks, duration_ms=60_000)
        except BadCueSheet:
            continue
        starts = [track.start_ms for track in file.tracks]
        assert starts == sorted(set(starts))
        assert all(start < 60_000 for start in starts)
