"""A lock for what no row stands for, such as a sum over many rows."""

from __future__ import annotations

from django.db import connection


def lock_until_commit(name: str) -> None:
    """Wait for the lock of that name, and hold it until the transaction ends. Statements after it see what its last
    holder committed.

    On SQLite, transactions that write already wait for each other (`transaction_mode` in config/settings.py).
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
