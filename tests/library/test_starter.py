from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from library.sources.probe import Probe, probe
from library.starter import PIECES, fill
from tests.library.audio_files import loudest_hz


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starter")
    assert fill(folder) == len(PIECES)
    return folder


@pytest.fixture(scope="module")
def probes(library: Path) -> dict[str, Probe]:
    return {piece.title: probe(library / piece.file) for piece in PIECES}


def decoded(path: Path) -> np.ndarray:
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=48_000)
    with av.open(str(path)) as container:
        parts = [
            part.to_ndarray()
            for frame in container.decode(container.streams.audio[0])
            for part in resampler.resample(frame)
        ]
    return np.concatenate(parts, axis=1)


def test_a_second_filling_writes_nothing(library: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in library.iterdir()}
    assert fill(library) == 0
    assert {path.name: path.stat().st_mtime_ns for path in library.iterdir()} == before


def test_no_unfinished_file_is_left(library: Path) -> None:
    assert sorted(path.name for path in library.iterdir()) == sorted(piece.file for piece in PIECES)


def test_only_what_is_missing_is_written_and_comes_out_the_same(library: Path) -> None:
    shortest = library / next(piece.file for piece in PIECES if piece.title == "Glass Elevator")
    content = shortest.read_bytes()
    shortest.unlink()
    assert fill(library) == 1
    assert shortest.read_bytes() == content


def test_every_piece_tells_title_artist_album_and_length(probes: dict[str, Probe]) -> None:
    for piece in PIECES:
        found = probes[piece.title]
        assert (found.title, found.artist, found.album) == (piece.title, piece.artist, piece.album)
        assert found.duration_ms is not None
        assert 30_000 <= found.duration_ms <= 90_000


def test_every_piece_has_a_cover_of_its_own(probes: dict[str, Probe], tmp_path: Path) -> None:
    covers = {found.artwork for found in probes.values()}
    assert len(covers) == len(PIECES)
    for number, found in enumerate(probes.values()):
        assert found.artwork is not None
        assert found.artwork_type == "image/jpeg"
        file = tmp_path / f"{number}.jpg"
        file.write_bytes(found.artwork)
        with av.open(str(file)) as picture:
            frame = next(picture.decode(video=0))
        assert min(frame.width, frame.height) >= 512


def test_most_pass_through_and_some_need_a_transcode(probes: dict[str, Probe]) -> None:
    as_is = [title for title, found in probes.items() if found.passthrough]
    assert "440 Hz Tone" in as_is
    assert 4 <= len(as_is) < len(PIECES)


def test_the_tone_is_440_hz_and_nothing_else(library: Path) -> None:
    samples = decoded(library / PIECES[0].file)[0, 48_000 : 48_000 * 5]
    assert loudest_hz(samples) == pytest.approx(440, abs=0.2)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    near = slice(430 * 4, 450 * 4)
    assert spectrum[near].sum() / spectrum.sum() > 0.999


def test_pieces_are_equally_loud_and_neither_clip_nor_click(library: Path) -> None:
    for piece in PIECES:
        samples = decoded(library / piece.file)
        assert np.abs(samples).max() < 1.0, piece.title
        for edge in (samples[:, :96], samples[:, -96:]):  # 2 ms
            assert np.abs(edge).max() < 0.05, piece.title
        assert integrated_loudness(library / piece.file) == pytest.approx(-16, abs=1), piece.title


def integrated_loudness(path: Path) -> float:
    """Return the loudness in LUFS, by FFmpeg's own meter (EBU R 128)."""
    graph = av.filter.Graph()
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        source, meter = graph.add_abuffer(template=stream), graph.add("ebur128", "metadata=1")
        sink = graph.add("abuffersink")
        source.link_to(meter)
        meter.link_to(sink)
        graph.configure()
        last = ""
        for frame in container.decode(stream):
            graph.push(frame)
            while True:
                try:
                    last = graph.pull().metadata.get("lavfi.r128.I", last)
                except (av.error.BlockingIOError, av.error.EOFError):
                    break
    return float(last)
