"""`manage.py export_store NAME [FILE]`: export a log as lines of JSON."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from realtime import kinds
from realtime.domain.archive import ArchiveError, export_store
from realtime.models import Store


class Command(BaseCommand):
    help = "Write the log of a store as lines of JSON. `import_store` reads them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the store, such as guild:123456789012345678 or app:notes")
        parser.add_argument("file", nargs="?", type=Path, help="the file to write (default: standard output)")

    def handle(self, *args: object, name: str, file: Path | None, **options: object) -> None:
        store = Store.objects.select_related("owner").filter(name=kinds.instance_named(name)).first()
        if store is None:
            raise CommandError(f"Unknown store: {name}.")
        try:
            if file is None:
                for line in export_store(store):
                    self.stdout.write(line)
                return
            partial = file.with_name(f"{file.name}.part")
            with partial.open("w", encoding="utf-8") as output:
                output.writelines(f"{line}\n" for line in export_store(store))
            partial.replace(file)
        except (OSError, ArchiveError) as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"Exported {store.name} up to seq {store.head} to {file}.")
