"""`manage.py import_store FILE`: make a log of what `export_store` wrote, under a new epoch."""

from __future__ import annotations

import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.errors import Refusal
from realtime.domain.archive import ArchiveError, import_store


class Command(BaseCommand):
    help = (
        "Make a store of lines of JSON. It gets a new epoch: clients that know the old log are told "
        "EPOCH_MISMATCH and begin anew. docs/migration.md says what a line may hold."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="`-` is standard input")
        parser.add_argument("--as", dest="name", default="", help="another name than the one in the file")
        parser.add_argument(
            "--replace", action="store_true", help="throw away what the store of that name holds"
        )

    def handle(self, *args: object, file: Path, name: str, replace: bool, **options: object) -> None:
        try:
            if str(file) == "-":
                store = import_store(sys.stdin, name=name, replace=replace)
            else:
                with file.open(encoding="utf-8") as lines:
                    store = import_store(lines, name=name, replace=replace)
        except (OSError, UnicodeDecodeError, ArchiveError, Refusal) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{store.name} is there up to {store.head}, epoch {store.epoch}.")
