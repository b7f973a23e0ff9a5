"""`manage.py sandbox`: only the stand-in for Discord, for development with `runserver` and `runbot`."""

from __future__ import annotations

import asyncio

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.sandboxed import sandbox_running
from realtime.loop import run_until_signal


class Command(BaseCommand):
    help = "Run only the sandbox, a stand-in for Discord on this machine."

    def handle(self, *args: object, **options: object) -> None:
        if not settings.SANDBOX:
            raise CommandError("The sandbox needs ENVIRONMENT=development and no DISCORD_* credentials.")
        try:
            run_until_signal(self._run)
        except OSError as error:
            raise CommandError(f"{error.strerror or error}") from error

    async def _run(self, stop: asyncio.Event) -> None:
        async with sandbox_running():
            self.stdout.write(f"The sandbox runs at {settings.SANDBOX_URL}. Press Ctrl-C to stop it.")
            await stop.wait()
