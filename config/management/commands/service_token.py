"""`manage.py service_token`: a token for the Bot API, good once and for a minute."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from accounts import service_tokens


class Command(BaseCommand):
    help = "Print a token for the Bot API (Authorization: Bearer …). It is good for one call within 60 s."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(service_tokens.issue())
