"""Real audio files for the tests of sources and playback, made by FFmpeg."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

from library.sources.container import AudioContainer
from library.sources.window import Window

# The quality of the encoding does not matter here.
FASTEST = {
    "libopus": {"compression_level": "0"},
    "libmp3lame": {"compression_level": "9"},
    "aac": {"aac_coder": "fast"},
}

MUXERS = {
    "opus": ("ogg", "libopus", "fltp"),
    "webm": ("webm", "libopus", "fltp"),
    "mp3": ("mp3", "libmp3lame", "fltp"),
    "flac": ("flac", "flac", "s16"),
    "m4a": ("mp4", "aac", "fltp"),
    "wav": ("wav", "pcm_s16le", "s16"),
    "caf": ("caf", "alac", "s16p"),
}


def tone(
    seconds: float, *, hz: float = 440.0, rate: int = 48_000, amplitude: float = 0.4
) -> NDArray[np.float32]:
    time = np.arange(int(seconds * rate), dtype=np.float64) / rate
    return (amplitude * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def write(
    path: Path,
    samples: NDArray[np.float32],
    *,
    rate: int = 48_000,
    channels: int = 2,
    tags: dict[str, str] | None = None,
    frame_ms: int = 20,
) -> Path:
    """Encode mono `samples` into every channel of a file whose suffix names container and codec."""
    muxer, codec, sample_format = MUXERS[path.suffix[1:]]
    layout = "stereo" if channels == 2 else "mono"
    options = dict(FASTEST.get(codec, {}))
    if codec == "libopus":
        options |= {"frame_duration": str(frame_ms), "application": "audio"}
    with av.open(str(path), "w", format=muxer, options={"fflags": "+bitexact"}) as output:
        assert isinstance(output, OutputContainer)
        output.metadata.update(tags or {})
        stream = output.add_stream(codec, rate=rate, layout=layout, options=options)
        assert isinstance(stream, AudioStream)
        if sample_format == "fltp":
            stream.bit_rate = 128_000
        if sample_format == "fltp":
            planes = np.ascontiguousarray(np.repeat(samples[None], channels, axis=0))
            frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        else:
            packed = (np.repeat(samples[:, None], channels, axis=1) * 32767).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def write_mixed_opus(path: Path, seconds: float = 2.0) -> Path:
    """Write an Ogg file with 20 ms packets in its first half and 60 ms packets in its second."""
    with av.open(str(path), "w", format="ogg") as output:
        assert isinstance(output, OutputContainer)
        stream = output.add_stream("libopus", rate=48_000, layout="stereo", options={"frame_duration": "20"})
        assert isinstance(stream, AudioStream)
        output.start_encoding()
        position = 0
        for frame_ms in (20, 60):
            part = path.with_suffix(f".{frame_ms}.opus")
            write(part, tone(seconds / 2), frame_ms=frame_ms)
            with part.open("rb") as file, AudioContainer(Window(file)) as container:
                for packet in container.packets():
                    packet.stream = stream
                    packet.pts = packet.dts = position
                    packet.duration = 48 * frame_ms
                    packet.time_base = Fraction(1, 48_000)
                    position += packet.duration
                    output.mux(packet)
    return path


def packets(path: Path) -> list[bytes]:
    with path.open("rb") as file, AudioContainer(Window(file)) as container:
        return [bytes(packet) for packet in container.packets()]


def loudest_hz(samples: NDArray[np.floating], rate: int = 48_000) -> float:
    """Return the loudest frequency, within 0.1 Hz for tones of a second or more."""
    size = max(1 << 16, 1 << (len(samples) - 1).bit_length())
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))
    peak = int(np.argmax(spectrum[1:-1])) + 1
    left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-12)  # a parabola through the three values
    return float((peak + 0.5 * (left - right) / (left - 2 * middle + right)) * rate / size)
