"""Opening audio with FFmpeg (PyAV) so that nothing but the given bytes is ever read.

FFmpeg follows playlists on its own: an HLS or concat file makes it open any other file or address. The lists
of formats and protocols below leave those out, for library files and for links alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from queue_app.sources.errors import SourceError
from queue_app.sources.types import Media, MediaFile

# Names of FFmpeg's demuxers. None of them opens a second file (mov's references are off by default).
FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,caf,dsf,eac3,flac,matroska,webm,mov,mp4,m4a,mp3,mpc,mpc8,mpegts,ogg,oma,tak,tta,"
    "voc,w64,wav,wv"
)
# For live streams: FFmpeg would otherwise read up to 5 MB and several seconds before it begins.
_LIVE_PROBE = {"probesize": "131072", "analyzeduration": "2000000"}
_DURATION_IS_A_GUESS = {"aac", "ac3", "eac3", "amr", "mpegts"}

type AudioPacket = Packet[AudioStream]

_NO_AUDIO = "There is no sound in this file."
_NOT_AUDIO = "This is not an audio file that can be decoded."


class _Reader:
    """Stands between FFmpeg and a file-like: keeps the first error instead of throwing it through C code.

    PyAV holds a thrown exception until the next call returns and prints any further one to stderr.
    """

    def __init__(self, media: MediaFile) -> None:
        self._media = media
        self.error: SourceError | None = None
        self.name = ""

    def read(self, size: int) -> bytes:
        if self.error is not None:
            return b""
        try:
            return self._media.read(size)
        except SourceError as error:
            self.error = error
        except (OSError, ValueError):
            self.error = SourceError("UNREADABLE", "The file could not be read.", permanent=False)
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._media.seek(offset, whence)
        except SourceError as error:
            self.error = self.error or error
        except (OSError, ValueError):
            pass  # FFmpeg asks for impossible places; -1 is its answer for that
        return -1

    def tell(self) -> int:
        return self._media.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._media.seekable()


class AudioContainer:
    """An opened file with its first audio stream. Not for use from two threads at a time.

    `duration_ms` is None where unknown; `duration_is_exact` is False where FFmpeg derives it from size and
    bit rate. `close` frees what FFmpeg holds and leaves `media` to whoever opened it.
    """

    def __init__(self, media: Media) -> None:
        """Raises SourceError. Blocks on `media` until enough is known of it."""
        self._reader = None if isinstance(media, Path) else _Reader(media)
        self.is_live: bool = bool(getattr(media, "is_live", False))
        options = {
            "format_whitelist": FORMATS,
            "protocol_whitelist": "file" if self._reader is None else "none",
        }
        if self.is_live:
            options |= _LIVE_PROBE
        with self._translated():
            # An absolute path cannot be taken for "protocol:address".
            source = self._reader or str(Path(str(media)).absolute())
            opened = av.open(source, "r", options=options)
        self.input: InputContainer = opened
        try:
            if not self.input.streams.audio:
                raise SourceError("UNDECODABLE", _NO_AUDIO, permanent=True)
            self.stream: AudioStream = self.input.streams.audio[0]
            if self.stream.codec_context is None or not self.stream.codec_context.sample_rate:
                raise SourceError("UNDECODABLE", _NOT_AUDIO, permanent=True)
        except BaseException:
            self.input.close()
            raise
        self._start_us: int = self.input.start_time or 0
        self.duration_ms = None if self.is_live else self._duration_ms()
        self.duration_is_exact = self.duration_ms is not None and self._knows_duration()

    def _duration_ms(self) -> int | None:
        if self.stream.duration is not None and self.stream.time_base is not None:
            return max(0, round(self.stream.duration * self.stream.time_base * 1000))
        return None if self.input.duration is None else max(0, self.input.duration // 1000)

    def _knows_duration(self) -> bool:
        if self.stream.duration is None and len(self.input.streams) > 1:
            return False  # the pictures of a video may go on longer than its sound
        name = self.input.format.name
        if name == "mp3":
            # Only a LAME header, which also counts the frames, moves the start behind the encoder's delay.
            return self._start_us > 0
        return name not in _DURATION_IS_A_GUESS

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except av.FFmpegError as error:
            if self._reader is not None and self._reader.error is not None:
                raise self._reader.error from None
            raise _sentence(error) from error
        if self._reader is not None and self._reader.error is not None:
            raise self._reader.error

    def packets(self) -> Iterator[AudioPacket]:
        """Packets of the audio stream from the current position. Raises SourceError, also for bytes that went
        missing while FFmpeg saw a plain end of file."""
        packets = self.input.demux(self.stream)
        while True:
            with self._translated():
                packet = next(packets, None)
            if packet is None:
                return
            if packet.size:
                yield packet

    def position_ms(self, pts: int | None) -> float | None:
        """Where in the track a timestamp of the audio stream lies."""
        if pts is None or self.stream.time_base is None:
            return None
        return float(pts * self.stream.time_base * 1000) - self._start_us / 1000

    def seek(self, position_ms: int) -> bool:
        """Move to a packet at or before the position, as well as the format allows; False where it cannot."""
        if self._reader is not None and not self._reader.seekable():
            return False
        try:
            self.input.seek(max(0, position_ms) * 1000 + self._start_us, backward=True)
        except av.FFmpegError as error:
            if self._reader is not None and self._reader.error is not None:
                raise self._reader.error from error
            return False
        return True

    def tags(self) -> dict[str, str]:
        """Tags of file and stream by lower-case name; Ogg keeps them in the stream, others in the file."""
        merged: dict[str, str] = {}
        for metadata in (self.input.metadata, self.stream.metadata):
            for name, value in metadata.items():
                merged.setdefault(name.lower(), value)
        return merged

    def picture(self) -> bytes | None:
        """The first attached picture. Call before reading packets: FFmpeg hands pictures out first."""
        for stream in self.input.streams.video:
            if isinstance(stream, VideoStream) and stream.disposition & Disposition.attached_pic:
                with self._translated():
                    packet = next(self.input.demux(stream), None)
                return bytes(packet) if packet is not None and packet.size else None
        return None

    def close(self) -> None:
        self.input.close()

    def __enter__(self) -> AudioContainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sentence(error: av.FFmpegError) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError("NOT_FOUND", "The file is gone.", permanent=True)
    if isinstance(error, PermissionError):
        return SourceError("UNREADABLE", "The file may not be read by this program.", permanent=True)
    if isinstance(error, av.error.InvalidDataError | av.error.ArgumentError | EOFError):
        return SourceError("UNDECODABLE", _NOT_AUDIO, permanent=True)
    if isinstance(error, OSError) and not isinstance(error, av.error.UndefinedError):
        return SourceError("UNREADABLE", "The file could not be read.", permanent=False)
    return SourceError("UNDECODABLE", _NOT_AUDIO, permanent=True)
