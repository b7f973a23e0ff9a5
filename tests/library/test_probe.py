from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from library.sources import SourceOptions
from library.sources.errors import SourceError
from library.sources.library import LibrarySource, file_id
from library.sources.opus import packet_samples
from library.sources.pictures import picture_type
from library.sources.probe import probe
from library.sources.tags import clean
from tests.library.audio_files import packets, tone, write, write_mixed_opus
from tests.library.made_files import (
    BACK,
    BACK_TYPE,
    FRONT,
    FRONT_TYPE,
    OTHER,
    OTHER_TYPE,
    apev2,
    encode,
    flac_picture,
    id3v1,
    id3v2,
    mp3,
    picture_tag,
    vorbis_comment,
    with_covers,
    with_flac_blocks,
    with_ogg_bytes,
)

TAGS = {"title": "Cold Harbour", "artist": "Tidal Clock", "album": "Low Water"}


def code_of(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        probe(path)
    assert caught.value.detail.endswith(".")
    assert str(path) not in caught.value.detail
    return caught.value.code


@pytest.mark.parametrize("suffix", ["opus", "webm", "mp3", "flac", "m4a", "wav"])
def test_tags_and_duration_of_every_common_format(tmp_path: Path, suffix: str) -> None:
    found = probe(write(tmp_path / f"a.{suffix}", tone(3), tags=TAGS))
    assert (found.title, found.artist, found.album) == ("Cold Harbour", "Tidal Clock", "Low Water")
    assert found.duration_ms == pytest.approx(3000, abs=60)
    assert found.artwork is None
    assert found.passthrough is (suffix in {"opus", "webm"})


def test_a_file_like_is_read_like_a_path(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", tone(3), tags=TAGS)
    media = io.BytesIO(path.read_bytes())
    assert probe(media) == probe(path)
    assert not media.closed


def test_opus_with_longer_packets_does_not_pass_through(tmp_path: Path) -> None:
    assert not probe(write(tmp_path / "long.opus", tone(2), frame_ms=60)).passthrough
    assert not probe(write_mixed_opus(tmp_path / "mixed.opus")).passthrough


def test_mono_opus_passes_through(tmp_path: Path) -> None:
    assert probe(write(tmp_path / "mono.opus", tone(2), channels=1)).passthrough


def test_opus_with_an_output_gain_does_not_pass_through(tmp_path: Path) -> None:
    path = write(tmp_path / "gain.opus", tone(2))
    content = bytearray(path.read_bytes())
    at = content.index(b"OpusHead")
    content[at + 16 : at + 18] = (-1536).to_bytes(2, "little", signed=True)
    content[22:26] = bytes(4)
    content[22:26] = ogg_checksum(bytes(content[: 28 + 19])).to_bytes(4, "little")
    path.write_bytes(content)
    assert not probe(path).passthrough


def ogg_checksum(page: bytes) -> int:
    """CRC-32 with polynomial 0x04c11db7, unreflected (RFC 3533, section 6)."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
    return register & 0xFFFFFFFF


def test_a_text_named_mp3_is_not_audio(tmp_path: Path) -> None:
    path = tmp_path / "letter.mp3"
    path.write_text("Dear Sir or Madam, will you read my book? " * 500)
    assert code_of(path) == "UNDECODABLE"


def test_an_empty_file_is_not_audio(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp3"
    path.touch()
    assert code_of(path) == "UNDECODABLE"


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    assert code_of(tmp_path / "absent.mp3") == "NOT_FOUND"


def test_a_picture_is_not_audio(tmp_path: Path) -> None:
    path = tmp_path / "picture.mp3"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(5000))
    assert code_of(path) == "UNDECODABLE"


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp3"])
def test_playlists_are_not_opened(tmp_path: Path, name: str) -> None:
    write(tmp_path / "inner.opus", tone(2))
    path = tmp_path / name
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\ninner.opus\n#EXT-X-ENDLIST\n")
    assert code_of(path) == "UNDECODABLE"
    path.write_text("ffconcat version 1.0\nfile inner.opus\n")
    assert code_of(path) == "UNDECODABLE"


def test_a_name_that_looks_like_a_protocol_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.opus", tone(1))
    monkeypatch.chdir(tmp_path)
    Path("concat:a.opus").symlink_to("a.opus")
    assert probe(Path("concat:a.opus")).duration_ms == pytest.approx(1000, abs=30)


def test_tags_lose_what_cannot_be_seen() -> None:
    assert clean(" a\x00b\u202ec\nd\u200be ") == "a b c d e"
    assert clean("\u202e\n") is None
    assert clean("x" * 1000) == "x" * 300
    assert clean("\u200d") is None


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 Family",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Scotland the Brave",
        "❤️\u200d\U0001f525",
        "می\u200cخواهم",
        "क्\u200dष",
        "Z\u0351\u036b\u0343algo e\u0301",
    ],
)
def test_tags_keep_what_joins_letters_and_emoji(text: str) -> None:
    assert clean(text) == text


def test_tags_keep_words_whole() -> None:
    assert clean("\ufeffre\u00adcord") == "record"


def test_a_picture_is_known_by_its_bytes() -> None:
    assert picture_type(b"\x89PNG\r\n\x1a\n...") == "image/png"
    assert picture_type(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    assert picture_type(b"<svg onload='alert(1)'>") is None


@pytest.mark.parametrize(("frame_ms", "samples"), [(5, 240), (10, 480), (20, 960), (40, 1920), (60, 2880)])
def test_durations_of_real_packets(tmp_path: Path, frame_ms: int, samples: int) -> None:
    path = write(tmp_path / "a.opus", tone(1), frame_ms=frame_ms)
    assert {packet_samples(packet) for packet in packets(path)} == {samples}


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", 0),
        (bytes([0b00000_0_00]), 480),  # SILK 10 ms, one frame
        (bytes([0b00011_0_00]), 2880),  # SILK 60 ms
        (bytes([0b01101_0_01]), 1920),  # hybrid 20 ms, two frames
        (bytes([0b10000_0_10]), 240),  # CELT 2.5 ms, two frames
        (bytes([0b11111_1_11, 3]), 2880),  # CELT 20 ms, three frames by count byte
        (bytes([0b11111_1_11]), 0),  # count byte missing
        (b"\xf8\xff\xfe", 960),  # Discord's silence
    ],
)
def test_durations_by_the_first_byte(packet: bytes, samples: int) -> None:
    assert packet_samples(packet) == samples


@pytest.mark.parametrize(
    "order", [(OTHER_TYPE, BACK_TYPE, FRONT_TYPE), (FRONT_TYPE, BACK_TYPE), (BACK_TYPE, FRONT_TYPE)]
)
@pytest.mark.parametrize("kind", ["id3v2.2", "id3v2.3", "id3v2.4", "flac"])
def test_the_front_cover_wins(tmp_path: Path, kind: str, order: tuple[int, ...]) -> None:
    pictures = {OTHER_TYPE: OTHER, BACK_TYPE: BACK, FRONT_TYPE: FRONT}
    listed = [(each, pictures[each]) for each in order]
    if kind.startswith("id3"):
        data = id3v2(int(kind[-1]), title="x", pictures=listed) + mp3(seconds=0.5)
    else:
        blocks = [(6, flac_picture(each, picture)) for each, picture in listed]
        data = with_flac_blocks(encode("flac", "flac", seconds=0.5), *blocks)
    path = tmp_path / "a.mp3"
    path.write_bytes(data)
    assert probe(path).artwork == FRONT


def test_the_front_cover_wins_in_other_containers(tmp_path: Path) -> None:
    path = tmp_path / "a"
    both = [("back.png", BACK), ("cover.png", FRONT)]
    tag = apev2({b"Cover Art (Back)": b"b.png\0" + BACK, b"Cover Art (Front)": b"f.png\0" + FRONT})
    for data in (
        with_covers(encode("mp4", "aac", seconds=0.5), FRONT, BACK),
        encode("matroska", "flac", seconds=0.5, attachments=both),
        encode("wv", "wavpack", seconds=0.5) + tag,
        encode("ogg", "vorbis", seconds=0.5, tags={"METADATA_BLOCK_PICTURE": picture_tag(FRONT_TYPE, FRONT)}),
    ):
        path.write_bytes(data)
        assert probe(path).artwork == FRONT


def test_without_a_front_cover_any_picture_will_do_that_pages_can_show(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    for pictures in ([(BACK_TYPE, BACK)], [(FRONT_TYPE, b"<svg/>"), (BACK_TYPE, BACK)]):
        path.write_bytes(id3v2(3, title="x", pictures=pictures) + mp3(seconds=0.5))
        assert probe(path).artwork == BACK


def placed(make: Callable[[dict[str, str]], bytes], title: bytes, artist: bytes) -> bytes:
    """Write a file whose tags are exactly those bytes, bypassing the muxer."""
    names = {"title": "T" * len(title), "artist": "A" * len(artist)}
    data = make(names)
    for name, raw in zip(names.values(), (title, artist), strict=True):
        data = (
            with_ogg_bytes(data, name.encode(), raw)
            if data.startswith(b"OggS")
            else data.replace(name.encode(), raw)
        )
    return data


@pytest.mark.parametrize(
    ("title", "artist", "encoding"),
    [
        ("Für Elise", "Motörhead", "cp1252"),
        ("Don’t Stop", "Journey", "cp1252"),
        ("Аквариум", "Группа крови", "cp1251"),
        ("Live", "Чайф", "cp1251"),
        ("桜", "宇多田ヒカル", "cp932"),
    ],
)
@pytest.mark.parametrize("kind", ["wav", "ogg", "flac", "m4a", "id3v1", "id3v2"])
def test_tags_in_other_encodings(tmp_path: Path, kind: str, title: str, artist: str, encoding: str) -> None:
    raw = title.encode(encoding), artist.encode(encoding)
    make = {
        "wav": lambda: placed(lambda tags: encode("wav", "pcm_s16le", seconds=0.5, tags=tags), *raw),
        "ogg": lambda: placed(lambda tags: encode("ogg", "vorbis", seconds=0.5, tags=tags), *raw),
        "m4a": lambda: placed(lambda tags: encode("mp4", "aac", seconds=0.5, tags=tags), *raw),
        "flac": lambda: with_flac_blocks(
            encode("flac", "flac", seconds=0.5), (4, vorbis_comment(b"TITLE=" + raw[0], b"ARTIST=" + raw[1]))
        ),
        "id3v1": lambda: mp3(seconds=0.5) + id3v1(*raw),
        "id3v2": lambda: id3v2(3, encoding=0, title=raw[0], artist=raw[1]) + mp3(seconds=0.5),
    }
    path = tmp_path / "a.mp3"
    path.write_bytes(make[kind]())
    found = probe(path)
    assert (found.title, found.artist) == (title, artist)


def test_the_setting_decides_where_tags_leave_it_open(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(mp3(seconds=0.5) + id3v1("Gdańsk".encode("cp1250")))
    assert probe(path, tag_encoding="cp1250").title == "Gdańsk"


def test_a_file_name_that_is_not_utf_8_is_read_too(tmp_path: Path) -> None:
    name = os.fsdecode("Für Elise.mp3".encode("cp1252"))
    (tmp_path / name).write_bytes(mp3(seconds=0.5))
    found = LibrarySource(SourceOptions(tmp_path)).resolve(f"library:{file_id(Path(name))}")
    assert found.title == "Für Elise"


def test_a_header_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, 48_000, 192_000, 4, 16)
    path.write_bytes(struct.pack("<4sI4s", b"RIFF", 36, b"WAVE") + form + b"data" + bytes(4))
    with pytest.raises(SourceError) as caught:
        probe(path)
    assert caught.value.detail == "There is no sound in this file."


def test_the_author_of_an_aiff_file_is_its_artist(tmp_path: Path) -> None:
    path = tmp_path / "a.aiff"
    body = (
        encode("aiff", "pcm_s16be", seconds=1) + b"AUTH" + (4).to_bytes(4, "big") + "Für ".encode("latin-1")
    )
    path.write_bytes(body[:4] + (len(body) - 8).to_bytes(4, "big") + body[8:])
    assert probe(path).artist == "Für"
