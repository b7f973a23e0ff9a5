"""The check that `migrate`, `serve` and `doctor` run before they use the database."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

OTHER_VERSION = "Another version of Backline wrote this database."
REMEDY = "Start that version again, or choose a new database with DATABASE_URL, or with DATA_DIR for SQLite."


def is_of_other_version(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the database has migrations applied that this version does not have."""
    loader = MigrationLoader(connection)
    ours = {name for name in settings.INSTALLED_APPS if (settings.BASE_DIR / name).is_dir()}
    return any(app in ours for app, _ in loader.applied_migrations.keys() - loader.disk_migrations.keys())


def check_history(databases: Collection[str] | None = None, **kwargs: object) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for alias in databases or ():
        try:
            if is_of_other_version(connections[alias]):
                found.append(Error(OTHER_VERSION, hint=REMEDY, id="backline.E001"))
        except DatabaseError:
            pass  # the command that uses the database reports it
    return found
