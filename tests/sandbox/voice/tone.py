"""A steady tone as 20 ms Opus packets, as an encoder for music produces them."""

from fractions import Fraction
from io import BytesIO
from itertools import pairwise

import av
import numpy as np

SAMPLE_RATE = 48000
FRAME_SAMPLES = 960


def opus_tone(hz: float, *, seconds: float, amplitude: float = 0.3) -> list[bytes]:
    """Return a stereo tone at 96 kbit/s with continuous phase across packets."""
    encoder = av.AudioCodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = SAMPLE_RATE
    encoder.layout = "stereo"
    encoder.format = "flt"
    encoder.bit_rate = 96_000
    encoder.time_base = Fraction(1, SAMPLE_RATE)
    packets: list[bytes] = []
    for start in range(0, round(seconds * SAMPLE_RATE), FRAME_SAMPLES):
        time = np.arange(start, start + FRAME_SAMPLES) / SAMPLE_RATE
        mono = (amplitude * np.sin(2 * np.pi * hz * time)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.repeat(mono, 2).reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = start
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


def decode_ogg(data: bytes) -> tuple[np.ndarray, list[int]]:
    """Return an Ogg/Opus file's first channel, and its packets' timestamps in samples, by FFmpeg's demuxer."""
    stamps: list[int] = []
    pieces: list[np.ndarray] = []
    with av.open(BytesIO(data), "r", format="ogg") as container:
        for packet in container.demux(audio=0):
            if packet.pts is not None and packet.size:
                stamps.append(packet.pts)
            pieces += [frame.to_ndarray()[0] for frame in packet.decode()]
    return np.concatenate(pieces) if pieces else np.zeros(0), stamps


def is_gapless(stamps: list[int]) -> bool:
    return all(after - before == FRAME_SAMPLES for before, after in pairwise(stamps))


def count_hz(signal: np.ndarray) -> float:
    """Return the frequency by rising zero crossings, which is not the method under test."""
    rising = np.flatnonzero((signal[:-1] < 0) & (signal[1:] >= 0))
    return (len(rising) - 1) * SAMPLE_RATE / float(rising[-1] - rising[0])
