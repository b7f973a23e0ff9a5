"""`manage.py generate [--check]`: write the files that are generated from the program."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.generate.files import outdated


class Command(BaseCommand):
    help = "Write the files that are generated from the program: docs, schemas and client types."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing, fail if a file is out of date"
        )

    def handle(self, *args: object, check: bool, **options: object) -> None:
        found = {path.relative_to(settings.BASE_DIR): content for path, content in outdated()}
        if check and found:
            names = ", ".join(map(str, found))
            raise CommandError(f"Out of date: {names}. Run `.venv/bin/python manage.py generate`.")
        for path, content in found.items():
            (settings.BASE_DIR / path).parent.mkdir(parents=True, exist_ok=True)
            (settings.BASE_DIR / path).write_bytes(content)
            self.stdout.write(f"Wrote {path}")
