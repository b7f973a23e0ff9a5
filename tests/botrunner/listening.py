"""Reads a source as nextcord does, and measures what it played."""

from __future__ import annotations

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from botrunner.audio import TrackSource
from library.sources.opus import packet_samples
from tests.library.audio_files import loudest_hz


def take(source: TrackSource, count: int | None = None) -> list[bytes]:
    """Return packets without the silence of underruns: `count` of them, or all up to the end."""
    taken: list[bytes] = []
    while count is None or len(taken) < count:
        before = source.underruns
        packet = source.read()
        if source.underruns > before:
            source.ready(10)
            assert source.underruns < 10_000
            continue
        if not packet:
            break
        taken.append(packet)
    return taken


def decode(frames: list[bytes]) -> NDArray[np.float32]:
    """Return the left channel at 48 kHz."""
    decoder = AudioCodecContext.create("libopus", "r")
    decoder.sample_rate = 48_000
    decoder.layout = "stereo"
    parts = []
    for frame in frames:
        assert packet_samples(frame) == 960
        for decoded in decoder.decode(av.Packet(frame)):
            array = decoded.to_ndarray()
            left = array[0] if decoded.format.is_planar else array[0, 0::2]
            parts.append(left.astype(np.float32) / (32768 if "s16" in decoded.format.name else 1))
    return np.concatenate(parts)


def rms(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def sweep(seconds: float, *, rate: int = 48_000) -> NDArray[np.float32]:
    """Return a tone that rises from 300 Hz by 200 Hz per second, so that its pitch shows the position."""
    time = np.arange(int(seconds * rate)) / rate
    return (0.4 * np.sin(2 * np.pi * (300 * time + 100 * time**2))).astype(np.float32)


def time_of(samples: NDArray[np.float32]) -> float:
    """Return the position in `sweep`, in seconds, at which these 0.1 s of it begin."""
    return (loudest_hz(samples[:4800]) - 300) / 200 - 0.05
