"""Run a command once, however often it is requested."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from realtime.domain.append import holding, holds, lock_store
from realtime.domain.retry import retrying
from realtime.errors import Conflict
from realtime.models import Command
from realtime.origin import Origin


@dataclass(frozen=True)
class Answer:
    """`seqs`: the events that the command appended, ascending. `result`: the answer on REST, JSON-ready or None."""

    seqs: list[int]
    result: Any


def request_hash(name: str, args: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([name, args], sort_keys=True).encode()).hexdigest()


@retrying
def answer_once(
    store_name: str,
    *,
    name: str,
    args: dict[str, Any],
    origin: Origin,
    act: Callable[[], object],
    admit: Callable[[], object] | None = None,
) -> Answer:
    """Run `act` in one transaction under the store's lock, and save its answer under the command's id.

    A command whose id was answered before gets that answer again. Raises Conflict when the id was used for another
    request, and whatever `act` raises; then nothing is saved. The log's seqs must have no gaps.
    `admit` is called before an old answer is returned, where `act` does not run. It raises for people who lost the
    right to ask.
    """
    with transaction.atomic(savepoint=not holds(store_name)):
        store = lock_store(store_name)
        fingerprint = request_hash(f"{store_name} {name}", args)
        actor = origin.user if origin.command_id else None  # None: the answer is not saved
        if actor is not None:
            known = Command.objects.filter(actor=actor, command_id=origin.command_id).first()
            if known is not None:
                if admit is not None:
                    admit()
                if known.request_hash != fingerprint:
                    raise Conflict
                return Answer(**json.loads(known.answer))
        before = store.head
        with holding(store):
            result = act()
        answer = Answer(list(range(before + 1, store.head + 1)), result)
        if actor is not None:
            try:
                Command.objects.create(
                    actor=actor,
                    command_id=origin.command_id,
                    store=store,
                    request_hash=fingerprint,
                    answer=json.dumps({"seqs": answer.seqs, "result": result}),
                )
            except IntegrityError as error:  # the id was used at the same moment for another store
                raise Conflict from error
        return answer
