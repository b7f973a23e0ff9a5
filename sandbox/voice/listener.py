"""A listener in one guild's voice channel: decodes, measures and records the audio, and streams it to browsers."""

import asyncio
import math
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator
from functools import lru_cache

import av
import numpy as np
from numpy.typing import NDArray

from .ogg import SAMPLE_RATE, SILENCE, OggOpus, packet_samples, pad

TONE_WINDOW_SECONDS = 1.0
RECORDING_SAMPLES = 60 * SAMPLE_RATE
SILENCE_RMS = 0.001  # -60 dBFS over one packet: inaudible
LOWEST_HZ = 20.0

LIVE_TICK_SECONDS = 0.1
LIVE_SLACK_SECONDS = 0.2  # how far the stream may lag behind the clock before silence is inserted,
LIVE_JITTER_SECONDS = 0.5  # and how far while packets still arrive: a busy machine delays them
LIVE_STALL_SECONDS = 2.0  # a reader that lags further behind skips ahead
LIVE_BACKLOG_PACKETS = 100
# Chromium passes media to its demuxer in blocks of 32 KiB. Without padding, music would be heard 3 s late, and
# a stream that begins with silence would keep the page loading for a minute.
LIVE_PACKET_BYTES = 1300
LIVE_HEADER_PADDING = 64_000


class Listener:
    """Listens in one guild. Decoding 20 ms takes 50 microseconds (measured), so it runs on the event loop."""

    def __init__(self) -> None:
        self._decoder = _opus_decoder()
        self._pcm: deque[tuple[float, NDArray[np.float32]]] = deque()
        self._last_sound_at = time.monotonic()
        self._recorded: deque[bytes] = deque()
        self._recorded_samples = 0
        self._subscribers: dict[int, deque[bytes]] = {}
        self._closed = False

    def hear(self, packet: bytes) -> bool:
        """Process one Opus packet. If it cannot be decoded, it is dropped and the result is False."""
        try:
            samples = packet_samples(packet)
            frames = self._decoder.decode(av.Packet(packet))
        except (ValueError, av.FFmpegError):
            return False
        now = time.monotonic()
        for frame in frames:
            self._measure(frame.to_ndarray().astype(np.float32, copy=False), now)
        self._record(packet, samples)
        for backlog in self._subscribers.values():
            backlog.append(packet)
        return True

    @property
    def silence_ms(self) -> int:
        """Milliseconds since the last packet louder than -60 dBFS, or since listening began."""
        return round((time.monotonic() - self._last_sound_at) * 1000)

    @property
    def tone_hz(self) -> float | None:
        """The loudest frequency of the last second, in Hz; None when nothing arrived, or only silence."""
        self._drop_old_pcm(time.monotonic())
        if not self._pcm:
            return None
        signal = np.concatenate([pcm for _, pcm in self._pcm])
        if math.sqrt(float(np.mean(np.square(signal)))) < SILENCE_RMS:
            return None
        return _loudest_hz(signal)

    def recording(self) -> bytes | None:
        """Return the last 60 s of received audio as an Ogg/Opus file, without the pauses, or None."""
        if not self._recorded:
            return None
        ogg = OggOpus(serial=1)
        return ogg.headers() + ogg.write(self._recorded, last=True)

    async def live(self) -> AsyncGenerator[bytes]:
        """Yield an endless Ogg/Opus stream that starts now and runs in real time.

        While nothing arrives, the stream has silence, so that a browser's player does not stall or stop.
        It ends when the listener is closed. Safe to cancel at any point.
        """
        backlog: deque[bytes] = deque(maxlen=LIVE_BACKLOG_PACKETS)
        self._subscribers[id(backlog)] = backlog
        try:
            ogg = OggOpus(serial=secrets.randbits(32))
            yield ogg.headers(padding=LIVE_HEADER_PADDING)
            started_at = time.monotonic()
            heard_at = 0.0
            while not self._closed:
                await asyncio.sleep(LIVE_TICK_SECONDS)
                arrived = [backlog.popleft() for _ in range(len(backlog))]
                page = ogg.write(pad(packet, LIVE_PACKET_BYTES) for packet in arrived)
                now = time.monotonic()
                heard_at = now if arrived else heard_at
                slack = LIVE_JITTER_SECONDS if now - heard_at < LIVE_JITTER_SECONDS else LIVE_SLACK_SECONDS
                behind = now - started_at - ogg.samples / SAMPLE_RATE
                if behind > LIVE_STALL_SECONDS:
                    started_at += behind
                elif behind > slack:
                    silence = pad(SILENCE, LIVE_PACKET_BYTES)
                    page += ogg.write([silence] * round(LIVE_TICK_SECONDS * SAMPLE_RATE / 960))
                if page:
                    yield page
        finally:
            del self._subscribers[id(backlog)]

    def hush(self) -> None:
        """Drop the audio of the last second, because the bot was silenced: `tone_hz` is then None."""
        self._pcm.clear()

    def clear(self) -> None:
        """Drop all received audio. Live streams continue with silence."""
        self._decoder = _opus_decoder()
        self._pcm.clear()
        self._recorded.clear()
        self._recorded_samples = 0
        self._last_sound_at = time.monotonic()

    def close(self) -> None:
        """End the live streams, within one tick."""
        self._closed = True

    def _measure(self, pcm: NDArray[np.float32], now: float) -> None:
        """Measure decoded audio. `pcm` is planar, one row per channel.

        The level is measured over both channels, the tone in their mean.
        """
        if math.sqrt(float(np.mean(np.square(pcm)))) >= SILENCE_RMS:
            self._last_sound_at = now
        self._pcm.append((now, pcm.mean(axis=0)))
        self._drop_old_pcm(now)

    def _drop_old_pcm(self, now: float) -> None:
        while self._pcm and self._pcm[0][0] <= now - TONE_WINDOW_SECONDS:
            self._pcm.popleft()

    def _record(self, packet: bytes, samples: int) -> None:
        self._recorded.append(packet)
        self._recorded_samples += samples
        while self._recorded_samples > RECORDING_SAMPLES:
            self._recorded_samples -= packet_samples(self._recorded.popleft())


def _opus_decoder() -> av.AudioCodecContext:
    decoder = av.AudioCodecContext.create("opus", "r")
    if not isinstance(decoder, av.AudioCodecContext):
        raise TypeError("FFmpeg's opus is not an audio codec")
    decoder.sample_rate = SAMPLE_RATE
    decoder.layout = "stereo"
    return decoder


@lru_cache(maxsize=8)
def _window(samples: int) -> NDArray[np.float64]:
    return np.hanning(samples)


def _loudest_hz(signal: NDArray[np.float32]) -> float | None:
    """Return the peak of the spectrum, refined by a parabola through the logarithms of its neighbors.

    For a tone of 0.1 s or longer the error is below 0.1 Hz (Hann window).
    """
    spectrum = np.abs(np.fft.rfft(signal * _window(len(signal))))
    bin_hz = SAMPLE_RATE / len(signal)
    lowest = math.ceil(LOWEST_HZ / bin_hz)
    if lowest + 1 >= len(spectrum) - 1:
        return None
    peak = lowest + int(np.argmax(spectrum[lowest:-1]))
    if peak == 0:
        return None
    left, middle, right = np.log(spectrum[peak - 1 : peak + 2] + 1e-12)
    curvature = left - 2 * middle + right
    offset = 0.5 * (left - right) / curvature if curvature < 0 else 0.0
    return round(float((peak + offset) * bin_hz), 2)
