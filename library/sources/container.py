"""Open audio with FFmpeg (PyAV) in a way that it reads only the given bytes.

FFmpeg follows playlists by itself: an HLS or concat file can make it open any other file or address. The lists of
formats and protocols below exclude those, for library files and for links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from library.sources.errors import SourceError
from library.sources.opus import pre_skip
from library.sources.tag_limits import OpeningWatch, check_head
from library.sources.window import Window

# Names of FFmpeg's demuxers. None of them opens a second file (mov's references are off by default).
FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,caf,dsf,eac3,flac,matroska,webm,mov,mp4,m4a,mp3,mpc,mpc8,mpegts,ogg,oma,tak,tta,"
    "voc,w64,wav,wv"
)
# FFmpeg decodes each picture to find its size, and keeps it: forty covers of 3000 × 3000 took 1 GB. It does not decode
# pictures or videos above `max_pixels`. With some old video codecs it then reads further before the file is open.
_BOUNDS = {"max_pixels": str(1280 * 720), "max_streams": "100"}
# For live streams. Otherwise FFmpeg reads up to 5 MB, and for several seconds, before it starts.
_LIVE_PROBE = {"probesize": "131072", "analyzeduration": "2000000"}

_ADTS_RATES = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000),
    *(22_050, 16_000, 12_000, 11_025, 8_000, 7_350),
)

type AudioPacket = Packet[AudioStream]

_NO_AUDIO = "There is no sound in this file."
_NOT_AUDIO = "This is not an audio file that can be decoded."


class AudioContainer:
    """One opened FFmpeg container with its first audio stream. Not for use from two threads at a time.

    With `is_whole`, the medium is one whole file of the library, and `window` is None. `duration_ms` is FFmpeg's, which
    may be a guess (see `length`). `close` frees FFmpeg's memory but does not close the medium. A container without
    references closes itself.
    """

    def __init__(self, media: Window, *, is_live: bool = False, is_whole: bool = False) -> None:
        """Raises SourceError. Blocks until enough of `media` has been read."""
        self.last_packet: AudioPacket | None = None
        self.window = None if is_whole else media
        self._media = media
        options = _BOUNDS | {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
        if is_live:
            options |= _LIVE_PROBE
        check_head(media.peek)
        media.watch = OpeningWatch().look
        try:
            with self._translated():
                opened = av.open(media, "r", options=options)
        finally:
            media.watch = None
        self.input: InputContainer = opened
        try:
            if not self.input.streams.audio:
                raise SourceError("UNDECODABLE", _NO_AUDIO, permanent=True)
            self.stream: AudioStream = self.input.streams.audio[0]
            if self.stream.codec_context is None or not self.stream.codec_context.sample_rate:
                raise SourceError("UNDECODABLE", _NOT_AUDIO, permanent=True)
            self.stream.codec_context.thread_count = 1
        except BaseException:
            self.input.close()
            raise
        # FFmpeg computes all timestamps of an ADTS stream with the rate at its beginning, and has no index for seeking.
        # In a transport stream it searches for timestamps, which start again where files were joined.
        self._is_adts = self.input.format.name == "aac"
        self._tick_ms = float((self.stream.time_base or 0) * 1000)
        self._start_ms = (self.input.start_time or 0) / 1000
        self.duration_ms = None if is_live else self._duration_ms()

    def _duration_ms(self) -> int | None:
        if self.stream.duration is not None and self.stream.time_base is not None:
            duration = self.stream.duration
            if self.input.format.name == "ogg" and self.stream.codec_context.name in {"opus", "libopus"}:
                duration -= pre_skip(self.stream.codec_context.extradata)  # FFmpeg counts it as sound
            return max(0, round(duration * self.stream.time_base * 1000))
        return None if self.input.duration is None else max(0, self.input.duration // 1000)

    @property
    def has_video(self) -> bool:
        """Whether there is video besides the audio."""
        return any(not stream.disposition & Disposition.attached_pic for stream in self.input.streams.video)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except av.FFmpegError as error:
            raise self._translate(error) from error
        if self._media.error is not None:
            raise self._media.error

    def _translate(self, error: av.FFmpegError) -> SourceError:
        if self._media.error is not None:
            return self._media.error
        return _sentence(error)

    @property
    def last_byte(self) -> int | None:
        """Where in the medium the last packet began."""
        if self.last_packet is None or self.last_packet.pos is None or self.last_packet.pos < 0:
            return None
        return self.last_packet.pos + (0 if self.window is None else self.window.start)

    def packets(self) -> Iterator[AudioPacket]:
        """Yield packets of the audio stream from the current position. Raises SourceError, also if bytes are missing
        but FFmpeg only saw an end of file."""
        packets = self.input.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                raise self._translate(error) from error
            if self._media.error is not None:
                raise self._media.error
            if packet is None:
                return
            if packet.size:
                self.last_packet = packet
                yield packet

    def position_ms(self, pts: int | None) -> float | None:
        """Return the position of a timestamp of the audio stream, None if its timestamps are not usable."""
        if pts is None or self._is_adts:
            return None
        return pts * self._tick_ms - self._start_ms

    def packet_ms(self, packet: AudioPacket) -> float:
        """Return the duration of a packet."""
        if self._is_adts and (length_ms := adts_ms(bytes(packet))):
            return length_ms
        ticks = packet.duration or 0
        if ticks > 1 << 31:
            ticks -= (
                1 << 32
            )  # FFmpeg's unsigned answer where an Ogg stream of one page ends before its last packet
        return ticks * self._tick_ms

    @property
    def can_seek(self) -> bool:
        return self.input.format.name not in {"aac", "mpegts"} and (
            self.window is None or self.window.seekable()
        )

    def seek(self, position_ms: int) -> bool:
        """Move to a packet at or before the position, as well as the format allows. Returns False if not possible."""
        if not self.can_seek:
            return False
        try:
            self.input.seek(round((max(0, position_ms) + self._start_ms) * 1000), backward=True)
        except av.FFmpegError as error:
            if self._media.error is not None:
                raise self._media.error from error
            return False
        return True

    def tags(self) -> dict[str, str]:
        """Return the tags of file and stream by lower-case name. Ogg has them in the stream, others in the file."""
        merged: dict[str, str] = {}
        for metadata in (self.input.metadata, self.stream.metadata):
            for name, value in metadata.items():
                merged.setdefault(name.lower(), value)
        return merged

    def pictures(self) -> list[bytes]:
        """Return the attached pictures, the front cover first. Call it before reading packets, because FFmpeg returns
        the pictures first."""
        streams = [
            stream
            for stream in self.input.streams.video
            if isinstance(stream, VideoStream) and stream.disposition & Disposition.attached_pic
        ]
        found: dict[int, bytes] = {}
        if streams:
            with self._translated():
                for packet in islice(self.input.demux(streams), len(streams)):
                    if packet.size:
                        found.setdefault(packet.stream_index, bytes(packet))
        return [found[stream.index] for stream in sorted(streams, key=_cover_rank) if stream.index in found]

    def close(self) -> None:
        self.input.close()

    def __enter__(self) -> AudioContainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def adts_ms(packet: bytes) -> float:
    """Return the duration of an AAC packet by its ADTS header (ISO 14496-3, table 1.A.5), 0 if it has none."""
    if len(packet) < 7 or packet[0] != 0xFF or packet[1] & 0xF6 != 0xF0:
        return 0.0
    rate = packet[2] >> 2 & 15
    blocks = (packet[6] & 3) + 1
    return blocks * 1024 * 1000 / _ADTS_RATES[rate] if rate < len(_ADTS_RATES) else 0.0


def _cover_rank(stream: VideoStream) -> int:
    """Return 0 for the front cover, 1 for a picture of unknown type, 2 for the rest.

    ID3, FLAC, Vorbis comments and ASF have a type, which FFmpeg puts into `comment`. APE tags call the picture
    "Cover Art (Front)". Matroska has a file name such as `cover.jpg`.
    """
    described = " ".join([*stream.metadata, *stream.metadata.values()]).lower()
    if "front" in described or re.search(r"\bcover\.\w+", described):
        return 0
    return 2 if stream.metadata.get("comment", "Other") != "Other" or "cover art (" in described else 1


def _sentence(error: av.FFmpegError) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError("NOT_FOUND", "The file no longer exists.", permanent=True)
    if isinstance(error, PermissionError):
        return SourceError("UNREADABLE", "Backline has no permission to read the file.", permanent=True)
    if isinstance(error, av.error.InvalidDataError | av.error.ArgumentError | EOFError):
        return SourceError("UNDECODABLE", _NOT_AUDIO, permanent=True)
    if isinstance(error, OSError) and not isinstance(error, av.error.UndefinedError):
        return SourceError("UNREADABLE", "The file could not be read.", permanent=False)
    return SourceError("UNDECODABLE", _NOT_AUDIO, permanent=True)
