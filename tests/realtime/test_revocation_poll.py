"""Everything that open sockets depend on is polled, and a failing check does not affect the others."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from django.db import OperationalError

from realtime import revocation_poll
from tests.waiting import eventually


class Fixed:
    """A check that records the answers it is given."""

    def __init__(self, name: str, answer: Any) -> None:
        self.name = name
        self.answer = answer
        self.answers: list[Any] = []

    def question(self) -> Any:
        return self.name or None

    def read(self, question: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return question, self.answer

    def settle(self, question: Any, answer: Any) -> None:
        self.answers.append(answer)


@pytest.mark.django_db(transaction=True)
async def test_a_check_that_fails_spoils_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(revocation_poll, "POLL_SECONDS", 0.02)
    looking = revocation_poll.Poll()
    broken, nothing, works = Fixed("broken", OperationalError("gone")), Fixed("", 1), Fixed("works", 2)
    looking.checks += [broken, nothing, works]
    await eventually(lambda: len(works.answers) >= 2)
    assert works.answers[0] == ("works", 2)
    assert (broken.answers, nothing.answers) == ([], [])
    assert "The revocation poll could not check broken: OperationalError('gone')" in caplog.text

    broken.answer = 3  # the database is back
    await eventually(lambda: bool(broken.answers))

    def fail(*_: Any) -> Any:
        raise RuntimeError("of all things")

    for owner, name in ((broken, "question"), (broken, "settle")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fail)
            works.answers.clear()
            await eventually(lambda: len(works.answers) >= 2)
        assert "of all things" in caplog.text
        caplog.clear()

    with monkeypatch.context() as patch:
        patch.setattr(looking, "_read", fail)  # the poll's own read fails
        await eventually(lambda: "The revocation poll failed" in caplog.text)
    works.answers.clear()
    await eventually(lambda: bool(works.answers))


@pytest.mark.django_db(transaction=True)
async def test_the_first_check_knows_at_least_what_the_others_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a user is deleted between two reads, the session's check reports it, and is the first to."""
    monkeypatch.setattr(revocation_poll, "POLL_SECONDS", 0.02)
    happened: list[str] = []

    class Noting(Fixed):
        def read(self, question: Any) -> Any:
            happened.append(f"read {self.name}")

        def settle(self, question: Any, answer: Any) -> None:
            happened.append(f"settle {self.name}")

    looking = revocation_poll.Poll()
    looking.checks += [Noting("sessions", 0), Noting("access", 0)]
    await eventually(lambda: len(happened) >= 4)
    assert happened[:4] == ["read access", "read sessions", "settle sessions", "settle access"]


@pytest.mark.django_db(transaction=True)
async def test_what_a_round_takes_is_not_waited_for_in_addition(monkeypatch: pytest.MonkeyPatch) -> None:
    poll_seconds = 0.4
    monkeypatch.setattr(revocation_poll, "POLL_SECONDS", poll_seconds)
    pauses: list[float] = []
    settled = 0.0

    class Slow(Fixed):
        def read(self, question: Any) -> Any:
            if settled:
                pauses.append(time.monotonic() - settled)
            time.sleep(poll_seconds * 0.75)

        def settle(self, question: Any, answer: Any) -> None:
            nonlocal settled
            settled = time.monotonic()

    looking = revocation_poll.Poll()
    looking.checks.append(Slow("slow", 0))
    # If the wait began at the end of a round, no pause would be shorter than an interval.
    await eventually(lambda: any(pause < poll_seconds for pause in pauses))


@pytest.mark.django_db(transaction=True)
async def test_who_cannot_wait_is_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation_poll, "POLL_SECONDS", 3600)
    looking = revocation_poll.Poll()
    works = Fixed("works", 1)
    looking.checks.append(works)
    await asyncio.sleep(0.05)
    assert works.answers == []
    looking.soon()
    await eventually(lambda: bool(works.answers))
