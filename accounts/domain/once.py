"""Run a login step once, and repeat its answer when the same client asks again because the answer was lost.

| row of OneTimeStep | what the client that took the step gets (every other client gets StepSpent) |
| --- | --- |
| `claimed_until` in the future | another request is running the step: wait for its answer |
| `claimed_until` past, no answer | the process that ran the step died: run it again |
| `answer`, at most `seconds` old | the same answer again |
| `answer`, older | StepSpent |
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.domain.sessions import REPLAY_SECONDS
from accounts.encryption import decrypt, encrypt
from accounts.errors import Crowded
from accounts.models import OneTimeStep

# Longer than a login waits for Discord, so that a claim outlives the work it covers.
CLAIM = timedelta(seconds=30)
WAIT_SECONDS = 0.05
WAITERS = 8  # per process; each occupies a thread that could serve another request

_waiters = threading.BoundedSemaphore(WAITERS)


class StepSpent(Exception):
    """The step was taken by another client, was answered too long ago, or never began."""


def take_once(
    *step: str,
    proof: tuple[str, ...],
    act: Callable[[], str],
    may_begin: Callable[[], bool] = lambda: True,
    seconds: float = REPLAY_SECONDS,
) -> tuple[str, bool]:
    """Return `(answer, acted)`: the result of `act`, or its result for the same client within the last `seconds`.

    `step` names the step. `proof` is a secret of the client that takes it, followed by the contents of its request.
    Only hashes of both are stored. Among several callers, in any process, one runs `act` and the others wait. When
    `act` raises, nothing is kept, and the next caller runs it. `may_begin()` returns whether to allow a step that
    nobody has taken yet. Do not call inside a transaction. Raises StepSpent, Crowded when too many callers are waiting
    already, and whatever `act` raises.
    """
    pk, proved = _hash(step), _hash(proof)
    while True:
        row = _find(pk)
        if row is None and may_begin():
            if _begin(pk, proved):
                return _answer(pk, act), True
            continue
        # Look again: after the first query another caller may have taken the step, so that `may_begin` is now false.
        row = row or _find(pk)
        if row is None or row.proof != proved:
            raise StepSpent
        now = timezone.now()
        if row.answered_at is not None:
            if now - row.answered_at > timedelta(seconds=seconds):
                raise StepSpent
            return decrypt(row.answer), False
        if _claim(row, now):
            return _answer(pk, act), True
        _await_answer(pk)


def forget_step(*step: str) -> None:
    """Delete the step with its answer. The next caller takes it as a new step."""
    OneTimeStep.objects.filter(pk=_hash(step)).delete()


def empty_answers(*, older_than: timedelta) -> None:
    """Delete the answers older than that. Their steps stay spent."""
    old = OneTimeStep.objects.filter(answered_at__lt=timezone.now() - older_than)
    old.exclude(answer="").update(answer="")


def _hash(words: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()


def _find(pk: str) -> OneTimeStep | None:
    return OneTimeStep.objects.filter(pk=pk).first()


def _begin(pk: str, proof: str) -> bool:
    # RuntimeError inside another transaction, which would hide the row.
    with transaction.atomic(durable=True):
        _, created = OneTimeStep.objects.get_or_create(
            pk=pk, defaults={"proof": proof, "claimed_until": timezone.now() + CLAIM}
        )
    return created


def _claim(row: OneTimeStep, now: datetime) -> bool:
    """Claim the step by a conditional update, unless another caller is running it."""
    if row.claimed_until > now:
        return False
    unchanged = OneTimeStep.objects.filter(pk=row.pk, claimed_until=row.claimed_until, answered_at=None)
    return bool(unchanged.update(claimed_until=now + CLAIM))


def _await_answer(pk: str) -> None:
    """Wait until the step has an answer or its claim has expired. Raises Crowded."""
    if not _waiters.acquire(blocking=False):
        raise Crowded
    try:
        being_answered = OneTimeStep.objects.filter(pk=pk, answered_at=None)
        while being_answered.filter(claimed_until__gt=timezone.now()).exists():
            time.sleep(WAIT_SECONDS)
    finally:
        _waiters.release()


def _answer(pk: str, act: Callable[[], str]) -> str:
    try:
        answer = act()
    except BaseException:
        OneTimeStep.objects.filter(pk=pk).delete()
        raise
    OneTimeStep.objects.filter(pk=pk).update(answer=encrypt(answer), answered_at=timezone.now())
    return answer
