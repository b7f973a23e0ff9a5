"""`manage.py runweb`: the web processes of a production installation."""

from __future__ import annotations

from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from realtime.server import OPTIONS


class Command(BaseCommand):
    help = "Serve the web. As many machines as wanted; a process per core is a good start."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workers", type=int, default=1)

    def handle(self, *args: Any, workers: int, **options: Any) -> None:
        try:
            uvicorn.run(
                "config.asgi:application",
                host=settings.BIND_HOST,
                port=settings.API_PORT,
                workers=workers,
                loop="uvloop",
                **OPTIONS,
            )
        except KeyboardInterrupt:  # uvicorn raises it again once everything is closed
            pass
