"""Keeps the cards of a shard's guilds up to date: claims a step, carries it out, and stores its outcome."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import datetime

from django.utils import timezone

from botrunner.card.life import claim, live_cards, note_buried
from botrunner.card.settle import settle
from botrunner.card.steps import FLOOR, Edit, carry_out
from botrunner.threads import in_daemon
from queue_app.queries import guilds_with_music
from realtime import hints
from realtime.db import in_thread
from realtime.outages import log_failure

log = logging.getLogger(__name__)

POLL_SECONDS = 15.0  # to find changes whose hint was lost, and cards of a process that died
TICK_SECONDS = 0.5
BURIED_BY = 10  # messages
CLOSE_SECONDS = 1.5
AT_ONCE = 8


class CardKeeper:
    """Keeps the cards of one shard. Create it on the running loop, then call `start`.

    `serves(guild_id)` returns whether the shard has the guild. `owner` is the name of this process.
    """

    def __init__(self, *, owner: str, serves: Callable[[str], bool]) -> None:
        self._owner = owner
        self._serves = serves
        self._due: dict[str, float] = {}  # by guild: when to check its card, in monotonic time
        self._busy: set[str] = set()
        self._edited: dict[str, datetime] = {}
        self._cards: dict[str, tuple[str, str]] = {}
        self._followed: dict[str, int] = {}  # number of messages after each card
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._unlisten = hints.listen(self._hinted)

    def start(self) -> None:
        """Start. Call it when the shard is connected. Further calls do nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="cards")

    async def close(self) -> None:
        """Stop after the steps in progress. A long one is interrupted: the next process repeats it after its lease."""
        self._unlisten()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._tasks:
            _, unfinished = await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
            for task in unfinished:
                task.cancel()

    def look(self, guild_id: str, *, within: float = 0.0) -> None:
        """Check a guild's card after at most `within` seconds. Call it on the event loop only."""
        at = time.monotonic() + within
        self._due[guild_id] = min(at, self._due.get(guild_id, at))
        self._wake.set()

    def saw_message(self, guild_id: str, channel_id: str, message_id: str) -> None:
        """Count a message in a channel. After BURIED_BY messages, the card is replaced."""
        card = self._cards.get(guild_id)
        if card is None or card[0] != channel_id or card[1] == message_id:
            return
        self._followed[guild_id] = self._followed.get(guild_id, 0) + 1
        if self._followed[guild_id] == BURIED_BY:
            self._spawn(self._bury(guild_id))

    async def _bury(self, guild_id: str) -> None:
        await in_thread(note_buried)(guild_id)
        self.look(guild_id)

    def _hinted(self, store_name: str, seq: int) -> None:
        if store_name.startswith("guild:"):
            guild_id = store_name.removeprefix("guild:")
            self.look(guild_id, within=self._until_edit(guild_id))

    def _until_edit(self, guild_id: str) -> float:
        """Return the seconds until this process may edit the card again. Checking it earlier would be in vain."""
        edited = self._edited.get(guild_id)
        return max(0.0, (edited + FLOOR - timezone.now()).total_seconds()) if edited is not None else 0.0

    async def _run(self) -> None:
        polled = 0.0
        while True:
            if time.monotonic() - polled > POLL_SECONDS:
                polled = time.monotonic()
                await self._poll()
            now = time.monotonic()
            ready = [
                guild_id for guild_id, at in self._due.items() if at <= now and guild_id not in self._busy
            ]
            for guild_id in ready[: AT_ONCE - len(self._busy)]:
                del self._due[guild_id]
                if self._serves(guild_id):
                    self._busy.add(guild_id)
                    self._spawn(self._step(guild_id))
            self._wake.clear()
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _poll(self) -> None:
        try:
            cards = await in_thread(live_cards)()
            for guild_id in {*cards, *(await in_thread(guilds_with_music)())}:
                if self._serves(guild_id):
                    self.look(guild_id)
        except Exception as error:  # the next poll tries again
            log_failure(log, error, "Could not read the cards of this shard, retrying")

    async def _step(self, guild_id: str) -> None:
        again: float | None = None
        try:
            again = await self._take_step(guild_id)
        except Exception as error:
            log_failure(log, error, "Could not update the card of guild %s, retrying", guild_id)
            again = 5.0
        finally:
            self._busy.discard(guild_id)
        if again is not None:
            self.look(guild_id, within=again)

    async def _take_step(self, guild_id: str) -> float | None:
        """Take one step. Returns the seconds until the next one may be due, or None if none is due before a change."""
        step, until = await in_thread(claim)(
            guild_id, owner=self._owner, edited_at=self._edited.get(guild_id)
        )
        if step is None:
            return max(0.0, (until - timezone.now()).total_seconds()) if until is not None else None
        outcome = await in_daemon(lambda: carry_out(step), name=f"card of {guild_id}")
        await in_thread(settle)(guild_id, step, outcome, owner=self._owner)
        if isinstance(step, Edit):
            self._edited[guild_id] = timezone.now()
        else:
            self._edited.pop(guild_id, None)
            self._followed.pop(guild_id, None)
        self._cards = await in_thread(live_cards)()
        return self._until_edit(guild_id)
