"""The full-text indexes of the catalog: FTS5 on SQLite, tsvector columns on PostgreSQL.

Both index the words that Python has folded (`library/words.py`), without a parser or a ranking of their own. They are
created after each `migrate`, because Django supports neither. On SQLite, Django copies a table to change it, and
silently drops its triggers.
"""

from __future__ import annotations

from typing import NamedTuple

from django.apps import AppConfig
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.utils import DatabaseError


class Indexed(NamedTuple):
    """A table, and its columns with words. The first one is the title."""

    table: str
    columns: tuple[str, ...]

    @property
    def fts(self) -> str:
        return f"{self.table}_fts"


TRACKS = Indexed("library_track", ("title_words", "artist_words", "album_words"))
ALBUMS = Indexed("library_album", ("title_words", "artist_words"))
ARTISTS = Indexed("library_artist", ("title_words",))
INDEXED = (TRACKS, ALBUMS, ARTISTS)
# Letters, numbers, marks and private characters make words. Signs only separate them.
_TOKENIZER = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'"


def prepare_index(sender: AppConfig, using: str, **kwargs: object) -> None:
    """Create what is missing of the indexes. A receiver of `post_migrate`."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if not _is_migrated(connection, cursor):
            return
        for indexed in INDEXED:
            if connection.vendor == "postgresql":
                _prepare_postgres(cursor, indexed)
            else:
                _prepare_sqlite(cursor, indexed, check="plan" in kwargs)  # not after `flush`


def _is_migrated(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> bool:
    """Return whether the columns exist. They do not if somebody migrates to an older state."""
    if ALBUMS.table not in connection.introspection.table_names(cursor):
        return False
    described = connection.introspection.get_table_description(cursor, TRACKS.table)
    return set(TRACKS.columns) <= {column.name for column in described}


# --- SQLite ---


def _prepare_sqlite(cursor: CursorWrapper, indexed: Indexed, *, check: bool) -> None:
    if not _sqlite_problem(cursor, indexed, check=check):
        return
    columns = ", ".join(indexed.columns)
    cursor.execute(
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {indexed.fts} USING fts5({columns}, content='{indexed.table}',"
        f""" content_rowid='id', detail=column, prefix='1 2 3', tokenize="{_TOKENIZER}")"""
    )
    for name, trigger in _triggers(indexed).items():
        cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        cursor.execute(trigger)
    # Without triggers, rows may have changed unnoticed.
    cursor.execute(f"INSERT INTO {indexed.fts}({indexed.fts}) VALUES ('rebuild')")


def _sqlite_problem(cursor: CursorWrapper, indexed: Indexed, *, check: bool = True) -> str:
    """Return what is wrong with an index. Without `check`, only what is seen quickly."""
    cursor.execute(
        "SELECT name, sql FROM sqlite_master WHERE tbl_name = %s AND type = 'trigger'", [indexed.table]
    )
    if dict(cursor.fetchall()) != _triggers(indexed):
        return f"the triggers of {indexed.table} are missing"
    try:
        if _count(cursor, f"{indexed.fts}_docsize") != _count(cursor, indexed.table):
            return f"the index of {indexed.table} has another number of rows"
        if check:  # in a transaction of its own, because an error ends it
            with transaction.atomic(using=cursor.db.alias):
                cursor.execute(
                    f"INSERT INTO {indexed.fts}({indexed.fts}, rank) VALUES ('integrity-check', 1)"
                )
    except DatabaseError as error:
        return f"the index of {indexed.table} is damaged: {error}"
    return ""


def _count(cursor: CursorWrapper, table: str) -> int:
    cursor.execute(f"SELECT count(*) FROM {table}")
    (count,) = cursor.fetchone()
    return int(count)


def _triggers(indexed: Indexed) -> dict[str, str]:
    """Return the triggers that keep an index in step with its table, by name."""
    table, fts, columns = indexed.table, indexed.fts, ", ".join(indexed.columns)
    new, old = (", ".join(f"{row}.{column}" for column in indexed.columns) for row in ("new", "old"))
    add = f"INSERT INTO {fts}(rowid, {columns}) VALUES (new.id, {new});"
    remove = f"INSERT INTO {fts}({fts}, rowid, {columns}) VALUES ('delete', old.id, {old});"
    events = {
        "ai": ("INSERT", add),
        "ad": ("DELETE", remove),
        "au": (f"UPDATE OF {columns}", f"{remove} {add}"),
    }
    return {
        f"{fts}_{short}": f"CREATE TRIGGER {fts}_{short} AFTER {event} ON {table} BEGIN {act} END"
        for short, (event, act) in events.items()
    }


# --- PostgreSQL ---


def _prepare_postgres(cursor: CursorWrapper, indexed: Indexed) -> None:
    for column, words in _sets(indexed).items():
        if _has_column(cursor, indexed, column):
            continue
        # An empty word is an error, so `array_remove`. No parser is involved, so neither "1e5" nor the locale matters.
        vector = f"array_to_tsvector(array_remove(string_to_array({words}, ' '), ''))"
        cursor.execute(
            f"ALTER TABLE {indexed.table} ADD COLUMN {column} tsvector GENERATED ALWAYS AS ({vector}) STORED"
        )
        cursor.execute(
            f"CREATE INDEX {indexed.table}_{column} ON {indexed.table} USING gin({column}) WITH (fastupdate = off)"
        )


def _sets(indexed: Indexed) -> dict[str, str]:
    """Return the generated columns, each with the expression of its words.

    There are two columns instead of weights, because GIN has no weights and would check every row again.
    """
    title, *others = indexed.columns
    return {"title_set": title} | ({"all_set": " || ' ' || ".join(indexed.columns)} if others else {})


def index_problem(connection: BaseDatabaseWrapper) -> str:
    """Return what is wrong with the indexes, for `doctor`. Takes about 0.3 s for 100,000 tracks on SQLite."""
    find = _postgres_problem if connection.vendor == "postgresql" else _sqlite_problem
    with connection.cursor() as cursor:
        return next((problem for indexed in INDEXED if (problem := find(cursor, indexed))), "")


def _postgres_problem(cursor: CursorWrapper, indexed: Indexed) -> str:
    missing = [column for column in _sets(indexed) if not _has_column(cursor, indexed, column)]
    return f"{indexed.table} has no {missing[0]}" if missing else ""


def _has_column(cursor: CursorWrapper, indexed: Indexed, column: str) -> bool:
    cursor.execute(
        "SELECT 1 FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s AND NOT attisdropped",
        [indexed.table, column],
    )
    return cursor.fetchone() is not None
