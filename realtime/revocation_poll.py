"""Poll the database for everything that open sockets depend on, in one thread call per round.

Any process may end a session, access to an instance, or a right on a stream. Hints are only faster: without them the
poll closes the socket within a second.
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
LEAST_SECONDS = 0.1  # from one round to the next, however many people log out


class Check[Question, Answer](Protocol):
    """One kind of thing to poll. An exception from any of these methods is logged, and the next round tries again."""

    name: str

    def question(self) -> Question | None:
        """Return what to ask in this round, None for nothing. Runs on the event loop."""

    def read(self, question: Question) -> Answer:
        """Return the answer. Runs in a thread and may use the ORM."""

    def settle(self, question: Question, answer: Answer) -> None:
        """Act on the answer. Runs on the event loop. What the question was about may be gone by now."""


class Poll:
    """In each round, reads its checks in reverse order and settles them in order. For one event loop.

    The first check is read last, so it also finds a user who was deleted between two reads. Checks belong to one
    event loop and have an order, so they are a list and not a Django signal.
    """

    def __init__(self) -> None:
        self.checks: list[Check[Any, Any]] = []
        self._soon = asyncio.Event()
        self._read = in_thread(_read)
        self._task = asyncio.create_task(self._run(), name="poll")

    def soon(self) -> None:
        """Start the next round now, but at least LEAST_SECONDS after the start of the previous one."""
        self._soon.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            # Measured from start to start, so that a round's own duration is not added to the interval.
            timer = loop.call_at(begun + POLL_SECONDS, self._soon.set)
            await self._soon.wait()
            timer.cancel()
            await asyncio.sleep(begun + LEAST_SECONDS - loop.time())
            self._soon.clear()
            begun = loop.time()
            try:
                await self._round()
            except Exception:  # the poll must never end, or sockets would outlive their sessions
                log.exception("The revocation poll failed, retrying")

    async def _round(self) -> None:
        asked: list[tuple[Check[Any, Any], object]] = []
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


def _read(asked: Sequence[tuple[Check[Any, Any], object]]) -> list[Any]:
    answers: list[Any] = []
    for check, question in reversed(asked):
        try:
            answers.append(check.read(question))
        except Exception as error:
            answers.append(error)
    return answers[::-1]


get_poll = PerLoop(Poll)
