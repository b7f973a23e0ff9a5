"""Writes a steady tone as an Ogg Opus file, which every library can send packet by packet."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE, FRAME = 48_000, 960


def write_tone(path: Path, *, hz: float, seconds: int) -> None:
    """Write the tone in stereo, in packets of 20 ms."""
    with av.open(path, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="stereo")
        for start in range(0, seconds * RATE, FRAME):
            wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(start, start + FRAME) / RATE)
            samples = np.repeat(wave.astype(np.float32), 2).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="flt", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
