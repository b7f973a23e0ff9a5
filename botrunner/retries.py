"""When a guild's voice connection is tried again, and when people are told that it is in trouble."""

from __future__ import annotations

import time
from uuid import UUID

from botrunner.voice import VoiceFailed, VoiceRefused

MAX_BACKOFF_SECONDS = 30.0
STEADY_SECONDS = 10.0  # a connection that held so long was good


class Retries:
    """`told`: the trouble stands in the player's row. Whoever takes it back asks to try again."""

    def __init__(self) -> None:
        self.told = False
        self._channel_id = ""
        self._failures = 0
        self._at = 0.0
        self._refused_with: list[UUID | None] = []  # the item that was current then

    @property
    def due(self) -> bool:
        return not self._refused_with and time.monotonic() >= self._at

    def aim(self, channel_id: str, item_id: UUID | None, *, error_code: str) -> None:
        """Another channel owes nothing for the last one's trouble, and a refusal is not asked about twice."""
        if channel_id != self._channel_id or (self.told and not error_code):
            self._channel_id, self._failures, self._at = channel_id, 0, 0.0
            self._refused_with, self.told = [], False
        elif self._refused_with != [item_id]:
            self._refused_with = []

    def note(self, failure: VoiceFailed, *, lasted: float, item_id: UUID | None) -> bool:
        """A connection failed after it could send for `lasted` seconds. Returns whether to leave and to say so.

        The first failure of a good one is over soon, and nobody need see the bot leave.
        """
        self._failures = 1 if lasted >= STEADY_SECONDS else self._failures + 1
        if isinstance(failure, VoiceRefused):
            self._refused_with = [item_id]
        elif self._failures > 1:
            self._at = time.monotonic() + min(MAX_BACKOFF_SECONDS, 2.0 ** (self._failures - 2))
        return bool(self._refused_with) or self._failures > 1

    def at_once(self) -> None:
        """Discord is there again: what failed without it need not wait."""
        self._at = 0.0
