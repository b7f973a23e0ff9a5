"""Reads Opus frames of 20 ms from a container: passed through untouched, or decoded, scaled to the volume and
encoded again. Synchronous: `source.py` runs it in a thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from library.sources.chain import AudioChain, ChainPacket
from library.sources.container import AudioContainer
from library.sources.errors import SourceError
from library.sources.opus import (
    FRAME_MS,
    FRAME_SAMPLES,
    SAMPLE_RATE,
    SILENCE,
    packet_samples,
    plays_as_is,
)
from library.sources.types import Media

BIT_RATE = 128_000
# Decoders need a run-up: Opus 80 ms (RFC 7845, section 4.6), MP3 and AAC a few frames.
RUN_UP_MS = 250.0
# Seeking is exact with an index and a guess without one. A guess that lands too late is repeated from further back.
_SEEK_BACK_MS = (RUN_UP_MS, 5_000.0, 60_000.0)
# If the medium cannot seek, everything before the start is read and discarded, for at most this long.
READ_OVER_SECONDS = 8.0
LED_IN_VALUES = 5 * FRAME_SAMPLES * 2
KEPT_MS = 30_000.0
MAX_BAD_PACKETS = 100
ENDS_EARLY_MS = 2_000.0

type Samples = NDArray[np.float32]


class FrameReader:
    """Reads a track's frames from `start_ms` on. Not thread-safe.

    After opening, `start_ms` is the actual start: earlier than requested if the medium cannot seek and sends too
    slowly to discard everything before. Packets stay in memory until `keep_from` releases them, so that `rewind` can
    render the last seconds again at another volume without another request.
    """

    def __init__(self, media: Media, *, start_ms: int, volume: int) -> None:
        """Open the medium and seek. `volume` is in percent. Raises SourceError."""
        self.start_ms = start_ms
        self._chain = AudioChain(media)
        try:
            self._packets: Iterator[ChainPacket] = self._chain.packets()
            self._replay: deque[ChainPacket] = deque()
            self._kept: deque[ChainPacket] = deque()
            self._volume = volume
            self._encoder: AudioCodecContext | None = None
            self._encoded = 0
            # Packets may be passed through until one has another length or another codec.
            self._may_pass = True
            self._container = self._chain.first  # the one whose decoder is in use
            self._part = 0
            self._seam = False
            self._look_at(self._chain.first)
            self._target_ms: float | None = None
            self._reset_decoding()
            if self._chain.is_live:
                self._chain.begin_at(start_ms)
            elif start_ms > 0:
                self._target_ms = float(start_ms)
                self._seek(start_ms)
        except BaseException:
            self._chain.close()
            raise

    @property
    def passthrough(self) -> bool:
        return self._may_pass and self._volume == 100

    def read(self, count: int) -> list[bytes]:
        """Return about `count` frames, fewer near the end and none after it.

        Raises SourceError, with the code ENDED_EARLY if the track ends well before its container's duration.
        """
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
        """Release packets that no rewind to `position_ms` or later needs."""
        if self._kept:  # in a damaged station that plays for days, the positions sent and read drift apart
            position_ms = max(position_ms, self._kept[-1].end_ms - KEPT_MS)
        while self._kept and self._kept[0].position_ms < position_ms - RUN_UP_MS - FRAME_MS:
            self._kept.popleft()

    def rewind(self, position_ms: float, *, volume: int) -> None:
        """Continue from `position_ms` at another volume. It must not be before the last `keep_from`."""
        self._volume = volume
        again = [kept for kept in self._kept if kept.position_ms >= position_ms - RUN_UP_MS - FRAME_MS]
        self._replay.extendleft(reversed(again))
        self._kept.clear()
        self._target_ms = position_ms
        if self._replay:
            self._container, self._part = self._replay[0].container, self._replay[0].part
        self._seam = False
        self._container.stream.codec_context.flush_buffers()
        self._reset_decoding()
        if self.passthrough:
            self._encoder = None  # it still holds some milliseconds of the old sound

    def close(self) -> None:
        self._replay.clear()
        self._kept.clear()
        self._chain.close()

    # Packets

    def _seek(self, start_ms: int) -> None:
        for back_ms in (*_SEEK_BACK_MS, float(start_ms)):
            if not self._chain.seek(max(0.0, start_ms - back_ms)):
                break
            self._packets = self._chain.packets()
            self._replay.clear()
            first = self._next_packet()
            self._kept.clear()
            if first is None:
                continue
            self._replay.append(first)
            if first.position_ms <= start_ms or back_ms >= start_ms:
                break
        self._read_over(start_ms)

    def _read_over(self, start_ms: int) -> None:
        """Discard packets before the start, for at most READ_OVER_SECONDS, then start at the position reached."""
        deadline = time.monotonic() + READ_OVER_SECONDS
        while (packet := self._next_packet()) is not None:
            self._kept.clear()
            if packet.end_ms < start_ms - RUN_UP_MS and time.monotonic() < deadline:
                continue
            self._replay.appendleft(packet)
            if packet.end_ms < start_ms - RUN_UP_MS:
                self._target_ms = None
                self.start_ms = max(0, round(packet.position_ms))
            return

    def _next_packet(self) -> ChainPacket | None:
        packet = self._replay.popleft() if self._replay else next(self._packets, None)
        if packet is not None:
            self._kept.append(packet)
        return packet

    def _look_at(self, container: AudioContainer) -> None:
        """Update `_may_pass` for a container that begins."""
        codec = container.stream.codec_context
        is_opus = codec.name in {"opus", "libopus"}
        self._may_pass = self._may_pass and is_opus and plays_as_is(codec.extradata, codec.channels)

    def _judge_end(self) -> None:
        reached_ms = self._chain.reached_ms
        if reached_ms == 0 and self._target_ms is None:
            raise SourceError("UNDECODABLE", "There is no sound in this file.", permanent=True)
        duration_ms = self._chain.duration_ms
        if duration_ms is not None and 0 < reached_ms < duration_ms - ENDS_EARLY_MS:
            stated, reached = _clock(duration_ms), _clock(reached_ms)
            detail = f"The track should last {stated} but ended at {reached}."
            raise SourceError("ENDED_EARLY", detail, permanent=True)

    # Untouched

    def _next_untouched(self) -> list[bytes] | None:
        packet = self._next_packet()
        if packet is None:
            return None
        if packet.part != self._part:
            self._container, self._part, self._seam = packet.container, packet.part, True
            self._look_at(packet.container)
        data = bytes(packet.packet)
        if not self._may_pass or packet_samples(data) != FRAME_SAMPLES:
            self._may_pass = False
            begins_ms = max(packet.position_ms, self._target_ms or packet.position_ms)
            if not self._seam:
                self.rewind(begins_ms, volume=self._volume)
                return []
            self._kept.clear()
            self._kept.append(packet)
            self.rewind(begins_ms, volume=self._volume)
            return [SILENCE]
        if packet.end_ms <= packet.shift_ms:
            return []  # inaudible: it only lets the decoder settle
        if self._target_ms is not None:
            if packet.position_ms + FRAME_MS / 2 < self._target_ms:
                return []
            self._target_ms = None
        elif self._seam:
            # The listener's decoder sees one stream. After another encoder's last packet it makes a burst of twice
            # the level. After a packet of silence it starts as it does at the beginning of a track.
            self._seam = False
            return [SILENCE, data]
        self._seam = False
        return [data]

    # Decoded and encoded again

    def _reset_decoding(self) -> None:
        self._fifo: AudioFifo | None = None
        self._format: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None
        self._pending: Samples = np.empty(0, dtype=np.float32)  # 48 kHz, interleaved stereo
        self._to_skip = 0  # values before the target
        self._skipped: Samples = self._pending  # the last of the skipped values
        self._bad_packets = 0
        self._decoded = False
        self._decoded_to: ChainPacket | None = None  # the last packet that the decoder took
        self._drained = False

    def _next_encoded(self, count: int) -> list[bytes] | None:
        """Decode about `count` frames in one batch, in which filters and encoder cost less per second."""
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
        """Decode at least `milliseconds` of sound into `_pending`, or up to the end."""
        collected = 0.0
        while collected < milliseconds:
            packet = self._next_packet()
            if packet is None:
                self._drain_decoder()
                self._drain_resampler()
                self._drained = True
                if not self._decoded and self._target_ms is None:
                    detail = "This is not an audio file that can be decoded."
                    raise SourceError("UNDECODABLE", detail, permanent=True)
                return
            if packet.part != self._part:
                collected += self._drain_decoder()
                self._container, self._part = packet.container, packet.part
                self._look_at(packet.container)
                if packet.container.stream.codec_context.is_open:
                    packet.container.stream.codec_context.flush_buffers()
            collected += self._decode_packet(packet)
        self._resample_fifo()

    def _decode_packet(self, packet: ChainPacket) -> float:
        """Decode one packet. Returns milliseconds of sound, 0.0 for a damaged packet.

        Raises SourceError after MAX_BAD_PACKETS damaged packets in a row, if it is a station or nothing was decoded
        yet. A file that was already heard plays on.
        """
        try:
            frames = self._container.stream.codec_context.decode(packet.packet)
        except av.FFmpegError as error:
            self._bad_packets += 1
            if self._bad_packets > MAX_BAD_PACKETS and (self._chain.is_live or not self._decoded):
                detail = "The file is damaged and cannot be decoded."
                raise SourceError("UNDECODABLE", detail, permanent=True) from error
            return 0.0
        if frames:
            self._bad_packets = 0
        self._decoded_to = packet
        return sum(self._take(frame, packet) for frame in frames)

    def _drain_decoder(self) -> float:
        """Take the frames that the decoder still holds when its stream ends. Returns their milliseconds."""
        if self._decoded_to is None:
            return 0.0
        packet, self._decoded_to = self._decoded_to, None
        try:
            frames = self._container.stream.codec_context.decode(None)
        except av.FFmpegError:
            return 0.0  # it was flushed before, or has nothing left
        return sum(self._take(frame, packet) for frame in frames)

    def _take(self, frame: AudioFrame, packet: ChainPacket) -> float:
        """Collect a frame that was decoded from `packet`. Returns its milliseconds.

        The first frame after a seek or rewind determines how much to skip before the target.
        """
        self._decoded = True
        length_ms = frame.samples * 1000 / frame.sample_rate
        if self._target_ms is not None:
            own_ms = self._container.position_ms(frame.pts)
            position_ms = packet.position_ms if own_ms is None else own_ms + packet.shift_ms
            if position_ms + length_ms <= self._target_ms - RUN_UP_MS:
                return length_ms
            early = max(0.0, self._target_ms - position_ms)
            self._to_skip = round(early * SAMPLE_RATE / 1000) * 2
            self._target_ms = None
        format_now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._fifo is None or format_now != self._format:
            self._drain_resampler()  # chained streams may change their format
            self._format = format_now
            self._fifo = AudioFifo()
            # FFmpeg upmixes mono to stereo 3 dB softer than players do, so mono stays mono here. When it mixes more
            # than two channels to stereo, it prevents clipping only for integer output.
            channels = frame.layout.nb_channels
            self._resampler = AudioResampler(
                format="s16" if channels > 2 else "flt",
                layout="mono" if channels == 1 else "stereo",
                rate=SAMPLE_RATE,
                threads=1,
            )
        frame.pts = None
        frame.time_base = Fraction(1, frame.sample_rate)  # the container's may differ from part to part
        self._fifo.write(frame)
        return length_ms

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
            if block is None:  # PyAV returns this when it flushes an empty resampler
                continue
            samples = block.to_ndarray().reshape(-1).astype(np.float32, copy=False)
            if block.format.name == "s16":
                samples /= 32_768
            if block.layout.nb_channels == 1:
                samples = np.repeat(samples, 2)
            skipped = min(self._to_skip, len(samples))
            if skipped:
                self._to_skip -= skipped
                self._skipped = np.concatenate([self._skipped, samples[:skipped]])[-LED_IN_VALUES:]
            if self._volume != 100:
                samples = samples * np.float32(self._volume / 100)
            self._pending = np.concatenate([self._pending, samples[skipped:]])

    def _encode(self, samples: Samples) -> list[bytes]:
        if not len(samples):
            return []
        if self._encoder is None:
            self._encoder = _new_encoder()
            # The listener's decoder continues from the last sound. A new encoder must be fed the same sound first, or
            # its first packet makes a burst of twice the level.
            led_in, self._skipped = self._skipped, self._skipped[:0]
            whole = len(led_in) // (FRAME_SAMPLES * 2) * FRAME_SAMPLES * 2
            self._encode(led_in[len(led_in) - whole :])
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
    # Complexity 5 of 10 takes 60 % of the time of 10. At 128 kbit/s the difference is hard to hear.
    encoder.options = {"frame_duration": str(FRAME_MS), "application": "audio", "compression_level": "5"}
    return encoder


def _clock(milliseconds: float) -> str:
    seconds = int(milliseconds) // 1000
    return f"{seconds // 60}:{seconds % 60:02}"
