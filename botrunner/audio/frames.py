"""From a container to Opus frames of 20 ms: passed through untouched, or decoded, made louder or softer, and
encoded again. Synchronous; `source.py` runs it in a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from queue_app.sources.container import AudioContainer, AudioPacket
from queue_app.sources.errors import SourceError
from queue_app.sources.opus import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE, packet_samples, plays_as_is
from queue_app.sources.types import Media

BIT_RATE = 128_000
# Decoders need a run-up: Opus 80 ms (RFC 7845, section 4.6), MP3 and AAC a few frames.
RUN_UP_MS = 250.0
# Seeking is exact where there is an index and a guess elsewhere; a guess that lands late is made again from
# further back.
_SEEK_BACK_MS = (RUN_UP_MS, 5_000.0, 60_000.0)
MAX_BAD_PACKETS = 100
ENDS_EARLY_MS = 2_000.0

type Samples = NDArray[np.float32]


@dataclass(slots=True)
class _Kept:
    packet: AudioPacket
    position_ms: float


class FrameReader:
    """Frames of a track from `start_ms` on. Not for use from two threads at a time.

    Packets that were read stay at hand until `keep_from` lets go of them, so that `rewind` can render the
    last seconds again at another volume without asking the network a second time.
    """

    def __init__(self, media: Media, *, start_ms: int, volume: int) -> None:
        """Opens and seeks. `volume` is in percent. Raises SourceError."""
        self._container = AudioContainer(media)
        try:
            self._codec: AudioCodecContext = self._container.stream.codec_context
            self._codec.thread_count = 1
            self._packets: Iterator[AudioPacket] = self._container.packets()
            self._replay: deque[_Kept] = deque()
            self._kept: deque[_Kept] = deque()
            self._end_ms: float | None = None  # where the last packet ended
            self._volume = volume
            self._encoder: AudioCodecContext | None = None
            self._encoded = 0
            # Untouched packets are possible until one of another length turns up.
            self._may_pass = self._codec.name in {"opus", "libopus"} and plays_as_is(
                self._codec.extradata, self._codec.channels
            )
            self._target_ms: float | None = None
            self._reset_decoding()
            if start_ms > 0 and not self._container.is_live:
                self._target_ms = float(start_ms)
                self._seek(start_ms)
        except BaseException:
            self._container.close()
            raise

    @property
    def passthrough(self) -> bool:
        return self._may_pass and self._volume == 100

    def read(self, count: int) -> list[bytes]:
        """About `count` frames, fewer at the end and none behind it. Raises SourceError, also (`ENDED_EARLY`)
        when the end comes well before the length that the container names."""
        frames: list[bytes] = []
        while len(frames) < count:
            more = self._next_untouched() if self.passthrough else self._next_encoded(count - len(frames))
            if more is None:
                break
            frames += more
        if not frames:
            self._judge_end()
        return frames

    def keep_from(self, position_ms: float) -> None:
        """Let go of packets that no rewind to `position_ms` or later needs."""
        while self._kept and self._kept[0].position_ms < position_ms - RUN_UP_MS - FRAME_MS:
            self._kept.popleft()

    def rewind(self, position_ms: float, *, volume: int) -> None:
        """Go on from `position_ms`, which must not be before `keep_from`'s, at another volume."""
        self._volume = volume
        again = [kept for kept in self._kept if kept.position_ms >= position_ms - RUN_UP_MS - FRAME_MS]
        self._replay.extendleft(reversed(again))
        self._kept.clear()
        self._target_ms = position_ms
        self._codec.flush_buffers()
        self._reset_decoding()
        if self.passthrough:
            self._encoder = None  # it still holds some milliseconds of what was encoded last

    def close(self) -> None:
        self._container.close()

    # Packets

    def _seek(self, start_ms: int) -> None:
        for back_ms in (*_SEEK_BACK_MS, float(start_ms)):
            if not self._container.seek(int(max(0.0, start_ms - back_ms))):
                return  # no seeking here: read over everything before
            self._packets = self._container.packets()
            self._replay.clear()
            first = self._next_packet()
            self._kept.clear()
            if first is None:
                continue
            self._replay.append(first)
            if first.position_ms <= start_ms or back_ms >= start_ms:
                return

    def _next_packet(self) -> _Kept | None:
        if self._replay:
            kept = self._replay.popleft()
        else:
            packet = next(self._packets, None)
            if packet is None:
                return None
            position_ms = self._container.position_ms(packet.pts)
            if position_ms is None:
                position_ms = self._end_ms or 0.0
            length = (packet.duration or 0) * packet.time_base if packet.time_base else 0
            self._end_ms = position_ms + float(length * 1000)
            kept = _Kept(packet, position_ms)
        self._kept.append(kept)
        return kept

    def _judge_end(self) -> None:
        if self._end_ms is None and self._target_ms is None:
            raise SourceError("UNDECODABLE", "There is no sound in this file.", permanent=True)
        duration_ms = self._container.duration_ms
        if not self._container.duration_is_exact or duration_ms is None or self._end_ms is None:
            return
        if self._end_ms < duration_ms - ENDS_EARLY_MS:
            said, reached = _clock(duration_ms), _clock(self._end_ms)
            detail = f"The track should last {said} but ended at {reached}."
            raise SourceError("ENDED_EARLY", detail, permanent=True)

    # Untouched

    def _next_untouched(self) -> list[bytes] | None:
        kept = self._next_packet()
        if kept is None:
            return None
        data = bytes(kept.packet)
        if packet_samples(data) != FRAME_SAMPLES:
            self._may_pass = False
            self.rewind(max(kept.position_ms, self._target_ms or kept.position_ms), volume=self._volume)
            return []
        if self._target_ms is not None:
            if kept.position_ms + FRAME_MS / 2 < self._target_ms:
                return []
            self._target_ms = None
        return [data]

    # Decoded and encoded again

    def _reset_decoding(self) -> None:
        self._fifo: AudioFifo | None = None
        self._format: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None
        self._pending: Samples = np.empty(0, dtype=np.float32)  # 48 kHz, interleaved stereo
        self._to_skip = 0  # values of it before the target
        self._bad_packets = 0
        self._decoded = False
        self._drained = False

    def _next_encoded(self, count: int) -> list[bytes] | None:
        """Decode about `count` frames' worth in one go: filters and encoder cost less per second in bulk."""
        if self._drained:
            return None
        wanted = count * FRAME_SAMPLES * 2
        while len(self._pending) < wanted and not self._drained:
            self._decode(count * FRAME_MS)
        whole = len(self._pending) // (FRAME_SAMPLES * 2) * FRAME_SAMPLES * 2
        if self._drained and whole < len(self._pending):
            whole += FRAME_SAMPLES * 2
            self._pending = np.concatenate([self._pending, np.zeros(whole - len(self._pending), np.float32)])
        batch, self._pending = self._pending[:whole], self._pending[whole:]
        frames = self._encode(batch)
        if self._drained and self._encoder is not None:
            frames += [bytes(packet) for packet in self._encoder.encode(None)]
            self._encoder = None
        return frames

    def _decode(self, milliseconds: int) -> None:
        """Move at least so much sound into `_pending`, or notice the end."""
        collected = 0.0
        while collected < milliseconds:
            kept = self._next_packet()
            try:
                decoded = self._codec.decode(kept.packet if kept is not None else None)
            except av.error.EOFError:
                decoded = []  # flushed before
            except av.FFmpegError as error:
                self._bad_packets += 1
                if self._bad_packets > MAX_BAD_PACKETS:
                    detail = "The file is damaged and cannot be decoded."
                    raise SourceError("UNDECODABLE", detail, permanent=True) from error
                if kept is not None:
                    continue
                decoded = []
            for frame in decoded:
                self._bad_packets = 0
                self._take(frame)
                collected += frame.samples * 1000 / frame.sample_rate
            if kept is None:
                self._drain_resampler()
                self._drained = True
                if not self._decoded and self._target_ms is None:
                    detail = "This is not an audio file that can be decoded."
                    raise SourceError("UNDECODABLE", detail, permanent=True)
                return
        self._resample_fifo()

    def _take(self, frame: AudioFrame) -> None:
        """Collect a decoded frame. The first one after a seek or rewind says how much lies before the target."""
        self._decoded = True
        if self._target_ms is not None:
            position_ms = self._container.position_ms(frame.pts)
            length_ms = frame.samples * 1000 / frame.sample_rate
            if position_ms is not None:
                if position_ms + length_ms <= self._target_ms - RUN_UP_MS:
                    return
                early = max(0.0, self._target_ms - position_ms)
                self._to_skip = round(early * SAMPLE_RATE / 1000) * 2
            self._target_ms = None
        format_now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._fifo is None or format_now != self._format:
            self._drain_resampler()  # chained streams may change their format
            self._format = format_now
            self._fifo = AudioFifo()
            # FFmpeg would spread mono over two channels 3 dB softer than every player does.
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._resampler = AudioResampler(format="flt", layout=layout, rate=SAMPLE_RATE, threads=1)
        frame.pts = None
        self._fifo.write(frame)

    def _resample_fifo(self) -> None:
        if self._fifo is None or self._resampler is None:
            return
        block = self._fifo.read()
        if block is not None:
            self._append(self._resampler.resample(block))

    def _drain_resampler(self) -> None:
        self._resample_fifo()
        if self._resampler is not None:
            self._append(self._resampler.resample(None))
        self._resampler = self._fifo = None

    def _append(self, blocks: list[AudioFrame]) -> None:
        for block in blocks:
            if block is None:  # PyAV flushes a resampler with nothing to do like this
                continue
            samples = block.to_ndarray().reshape(-1).astype(np.float32, copy=False)
            if block.layout.nb_channels == 1:
                samples = np.repeat(samples, 2)
            skipped = min(self._to_skip, len(samples))
            self._to_skip -= skipped
            if self._volume != 100:
                samples = samples * np.float32(self._volume / 100)
            self._pending = np.concatenate([self._pending, samples[skipped:]])

    def _encode(self, samples: Samples) -> list[bytes]:
        if not len(samples):
            return []
        if self._encoder is None:
            self._encoder = _new_encoder()
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._encoded
        self._encoded += len(samples) // 2
        return [bytes(packet) for packet in self._encoder.encode(frame)]


def _new_encoder() -> AudioCodecContext:
    encoder = AudioCodecContext.create("libopus", "w")
    encoder.sample_rate = SAMPLE_RATE
    encoder.layout = "stereo"
    encoder.format = "flt"
    encoder.bit_rate = BIT_RATE
    encoder.thread_count = 1
    # Complexity 5 of 10 takes 60 % of the time; at 128 kbit/s the difference is hard to hear.
    encoder.options = {"frame_duration": str(FRAME_MS), "application": "audio", "compression_level": "5"}
    return encoder


def _clock(milliseconds: float) -> str:
    seconds = int(milliseconds) // 1000
    return f"{seconds // 60}:{seconds % 60:02}"
