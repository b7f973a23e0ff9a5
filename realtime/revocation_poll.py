"""Poll the database for everything that open sockets depend on, in one crossing.

Sessions, access to instances and rights on streams may end in any process. Hints are only faster: what is lost closes
the socket within a second without them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from realtime.db import in_thread
from realtime.outages import log_failure
from realtime.per_loop import PerLoop

log = logging.getLogger(__name__)

POLL_SECONDS = 0.6
LEAST_SECONDS = 0.1  # from one round to the next, however many log out


class Check(Protocol):
    """What is looked at. An exception of any of these is logged, and the next round asks again."""

    name: str

    def question(self) -> Any:
        """Return what to ask now, on the event loop; null: nothing."""

    def read(self, question: Any) -> Any:
        """Return the answer. Runs in a thread and may use the ORM."""

    def settle(self, question: Any, answer: Any) -> None:
        """Act on it, on the event loop. Who was asked about may be gone by now."""


class Poll:
    """Round after round reads its checks, the first one last, and settles them in their order. For one event loop.

    So who was deleted between two reads is found by the first check as well. Checks are added by objects of the same
    event loop and have an order, so they are a list and no signal.
    """

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self._soon = asyncio.Event()
        self._read = in_thread(_read)
        self._task = asyncio.create_task(self._run(), name="poll")

    def soon(self) -> None:
        """Have the next round begin now, or a tenth of a second after the one before."""
        self._soon.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            # From beginning to beginning: what a round takes is not waited for in addition.
            timer = loop.call_at(begun + POLL_SECONDS, self._soon.set)
            await self._soon.wait()
            timer.cancel()
            await asyncio.sleep(begun + LEAST_SECONDS - loop.time())
            self._soon.clear()
            begun = loop.time()
            try:
                await self._round()
            except Exception:  # nothing may end it: sockets would outlive their sessions
                log.exception("The revocation poll failed, retrying")

    async def _round(self) -> None:
        asked: list[tuple[Check, Any]] = []
        for check in self.checks:
            try:
                question = check.question()
            except Exception:
                log.exception("The revocation poll could not check %s", check.name)
                continue
            if question is not None:
                asked.append((check, question))
        if not asked:
            return
        for (check, question), answer in zip(asked, await self._read(asked), strict=True):
            if isinstance(answer, Exception):
                log_failure(log, answer, "The revocation poll could not check %s", check.name)
                continue
            try:
                check.settle(question, answer)
            except Exception:
                log.exception("The revocation poll could not check %s", check.name)


def _read(asked: Sequence[tuple[Check, Any]]) -> list[Any]:
    answers: list[Any] = []
    for check, question in reversed(asked):
        try:
            answers.append(check.read(question))
        except Exception as error:
            answers.append(error)
    return answers[::-1]


get_poll = PerLoop(Poll)
