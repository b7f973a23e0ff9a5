"""One look at the database for all that open sockets stand on, in one crossing, again and again.

Sessions, access to instances and rights on streams may end in any process. Hints are only faster: what is lost closes
the socket within a second without them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from realtime.db import in_thread
from realtime.per_loop import PerLoop

log = logging.getLogger(__name__)

POLL_SECONDS = 0.6


class Check(Protocol):
    """What is looked at. An exception of `read` is logged, and the next round asks again."""

    name: str

    def question(self) -> Any:
        """Return what to ask now, on the event loop; null: nothing."""

    def read(self, question: Any) -> Any:
        """Return the answer. Runs in a thread and may use the ORM."""

    def settle(self, question: Any, answer: Any) -> None:
        """Act on it, on the event loop. Who was asked about may be gone by now."""


class Poll:
    """Asks its checks in their order, round after round. For one event loop."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self._soon = asyncio.Event()
        self._read = in_thread(_read)
        self._task = asyncio.create_task(self._run(), name="poll")

    def soon(self) -> None:
        """Have the next round begin at once."""
        self._soon.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            timer = loop.call_later(POLL_SECONDS, self._soon.set)
            await self._soon.wait()
            timer.cancel()
            self._soon.clear()
            try:
                await self._round()
            except Exception:  # nothing may end it: sockets would outlive their sessions
                log.exception("The poll failed; asking again")

    async def _round(self) -> None:
        asked = [(check, question) for check in self.checks if (question := check.question()) is not None]
        if not asked:
            return
        for (check, question), answer in zip(asked, await self._read(asked), strict=True):
            if isinstance(answer, Exception):
                log.warning("The poll of %s: %s", check.name, type(answer).__name__)
                continue
            try:
                check.settle(question, answer)
            except Exception:
                log.exception("The poll of %s", check.name)


def _read(asked: Sequence[tuple[Check, Any]]) -> list[Any]:
    answers: list[Any] = []
    for check, question in asked:
        try:
            answers.append(check.read(question))
        except Exception as error:
            answers.append(error)
    return answers


get_poll = PerLoop(Poll)


def look_now(**_: Any) -> None:
    """Look at once: a session of this process was ended. From any thread; the poll serves the others."""
    get_poll.tell(Poll.soon)
