"""`manage.py runbot`: the bot, its reconcilers and the Bot API."""

from __future__ import annotations

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from botrunner.process import bot_running
from realtime.loop import run_until_signal


class Command(BaseCommand):
    help = "Run the Discord bot and the Bot API."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run_until_signal(self._run)
        except OSError as error:
            raise CommandError(error.strerror or str(error)) from error

    async def _run(self, stop: asyncio.Event) -> None:
        async with bot_running():
            await stop.wait()
