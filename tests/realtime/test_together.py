"""Requests that arrive at the same time: which are batched, and what happens if an answer is an error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from realtime.db import Together
from tests.server import WAIT_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)  # the call in a thread manages that thread's connection


class Desk:
    """Answers each number with its double. `asked` lists the batches. The first one waits until `open` is set."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.begun = threading.Event()
        self.open = threading.Event()

    def answer(self, questions: Sequence[int]) -> list[int | Exception]:
        self.asked.append(list(questions))
        self.begun.set()
        assert self.open.wait(WAIT_SECONDS)
        if 13 in questions:
            raise OSError("the database is away")
        return [ValueError(question) if question < 0 else 2 * question for question in questions]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def ask(desk: Desk, first: int, *others: int) -> list[asyncio.Task[int]]:
    """Ask once, then ask the others while that is being answered. Returns the pending answers."""
    together = Together(desk.answer)
    tasks = [asyncio.create_task(together.ask(first))]
    await asyncio.to_thread(desk.begun.wait, WAIT_SECONDS)
    tasks += [asyncio.create_task(together.ask(other)) for other in others]
    await asyncio.sleep(0)  # lets each one ask
    return tasks


async def settle(desk: Desk, tasks: list[asyncio.Task[int]]) -> list[int | BaseException]:
    desk.open.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_first_does_not_wait_and_those_meanwhile_go_together(desk: Desk) -> None:
    assert await settle(desk, await ask(desk, 1, 2, 3, 4)) == [2, 4, 6, 8]
    assert desk.asked == [[1], [2, 3, 4]]


async def test_an_error_is_for_whom_it_concerns(desk: Desk) -> None:
    one, two, three = await settle(desk, await ask(desk, 1, -2, 3))
    assert (one, repr(two), three) == (2, "ValueError(-2)", 6)


async def test_an_error_of_all_is_told_to_all_and_the_next_are_answered(desk: Desk) -> None:
    desk.open.set()
    together = Together(desk.answer)
    tasks = [asyncio.create_task(together.ask(question)) for question in (13, 14)]
    failed = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in failed] == [OSError, OSError]
    assert await together.ask(4) == 8


async def test_who_goes_meanwhile_takes_nobody_along(desk: Desk) -> None:
    tasks = await ask(desk, 1, 2, 3)
    tasks[1].cancel()
    one, two, three = await settle(desk, tasks)
    assert (one, type(two), three) == (2, asyncio.CancelledError, 6)
