"""Decides when to retry a guild's voice connection, and when to report that it fails."""

from __future__ import annotations

import time
from uuid import UUID

from botrunner.voice import VoiceFailed, VoiceRefused

MAX_BACKOFF_SECONDS = 30.0
STEADY_SECONDS = 10.0  # a connection that lasted this long was good


class Retries:
    """`reported`: the error is stored in the player's row. If a command clears it there, the connection is retried."""

    def __init__(self) -> None:
        self.reported = False
        self._channel_id = ""
        self._failures = 0
        self._at = 0.0
        self._refused_with: list[UUID | None] = []  # the item that was current when Discord refused

    @property
    def due(self) -> bool:
        return not self._refused_with and time.monotonic() >= self._at

    def aim(self, channel_id: str, item_id: UUID | None, *, error_code: str) -> None:
        """Set the target. Another channel, a cleared error, or another item after a refusal allows a new attempt."""
        if channel_id != self._channel_id or (self.reported and not error_code):
            self._channel_id, self._failures, self._at = channel_id, 0, 0.0
            self._refused_with, self.reported = [], False
        elif self._refused_with != [item_id]:
            self._refused_with = []

    def note(self, failure: VoiceFailed, *, lasted: float, item_id: UUID | None) -> bool:
        """Note a failure after `lasted` seconds in which it could send. Returns whether to leave and report it.

        The first failure of a good connection is usually brief, so the bot stays in the channel.
        """
        self._failures = 1 if lasted >= STEADY_SECONDS else self._failures + 1
        if isinstance(failure, VoiceRefused):
            self._refused_with = [item_id]
        elif self._failures > 1:
            self._at = time.monotonic() + min(MAX_BACKOFF_SECONDS, 2.0 ** (self._failures - 2))
        return bool(self._refused_with) or self._failures > 1

    def at_once(self) -> None:
        """Discord is reachable again: skip the backoff."""
        self._at = 0.0
