"""`manage.py import_store FILE`: create a log from a file of `export_store`, with a new epoch."""

from __future__ import annotations

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import Refusal
from realtime.domain.archive import ArchiveError, import_store


class Command(BaseCommand):
    help = (
        "Create a store from lines of JSON. It gets a new epoch, so clients that have the old log receive "
        "EPOCH_MISMATCH and start again. docs/migration.md describes the lines."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the file to read, `-` for standard input")
        parser.add_argument(
            "--as", dest="name", default="", help="name of the store (default: the one in the file)"
        )
        parser.add_argument("--replace", action="store_true", help="overwrite the store of that name")

    def handle(self, *args: object, file: Path, name: str, replace: bool, **options: object) -> None:
        try:
            if str(file) == "-":
                store = import_store(sys.stdin, name=name, replace=replace)
            else:
                with file.open(encoding="utf-8") as lines:
                    store = import_store(lines, name=name, replace=replace)
        except (OSError, UnicodeDecodeError, ArchiveError, Refusal) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Imported {store.name} up to seq {store.head}, epoch {store.epoch}.")
