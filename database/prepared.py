"""Queries whose SQL is built once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators

Argument = str | int | UUID


class Prepared[M: Model]:
    """A query whose calls differ only in their arguments, such as a row by its id.

    `query(*stand_ins)` is called once, with stand-ins of the same types as all later arguments: str, int or UUID. They
    must appear unchanged in the query. It may use `select_related` and annotations. Its results are the same model
    objects that the queryset returns.

    Building the SQL takes most of the time of a small query: 0.3 ms for one table and 0.9 for four, while SQLite itself
    takes 0.04 and 0.06. With six such queries an add takes half the CPU in the process (`bench.queue inside`): 10.0 ms
    instead of 20.2 when the queries are built each time, alternating in one run on a busy machine, and 5.6 instead of
    8.9 on a quiet one. Use it only for queries that run with each command.
    """

    def __init__(self, query: Callable[..., QuerySet[M]], *kinds: type[Argument], many: bool = False) -> None:
        """`many`: for `all` instead of `first`."""
        self._query = query if many else lambda *stand_ins: query(*stand_ins)[:1]
        self._kinds = kinds
        self._built: _Built[M] | None = None

    def first(self, *arguments: Argument) -> M | None:
        """Return the first row as an object, None if there is none."""
        found = self.all(*arguments)
        return found[0] if found else None

    def all(self, *arguments: Argument) -> list[M]:
        """Return the rows as objects."""
        if self._built is None:
            self._built = _build(self._query, self._kinds)
        built = self._built
        with connection.cursor() as cursor:
            cursor.execute(built.sql, built.parameters(arguments))
            return [built.make(row) for row in cursor.fetchall()]


class _Built[M: Model](NamedTuple):
    sql: str
    parameters: Callable[[tuple[Argument, ...]], list[Any]]
    make: Callable[[tuple[Any, ...]], M]


def _stand_in(kind: type[Argument], at: int) -> Argument:
    if kind is int:
        return 1_600_000_000 + at
    return UUID(int=at + 1) if kind is UUID else f"\x7fstand-in {at}"


def _build[M: Model](query: Callable[..., QuerySet[M]], kinds: tuple[type[Argument], ...]) -> _Built[M]:
    stand_ins = [_stand_in(kind, at) for at, kind in enumerate(kinds)]
    queryset = query(*stand_ins)
    compiler: Any = queryset.query.get_compiler(DEFAULT_DB_ALIAS)  # the stubs lack most of it
    # Use the calling thread's connection. Otherwise the compiler keeps the first thread's connection open.
    compiler.connection = connection
    sql, values = compiler.as_sql()
    as_sent = [_sent(stand_in) for stand_in in stand_ins]
    # For each parameter: the position of its argument, or None and its constant value.
    places = [(as_sent.index(value), None) if value in as_sent else (None, value) for value in values]

    def parameters(arguments: tuple[Argument, ...]) -> list[Any]:
        sent = [_sent(argument) for argument in arguments]
        return [value if at is None else sent[at] for at, value in places]

    klass, fields = compiler.klass_info["model"], compiler.klass_info["select_fields"]
    begin, end = fields[0], fields[-1] + 1
    names = [compiler.select[at][0].target.attname for at in range(begin, end)]
    fetch_mode = queryset._fetch_mode  # type: ignore[attr-defined]  # of Django 6.1; the stubs are of 6.0
    related = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS, fetch_mode)
    annotations = list(compiler.annotation_col_map.items())
    converters = compiler.get_converters([column[0] for column in compiler.select[: compiler.col_count]])

    def make(row: tuple[Any, ...]) -> M:
        (values,) = compiler.apply_converters([row], converters)
        found: M = klass.from_db(DEFAULT_DB_ALIAS, names, values[begin:end])
        for populator in related:
            populator.populate(values, found)
        for name, at in annotations:
            setattr(found, name, values[at])
        return found

    return _Built(sql, parameters, make)


def _sent(argument: Argument) -> Argument:
    """Return an argument as the driver expects it. SQLite has no UUID type."""
    if isinstance(argument, UUID) and not connection.features.has_native_uuid_field:
        return argument.hex
    return argument
