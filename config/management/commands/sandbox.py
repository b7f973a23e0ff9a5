"""`manage.py sandbox`: the stand-in for Discord alone, for development with `runserver` and `runbot`."""

from __future__ import annotations

import asyncio

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.sandboxed import sandbox_running
from realtime.loop import run_until_signal


class Command(BaseCommand):
    help = "Run the sandbox: a Discord on loopback."

    def handle(self, *args: object, **options: object) -> None:
        if not settings.SANDBOX:
            raise CommandError("The sandbox is for development without Discord credentials.")
        try:
            run_until_signal(self._run)
        except OSError as error:
            raise CommandError(f"{error.strerror or error}") from error

    async def _run(self, stop: asyncio.Event) -> None:
        async with sandbox_running():
            self.stdout.write(f"The sandbox is at {settings.SANDBOX_URL}. Ctrl-C stops it.")
            await stop.wait()
