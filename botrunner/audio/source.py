"""A track as nextcord's voice client reads it: one Opus packet every 20 ms, without blocking."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

import nextcord

from botrunner.audio.frames import FrameReader
from botrunner.audio.section import SectionReader, open_frames
from library.sources.errors import SourceError
from library.sources.opus import FRAME_MS, SILENCE
from library.sources.types import MediaFile, Playable, media_name

SILENCE_AT_END = 5
READ_AHEAD_FRAMES = 200  # 4 s
# Measured with MP3: 50 takes the same time and half as much memory again; 10 takes a tenth more time.
BATCH_FRAMES = 25
FIRST_BATCH_FRAMES = 15
# Frames that stay queued when the volume changes, so that rendering the rest again causes no gap.
KEPT_AT_VOLUME_CHANGE = 10

type Reader = FrameReader | SectionReader

_log = logging.getLogger(__name__)


class TrackSource(nextcord.AudioSource):
    """Plays `media` from `start_ms` at `volume` percent: a path, a section of one, or a file-like object that it then
    owns and closes.

    Its own thread reads, decodes and encodes ahead of playback. In a shared pool, a read that blocks on a slow server
    would hold up other guilds. The thread works in batches of half a second, so it costs little. `cleanup` ends it at
    any time, from any thread.
    """

    def __init__(self, media: Playable, *, start_ms: int = 0, volume: int = 100) -> None:
        """Return at once. `ready` tells whether the track can be played."""
        self._pump = _Pump(media, start_ms=max(0, start_ms), volume=max(0, volume))
        # The thread refers to the pump and not to this object, so that a forgotten source is garbage-collected.
        threading.Thread(target=self._pump.run, name="track-source", daemon=True).start()

    def is_opus(self) -> bool:
        return True

    def read(self) -> bytes:
        """Return the next packet, silence if none is ready yet, or b"" after the end. Never waits for media."""
        return self._pump.read()

    def ready(self, timeout: float) -> bool:
        """Wait for packets. Returns False if an error, the end or the timeout (in seconds) comes first."""
        return self._pump.ready(timeout)

    def set_volume(self, volume: int) -> None:
        """Set the percentage of the original amplitude. It is heard within about a quarter of a second."""
        self._pump.set_volume(max(0, volume))

    def cleanup(self) -> None:
        """Stop the thread and close the media. Returns at once, and may be called again."""
        self._pump.close()

    def join(self, timeout: float) -> bool:
        """After `cleanup`, wait until the thread and its file handles are gone. Returns False on timeout (seconds)."""
        return self._pump.stopped.wait(timeout)

    @property
    def position_ms(self) -> int:
        """The next packet's position in the track: the start, plus what was handed out."""
        return self._pump.start_ms + self._pump.handed_out * FRAME_MS

    @property
    def passthrough(self) -> bool:
        """Whether the packets are the file's own. Known after `ready`; changes with the volume."""
        return self._pump.passthrough

    @property
    def error(self) -> SourceError | None:
        """Why the track failed. None until every packet before the failure was handed out."""
        return self._pump.visible_error()

    @property
    def is_over(self) -> bool:
        """Whether the track ends at or before the start position: there is nothing to play, and no error."""
        return self._pump.is_over()

    @property
    def finished(self) -> bool:
        """Whether `read` has returned b"", after the end or a failure."""
        return self._pump.finished

    @property
    def underruns(self) -> int:
        """Packets of silence that were sent because no frame was ready in time."""
        return self._pump.underruns


class _Pump:
    """The queue between the reading thread (`run`) and nextcord's player thread (`read`)."""

    def __init__(self, media: Playable, *, start_ms: int, volume: int) -> None:
        self._media = media
        self._volume = volume
        self._volume_changed = False
        self._frames: deque[bytes] = deque()
        self._error: SourceError | None = None
        self._ended = False
        self._closed = False
        self._silence_left = SILENCE_AT_END
        # Guards all attributes above. Notified when frames arrive or are wanted, and at each change of state.
        self._changed = threading.Condition()
        self.start_ms = start_ms
        self.handed_out = 0
        self.underruns = 0
        self.passthrough = False
        self.finished = False
        self.stopped = threading.Event()

    # Player's side

    def read(self) -> bytes:
        with self._changed:
            if self._frames:
                frame = self._frames.popleft()
                self.handed_out += 1
                if len(self._frames) == READ_AHEAD_FRAMES - BATCH_FRAMES or not self._frames:
                    self._changed.notify_all()
                return frame
            if self._closed or (self._ended and (self._silence_left == 0 or self.handed_out == 0)):
                self.finished = True
                self._changed.notify_all()
                return b""
            if self._ended:
                self._silence_left -= 1
            else:
                self.underruns += 1
            return SILENCE

    def ready(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._frames and not self._ended and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            return bool(self._frames)

    def is_over(self) -> bool:
        with self._changed:
            return self._ended and not self._frames and self.handed_out == 0 and self._error is None

    def visible_error(self) -> SourceError | None:
        with self._changed:
            return None if self._frames else self._error

    def set_volume(self, volume: int) -> None:
        with self._changed:
            if volume != self._volume:
                self._volume = volume
                self._volume_changed = True
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._frames.clear()
            self._changed.notify_all()
        if isinstance(self._media, MediaFile):
            self._media.close()  # ends a read that blocks

    # Reader's side

    def run(self) -> None:
        reader: Reader | None = None
        try:
            with self._changed:
                if self._closed:
                    return
                volume = self._volume
                self._volume_changed = False
            reader = open_frames(self._media, start_ms=self.start_ms, volume=volume)
            self.start_ms = reader.start_ms
            self.passthrough = reader.passthrough
            self._fill(reader)
        except SourceError as error:
            self._fail(error)
        except Exception:
            # A strange file may raise anything. It must end this track and nothing else.
            if not self._closed:
                _log.exception("Could not play %s", media_name(self._media))
            self._fail(SourceError("UNDECODABLE", "The file could not be played.", permanent=True))
        finally:
            if reader is not None:
                reader.close()
            if isinstance(self._media, MediaFile):
                self._media.close()
            self.stopped.set()

    def _fill(self, reader: Reader) -> None:
        wanted = FIRST_BATCH_FRAMES
        while self._wait_for_work():
            self._apply_volume(reader)
            reader.keep_from(self.start_ms + self.handed_out * FRAME_MS)
            batch = reader.read(wanted)
            wanted = BATCH_FRAMES
            with self._changed:
                if not self._closed:
                    self._frames.extend(batch)
                    self._ended = not batch
                self.passthrough = reader.passthrough
                self._changed.notify_all()

    def _wait_for_work(self) -> bool:
        """Wait until there is room, or a new volume to apply (even after the end). Returns False when all is done."""
        with self._changed:
            while not self._closed and not (self._ended and not self._frames):
                if self._volume_changed:
                    return True
                if not self._ended and len(self._frames) <= READ_AHEAD_FRAMES - BATCH_FRAMES:
                    return True
                self._changed.wait()
            return False

    def _apply_volume(self, reader: Reader) -> None:
        with self._changed:
            if not self._volume_changed:
                return
            self._volume_changed = False
            volume = self._volume
            while len(self._frames) > KEPT_AT_VOLUME_CHANGE:
                self._frames.pop()
            self._ended = False
            position_ms = self.start_ms + (self.handed_out + len(self._frames)) * FRAME_MS
        reader.rewind(position_ms, volume=volume)

    def _fail(self, error: SourceError) -> None:
        with self._changed:
            if not self._closed:
                self._error = error
            self._ended = True
            self._changed.notify_all()
