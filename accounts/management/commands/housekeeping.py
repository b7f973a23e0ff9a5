"""`manage.py housekeeping`: delete expired rows once, as `serve` and `runbot` do daily."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from accounts.domain.housekeeping import forget_the_past


class Command(BaseCommand):
    help = "Delete sessions, tokens and login states that can no longer be used, and history older than HISTORY_DAYS."

    def handle(self, *args: object, **options: object) -> None:
        for what, count in forget_the_past().items():
            self.stdout.write(f"{count:>7} {what}")
