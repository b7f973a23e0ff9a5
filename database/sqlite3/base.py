"""Let the transactions of this process begin in the order in which they are asked for.

`BEGIN IMMEDIATE` waits in SQLite's busy handler, which sleeps longer and longer between its looks, up to 100 ms.
Whoever comes just when the lock is free takes it, and who has slept longest sleeps on: with four writers, each with
transactions of 10 ms, the slowest adds took 751 ms (p99; 1,094 in another run), with turns 84 and 94, at the same adds
a second (`bench.queue sqlite`). Threads alone, without the program around them, waited 332 to 436 ms and 37 to 47 (p99,
three runs by turns). Other processes, and statements outside of transactions, still wait as SQLite has it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from database.turns import Turns

_turns: defaultdict[str, Turns] = defaultdict(Turns)  # by the database's file


class DatabaseWrapper(base.DatabaseWrapper):
    transaction_mode: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_turn = False

    @property
    def turns(self) -> Turns:
        return _turns[str(self.settings_dict["NAME"])]

    def _start_transaction_under_autocommit(self) -> None:
        if self.transaction_mode == "IMMEDIATE" and not self._has_turn:
            # As long as SQLite would wait, and with the error that it would raise.
            if not self.turns.take(seconds=self.settings_dict["OPTIONS"].get("timeout", 5)):
                raise OperationalError("database is locked")
            self._has_turn = True
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # no stubs have it
        except BaseException:
            self._give_turn()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]  # as above; after a failure comes a rollback
        self._give_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # as above
        finally:
            self._give_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # as above
        finally:
            self._give_turn()

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self.turns.give()
