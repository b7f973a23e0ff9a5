"""Files of every supported container and codec, as people have them, with their expected tags and sound."""

# ruff: noqa: E501  # a table: one line per file

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import numpy as np

from library.sources.ogg import page_at
from tests.library.made_files import (
    BACK,
    BACK_TYPE,
    FRONT,
    FRONT_TYPE,
    OTHER,
    OTHER_TYPE,
    Encoding,
    apev2,
    dsf,
    encode,
    flac_picture,
    id3v1,
    id3v2,
    mp3,
    picture_tag,
    vorbis_comment,
    with_covers,
    with_flac_blocks,
    with_index_first,
    with_ogg_bytes,
)

SECONDS = 1.2
# For files that are joined from two, or whose second half differs.
HALF = 0.8

# Formats of the library that nothing here can write.
SKIPPED = {
    ".ape": "FFmpeg reads Monkey's Audio and cannot write it",
    ".mpc": "FFmpeg reads Musepack and cannot write it",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A file. `seconds` and `hz` are what should be heard, for one tone or for two in sequence.

    `length_ms` is what should be shown. `error` is the code with which the item should fail after it was heard.
    """

    name: str
    make: Callable[[float, float], bytes]
    title: str | None = None
    artist: str | None = None
    seconds: tuple[float, ...] = (SECONDS,)
    length_ms: int = 1200
    picture: bytes | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    case: Case
    path: Path
    hz: tuple[float, float]


def _one(muxer: str, codec: str, **encoding: Unpack[Encoding]) -> Callable[[float, float], bytes]:
    return lambda hz, _: encode(muxer, codec, hz=hz, seconds=SECONDS, **encoding)


def _mp3(
    *, rate: int = 48_000, layout: str = "stereo", vbr: bool = False, header: bool = True
) -> Callable[[float, float], bytes]:
    return lambda hz, _: mp3(hz=hz, seconds=SECONDS, rate=rate, layout=layout, vbr=vbr, header=header)


def _joined(
    first: Callable[[float, float], bytes], second: Callable[[float, float], bytes]
) -> Callable[[float, float], bytes]:
    return lambda hz, other: first(hz, hz) + second(other, other)


def _half(muxer: str, codec: str, **encoding: Unpack[Encoding]) -> Callable[[float, float], bytes]:
    return lambda hz, _: encode(muxer, codec, hz=hz, seconds=HALF, **encoding)


def _half_mp3(*, rate: int = 48_000, layout: str = "stereo") -> Callable[[float, float], bytes]:
    return lambda hz, _: mp3(hz=hz, seconds=HALF, rate=rate, layout=layout)


def _cut(make: Callable[[float, float], bytes], part: float) -> Callable[[float, float], bytes]:
    return lambda hz, other: (data := make(hz, other))[: round(len(data) * part)]


def _with(
    make: Callable[[float, float], bytes], *, before: bytes = b"", after: bytes = b""
) -> Callable[[float, float], bytes]:
    return lambda hz, other: before + make(hz, other) + after


def _changed(
    make: Callable[[float, float], bytes], change: Callable[[bytes], bytes]
) -> Callable[[float, float], bytes]:
    return lambda hz, other: change(make(hz, other))


def _texts(old: str, new: bytes) -> Callable[[bytes], bytes]:
    """Replace letters with as many bytes that are not UTF-8."""
    return lambda data: data.replace(old.encode(), new)


def _ogg_texts(old: str, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: with_ogg_bytes(data, old.encode(), new)


def _louder(data: bytes) -> bytes:
    """Set an output gain of -6 dB in OpusHead, which would be lost if packets were passed through."""
    at = data.index(b"OpusHead")
    return with_ogg_bytes(
        data, data[at : at + 19], data[at : at + 16] + b"\x00\xfa" + data[at + 18 : at + 19]
    )


def _without_last_pages(data: bytes) -> bytes:
    """Return the first two thirds of an Ogg stream, which end in the middle of a page."""
    ends, at = [], 0
    while (page := page_at(data, at)) is not None:
        at += page.size
        ends.append(at)
    return data[: ends[len(ends) * 2 // 3] + 100]


_RUBBISH = np.random.default_rng(7).bytes(3000)
_HTML = b"<html><body><h1>Download</h1></body></html>\n" * 40
_MOTORHEAD, _ELISE, _AQUARIUM, _KINO = b"Mot\xf6rhead", b"F\xfcr Elise", "Аквариум", "Кино"
_PLACEHOLDERS = {"title": "For Elise", "artist": "Motorhead"}
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov", "frag_duration": "300000"}
_ALL_PICTURES = [(OTHER_TYPE, OTHER), (BACK_TYPE, BACK), (FRONT_TYPE, FRONT)]


def _two(name: str, make: Callable[[float, float], bytes], *, length_ms: int = 1600) -> Case:
    return Case(name, make, seconds=(HALF, HALF), length_ms=length_ms)


_PCM = [
    Case("8 kHz mono.wav", _one("wav", "pcm_s16le", rate=8_000, layout="mono")),
    Case("8 bits.wav", _one("wav", "pcm_u8", rate=11_025, layout="mono")),
    Case("96 kHz.wav", _one("wav", "pcm_s24le", rate=96_000)),
    Case("192 kHz float.wav", _one("wav", "pcm_f32le", rate=192_000)),
    Case("5.1.wav", _one("wav", "pcm_s16le", layout="5.1")),
    Case("ADPCM.wav", _one("wav", "adpcm_ms", rate=22_050), length_ms=1239),
    Case("no size.wav", _one("wav", "pcm_s16le", piped=True)),
    Case("tag before.wav", _with(_one("wav", "pcm_s16le"), before=id3v2(3, title="Not for WAV"))),
    _two("joined.wav", _joined(_half("wav", "pcm_s16le", rate=44_100), _half("wav", "pcm_s16le", layout="mono"))),
    Case("cut off.wav", _cut(_one("wav", "pcm_s16le", tags={"title": "Cut"}), 0.5), "Cut", seconds=(0.6,), length_ms=600),
    Case(
        "latin INFO.wav",
        _changed(_one("wav", "pcm_s16le", tags=_PLACEHOLDERS), lambda data: _texts("Motorhead", _MOTORHEAD)(_texts("For Elise", _ELISE)(data))),
        "Für Elise",
        "Motörhead",
    ),
    Case("plain.aiff", _one("aiff", "pcm_s16be", rate=44_100, tags={"title": "Apples"}), "Apples"),
    Case("mono.aif", _one("aiff", "pcm_s24be", rate=88_200, layout="mono")),
    Case("plain.caf", _one("caf", "pcm_s16be", rate=32_000)),
    Case("lossless.caf", _one("caf", "alac", rate=44_100)),
    Case("plain.dsf", lambda hz, _: dsf(hz, SECONDS)),
]  # fmt: skip

_MP3 = [
    Case("constant.mp3", _mp3(rate=44_100)),
    Case("variable.mp3", _mp3(vbr=True)),
    Case("variable without header.mp3", _mp3(vbr=True, header=False), length_ms=1224),
    Case("8 kHz.mp3", _mp3(rate=8_000, layout="mono")),
    Case("22 kHz.mp3", _mp3(rate=22_050)),
    _two("joined.mp3", _joined(_half_mp3(rate=44_100), _half_mp3(rate=22_050, layout="mono")), length_ms=1700),
    Case("rubbish before.mp3", _with(_mp3(rate=44_100), before=_RUBBISH), length_ms=1230),
    Case("page before.mp3", _with(_mp3(), before=_HTML)),
    Case("rubbish behind.mp3", _with(_mp3(rate=44_100), after=_RUBBISH * 4), length_ms=1240),
    Case("cut off.mp3", _cut(_mp3(), 0.5), seconds=(0.6,), length_ms=600),
    Case("latin v1.mp3", _with(_mp3(), after=id3v1(_ELISE, _MOTORHEAD)), "Für Elise", "Motörhead"),
    Case("cyrillic v1.mp3", _with(_mp3(), after=id3v1(_AQUARIUM.encode("cp1251"), _KINO.encode("cp1251"))), "Аквариум", "Кино"),
    Case("utf-8 v1.mp3", _with(_mp3(), after=id3v1(_AQUARIUM.encode())), "Аквариум"),
    Case("latin v2.2.mp3", _with(_mp3(), before=id3v2(2, encoding=0, title="Für Elise", artist="Motörhead")), "Für Elise", "Motörhead"),
    Case("utf-16 v2.2.mp3", _with(_mp3(), before=id3v2(2, encoding=1, title="Аквариум")), "Аквариум"),
    Case("latin v2.3.mp3", _with(_mp3(), before=id3v2(3, encoding=0, title="Für Elise")), "Für Elise"),
    Case("cyrillic v2.3.mp3", _with(_mp3(), before=id3v2(3, encoding=0, title=_AQUARIUM.encode("cp1251"), artist=_KINO.encode("cp1251"))), "Аквариум", "Кино"),
    Case("utf-8 as latin v2.3.mp3", _with(_mp3(), before=id3v2(3, encoding=0, title=_AQUARIUM.encode())), "Аквариум"),
    Case("utf-16 v2.3.mp3", _with(_mp3(), before=id3v2(3, encoding=1, title="青花瓷", artist="周杰倫")), "青花瓷", "周杰倫"),
    Case("utf-16-be v2.4.mp3", _with(_mp3(), before=id3v2(4, encoding=2, title="Für Elise")), "Für Elise"),
    Case("utf-8 v2.4.mp3", _with(_mp3(), before=id3v2(4, title="Аквариум", artist="Motörhead")), "Аквариум", "Motörhead"),
    Case("pictures v2.2.mp3", _with(_mp3(), before=id3v2(2, title="P", pictures=_ALL_PICTURES)), "P", picture=FRONT),
    Case("pictures v2.4.mp3", _with(_mp3(), before=id3v2(4, title="P", pictures=_ALL_PICTURES)), "P", picture=FRONT),
    Case("only a back.mp3", _with(_mp3(), before=id3v2(3, title="P", pictures=[(BACK_TYPE, BACK)])), "P", picture=BACK),
    Case("cue beside.mp3", _mp3()),
]  # fmt: skip

_OGG = [
    Case("stereo.opus", _one("ogg", "libopus", tags={"title": "O", "artist": "Öpus"}), "O", "Öpus"),
    Case("mono.opus", _one("ogg", "libopus", layout="mono")),
    Case("60 ms.opus", _one("ogg", "libopus", options={"frame_duration": "60"})),
    Case("5.1.opus", _one("ogg", "libopus", layout="5.1", bit_rate=256_000)),
    Case("gain.opus", _changed(_one("ogg", "libopus"), _louder)),
    _two("chain.opus", _joined(_half("ogg", "libopus"), _half("ogg", "libopus", layout="mono"))),
    Case("plain.ogg", _one("ogg", "vorbis", rate=44_100)),
    Case("latin.ogg", _changed(_one("ogg", "vorbis", tags=_PLACEHOLDERS), lambda data: _ogg_texts("Motorhead", _MOTORHEAD)(_ogg_texts("For Elise", _ELISE)(data))), "Für Elise", "Motörhead"),
    _two("chain.ogg", _joined(_half("ogg", "vorbis", rate=44_100), _half("ogg", "vorbis", rate=48_000))),
    _two("chain of codecs.ogg", _joined(_half("ogg", "vorbis", rate=44_100), _half("ogg", "libopus"))),
    Case("cut off.ogg", _changed(_one("ogg", "libopus", container={"page_duration": "200000"}), _without_last_pages), seconds=(1.0,), length_ms=994),
    Case("rubbish behind.ogg", _with(_one("ogg", "vorbis", rate=44_100), after=bytes(70_000))),
    Case("pictures.ogg", _one("ogg", "vorbis", tags={"METADATA_BLOCK_PICTURE": picture_tag(FRONT_TYPE, FRONT)}), picture=FRONT),
    Case("flac.oga", _one("ogg", "flac", rate=44_100)),
    _two("flac chain.oga", _joined(_half("ogg", "flac", rate=44_100), _half("ogg", "flac", layout="mono"))),
]  # fmt: skip

_FLAC = [
    Case("plain.flac", _one("flac", "flac", rate=44_100, tags={"title": "Fl", "album": "Ac"}), "Fl"),
    Case("192 kHz.flac", _one("flac", "flac", rate=192_000)),
    Case("5.1.flac", _one("flac", "flac", layout="5.1")),
    Case("8 kHz.flac", _one("flac", "flac", rate=8_000, layout="mono")),
    Case("no length.flac", _one("flac", "flac", piped=True)),
    Case("tag before.flac", _with(_one("flac", "flac"), before=id3v2(4, title="Also on FLAC")), "Also on FLAC"),
    Case("cut off.flac", _cut(_one("flac", "flac"), 0.6), seconds=(0.5,)),
    _two("joined.flac", _joined(_half("flac", "flac", rate=44_100), _half("flac", "flac", layout="mono"))),
    Case(
        "cyrillic.flac",
        _changed(
            _one("flac", "flac"),
            lambda data: with_flac_blocks(
                data,
                (4, vorbis_comment(b"TITLE=" + _AQUARIUM.encode("cp1251"), b"ARTIST=" + _KINO.encode("cp1251"))),
                *((6, flac_picture(kind, picture)) for kind, picture in _ALL_PICTURES),
            ),
        ),
        "Аквариум",
        "Кино",
        picture=FRONT,
    ),
]  # fmt: skip

_OTHERS = [
    Case("plain.m4a", _one("mp4", "aac", rate=44_100, tags={"title": "M", "artist": "Four"}), "M", "Four"),
    Case("book.m4b", _one("mp4", "aac", rate=22_050, layout="mono")),
    Case("lossless.m4a", _one("mp4", "alac", rate=44_100)),
    Case("latin.m4a", _changed(_one("mp4", "aac", tags={"title": "For Elise"}), _texts("For Elise", _ELISE)), "Für Elise"),
    Case("pictures.m4a", _changed(_one("mp4", "aac"), lambda data: with_covers(data, FRONT, BACK)), picture=FRONT),
    Case("index first.mp4", _changed(_one("mp4", "aac"), with_index_first)),
    Case("fragments.mp4", _one("mp4", "aac", piped=True, container=_FRAGMENTS)),
    _two("joined.m4a", _joined(_half("mp4", "aac", rate=44_100), _half("mp4", "aac", layout="mono"))),
    Case("plain.mka", _one("matroska", "flac", rate=44_100, attachments=[("back.png", BACK), ("cover.png", FRONT)]), picture=FRONT),
    Case("no length.mka", _one("matroska", "libmp3lame", piped=True)),
    Case("plain.webm", _one("webm", "libopus", tags={"title": "W"}), "W"),
    Case("vorbis.weba", _one("webm", "vorbis", rate=44_100)),
    Case("no length.webm", _one("webm", "libopus", piped=True)),
    _two("codecs.webm", _joined(_half("webm", "vorbis", rate=44_100), _half("webm", "libopus")), length_ms=1632),
    _two("codecs.mka", _joined(_half("matroska", "flac", rate=44_100), _half("matroska", "libmp3lame"))),
    _two("fragments joined.mp4", _joined(_half("mp4", "aac", rate=44_100, piped=True, container=_FRAGMENTS), _half("mp4", "aac", rate=24_000, layout="mono", piped=True, container=_FRAGMENTS)), length_ms=1666),
    _two("kinds.aac", _joined(_half("adts", "aac", rate=44_100), _half_mp3()), length_ms=1653),
    _two("joined.webm", _joined(_half("webm", "libopus"), _half("webm", "libopus"))),
    Case("plain.aac", _one("adts", "aac", rate=44_100), length_ms=1230),
    _two("changing.aac", _joined(_half("adts", "aac", rate=44_100), _half("adts", "aac", rate=24_000, layout="mono")), length_ms=1690),
    Case("tag before.aac", _with(_one("adts", "aac"), before=id3v2(3, encoding=1, title="Ä")), "Ä", length_ms=1230),
    Case("plain.tta", _one("tta", "tta", rate=44_100)),
    Case("plain.wv", _with(_one("wv", "wavpack", rate=44_100), after=apev2({b"Title": b"Wv", b"Cover Art (Back)": b"b.png\0" + BACK, b"Cover Art (Front)": b"f.png\0" + FRONT})), "Wv", picture=FRONT),
    _two("joined.wv", _joined(_half("wv", "wavpack", rate=44_100), _half("wv", "wavpack", layout="mono"))),
    Case("latin v1.wv", _with(_one("wv", "wavpack"), after=id3v1(_ELISE, _MOTORHEAD)), "Für Elise", "Motörhead"),
    Case("two.wma", _one("asf", "wmav2", rate=44_100, tags={"title": "Für", "artist": "Wma"}), "Für", "Wma", length_ms=1230),
    Case("one.wma", _one("asf", "wmav1", rate=22_050, layout="mono", bit_rate=64_000), length_ms=1207),
]  # fmt: skip

CASES = [*_PCM, *_MP3, *_OGG, *_FLAC, *_OTHERS]
# A cue sheet is not audio, and the file that it names stays one track.
CUE = 'FILE "cue beside.mp3" MP3\n  TRACK 01 AUDIO\n    TITLE "Part one"\n    INDEX 01 00:00:00\n'


def make(folder: Path) -> list[Made]:
    """Write all files, in folders of a dozen. Each has different tones, and none is an overtone of another."""
    made = []
    for number, case in enumerate(CASES):
        hz = (400.0 + 23 * number, 411.0 + 23 * number)
        path = folder / f"{number // 12}" / case.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.make(*hz))
        made.append(Made(case, path, hz))
    (folder / "cue beside.cue").write_text(CUE)
    return made
