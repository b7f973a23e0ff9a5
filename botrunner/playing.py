"""The current item: opened in a thread, then read by nextcord's player."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from botrunner.audio.source import TrackSource
from botrunner.desired_state import DesiredState
from botrunner.opening_lists import read_list
from botrunner.threads import in_daemon
from library.domain.configured import configured_source
from library.sources import MediaFile, Playable, Source, SourceError, TrackInfo
from library.sources.remote_lists import RemoteList

log = logging.getLogger(__name__)

READY_SECONDS = 15.0
# A server without range requests: everything before the start position has to be read first.
REACH_SECONDS = 60.0


class Playing:
    """Opens a track in a thread and keeps its source. `on_change` is called on the loop when it is open or has failed.

    After opening either `source` or `error` is set. `info` is set if the track had not been resolved before, and
    `listed` if it is a playlist.
    """

    def __init__(
        self, desired: DesiredState, *, slots: asyncio.Semaphore, on_change: Callable[[], None]
    ) -> None:
        assert desired.item_id is not None
        self.item_id = desired.item_id
        self.uri = desired.uri
        self.start_ms = desired.position_ms
        self.jumps = desired.jumps
        self.source: TrackSource | None = None
        self.error: SourceError | None = None
        self.info: TrackInfo | None = None
        self.listed: RemoteList | None = None
        self.begun = False  # nextcord has been given the source
        self.ended = False
        self.broken = False  # nextcord's player thread failed before the end
        self._volume = desired.volume
        self._resolved = desired.resolved
        self._closed = False
        self._slots = slots
        self._media: Playable | None = None
        self._on_change = on_change
        self._task = asyncio.create_task(self._open(), name=f"open {self.item_id}")

    @property
    def position_ms(self) -> int:
        return self.source.position_ms if self.source else self.start_ms

    @property
    def heard_ms(self) -> int:
        """How much was played since it was opened."""
        return self.position_ms - self.start_ms

    async def _open(self) -> None:
        try:
            async with self._slots:
                if self._closed:
                    return
                self.source = await in_daemon(self._open_in_thread, name=f"open {self.item_id}")
            if self._closed:
                self.source.cleanup()
        except SourceError as error:
            self.error = error
        except Exception:
            # No track may stop the queue.
            log.exception("Could not open %s", self.uri.partition("?")[0])
            self.error = SourceError("UNDECODABLE", "This track could not be opened.", permanent=True)
        self._on_change()

    def _open_in_thread(self) -> TrackSource:
        origin = configured_source(self.uri)
        if not self._resolved:
            self.info = self._resolve(origin)
        self._media = origin.open(self.uri)
        if self._closed:
            self._close_media()
        source = TrackSource(self._media, start_ms=self.start_ms, volume=self._volume)
        ready = source.ready(self._patience(self._media))
        # A seek may have gone to the end, or beyond it where the length is unknown. The track then ends as usual.
        if not ready and not (self.start_ms > 0 and source.is_over):
            source.cleanup()
            raise source.error or SourceError("TOO_SLOW", "The track did not begin in time.", permanent=False)
        return source

    def _resolve(self, origin: Source) -> TrackInfo:
        """Read the track's details. If the link leads to a playlist, read that. Raises SourceError."""
        try:
            return origin.resolve(self.uri)
        except SourceError as error:
            if error.code == "PLAYLIST":
                self.listed = read_list(self.uri)
            raise

    def _patience(self, media: Playable) -> float:
        at_once = not isinstance(media, MediaFile) or media.seekable() or self.start_ms == 0
        return READY_SECONDS if at_once else REACH_SECONDS

    def close(self) -> None:
        """Close the source or cancel opening it. Safe at any time, on the loop."""
        self._closed = True
        if self.source is not None:
            self.source.cleanup()
        else:
            self._close_media()  # ends a read in which the opening thread blocks

    def _close_media(self) -> None:
        if isinstance(self._media, MediaFile):
            self._media.close()
