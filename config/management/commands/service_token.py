"""`manage.py service_token`: print a token for one call of the Bot API within a minute."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from accounts import service_tokens


class Command(BaseCommand):
    help = "Print a token for the Bot API (Authorization: Bearer …). It works for one call within 60 seconds."

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(service_tokens.issue())
