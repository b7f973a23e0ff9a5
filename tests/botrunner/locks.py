"""A locked database, and database connections that break."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def nobody_writes() -> Iterator[Callable[[], None]]:
    """Hold the lock that every command needs: SQLite's write lock, or PostgreSQL's on the tables, even for reads.

    Yields a function that releases it.
    """
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                if connection.vendor == "postgresql":
                    with connection.cursor() as cursor:
                        cursor.execute(
                            "LOCK TABLE accounts_user, guilds_voicestate, queue_app_queueitem, library_track"
                            " IN ACCESS EXCLUSIVE MODE"
                        )
                held.set()
                release.wait(60)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(20)
        yield release.set
    finally:
        release.set()
        thread.join()


def break_connections(table: str = "") -> int:
    """End PostgreSQL connections whose query of that table waits for a lock. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE %s",
            [f"%{table}%"],
        )
        return int(cursor.fetchone()[0])
