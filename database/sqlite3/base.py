"""Start the transactions of this process in the order in which they are requested.

`BEGIN IMMEDIATE` waits in SQLite's busy handler, which sleeps between its attempts, each time longer, up to 100 ms.
A newcomer may take the lock while the writer that has waited longest still sleeps. With four writers, each with
transactions of 10 ms, the slowest adds took 751 ms (p99, 1,094 in another run). With turns they took 84 and 94 ms, at
the same number of adds per second (`bench.queue sqlite`). Threads without the rest of the program waited 332 to 436 ms
without turns and 37 to 47 with them (p99, three alternating runs). Other processes, and statements outside of
transactions, still use SQLite's own waiting.
"""

from __future__ import annotations

from collections import defaultdict

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from database.turns import Turns

_turns: defaultdict[str, Turns] = defaultdict(Turns)  # by the file of the database


class DatabaseWrapper(base.DatabaseWrapper):
    transaction_mode: str | None
    _has_turn = False

    @property
    def turns(self) -> Turns:
        return _turns[str(self.settings_dict["NAME"])]

    def _start_transaction_under_autocommit(self) -> None:
        if self.transaction_mode == "IMMEDIATE" and not self._has_turn:
            # Wait as long as SQLite would, and raise the same error.
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
