"""Columns that both databases order in the same way."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class OrderedTextField(models.CharField[Any, Any]):
    """Text that is compared character by character, so that ranges and prefixes use an index.

    SQLite compares text like this by default. PostgreSQL uses the language of the database, unless told otherwise.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters: dict[str, Any] = super().db_parameters(connection)
        return parameters | ({"collation": "C"} if connection.vendor == "postgresql" else {})
