"""CPU time per minute of one audio stream: `python bench/audio.py [--streams 10] [--seconds 20]`.

First paced as by nextcord: one player thread per stream and 50 packets a second, without network and encryption.
Then without pacing, which shows what the pacing costs. CPU is user plus system time of the whole process.

The references were measured with one Python thread per stream that did everything: PyAV demultiplexing Ogg, or
transcoding MP3 to Opus at 128 kbit/s packet by packet. They include nextcord's sending, about 0.06 CPU seconds.
Compare ratios, because the absolute values depend on the machine.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from botrunner.audio import TrackSource

REFERENCES = {"passthrough": 0.52, "transcode": 1.83, "volume 50": 2.08}
FRAME_SECONDS = 0.02


def make_file(path: Path, codec: str, seconds: int) -> Path:
    """Write a file with music-like sound: changing chords over noise, so that encoding takes realistic effort."""
    generator = np.random.default_rng(1)
    length = seconds * 48_000
    sound = generator.normal(0, 0.02, length)
    for _ in range(4):
        pitches = np.repeat(generator.uniform(110, 1760, seconds * 2), 24_000)
        sound += 0.12 * np.sin(2 * np.pi * np.cumsum(pitches) / 48_000)
    planes = np.stack([sound, np.roll(sound, 200)]).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts = 48_000, 0
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=48_000, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 128_000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def play_paced(source: TrackSource, seconds: float) -> None:
    started = time.perf_counter()
    for tick in range(1, int(seconds / FRAME_SECONDS) + 1):
        source.read()
        time.sleep(max(0.0, started + tick * FRAME_SECONDS - time.perf_counter()))


def measure_paced(path: Path, volume: int, streams: int, seconds: float) -> tuple[float, float, int]:
    """Return CPU seconds per stream-minute in the steady state, megabytes per stream, and the number of underruns."""
    memory = resident_mb()
    sources = [TrackSource(path, volume=volume) for _ in range(streams)]
    for source in sources:
        source.ready(30)
    while any(not source.ready(1) for source in sources):
        pass
    time.sleep(1.5)  # until the read-ahead buffers are full, because filling them is part of the start
    players = [threading.Thread(target=play_paced, args=(source, seconds)) for source in sources]
    before = cpu_seconds()
    for player in players:
        player.start()
    for player in players:
        player.join()
    spent = cpu_seconds() - before
    megabytes = (resident_mb() - memory) / streams
    underruns = sum(source.underruns for source in sources)
    for source in sources:
        source.cleanup()
        source.join(5)
    return spent / streams / seconds * 60, megabytes, underruns


def measure_flat_out(path: Path, volume: int) -> float:
    source = TrackSource(path, volume=volume)
    before = cpu_seconds()
    while not source.finished:
        underruns = source.underruns
        source.read()
        if source.underruns > underruns:
            source.ready(5)
    spent = cpu_seconds() - before
    minutes = source.position_ms / 60_000
    source.cleanup()
    source.join(5)
    return spent / minutes


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--streams", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        length = arguments.seconds + 10
        opus = make_file(Path(folder) / "a.opus", "libopus", length)
        mp3 = make_file(Path(folder) / "a.mp3", "libmp3lame", length)
        print(f"{arguments.streams} streams, {arguments.seconds} s; CPU seconds per stream-minute")
        print(f"{'':<14}{'paced':>8}{'flat out':>10}{'reference':>11}{'MB/stream':>11}{'underruns':>11}")
        for name, path, volume in (
            ("passthrough", opus, 100),
            ("transcode", mp3, 100),
            ("volume 50", opus, 50),
        ):
            flat_out = measure_flat_out(path, volume)
            paced, megabytes, underruns = measure_paced(path, volume, arguments.streams, arguments.seconds)
            print(
                f"{name:<14}{paced:>8.2f}{flat_out:>10.2f}{REFERENCES[name]:>11.2f}{megabytes:>11.1f}{underruns:>11}"
            )


if __name__ == "__main__":
    main()
