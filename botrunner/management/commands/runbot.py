"""`manage.py runbot`: the bot, its reconcilers and the Bot API."""

from __future__ import annotations

import asyncio

from django.core.management.base import BaseCommand, CommandError, CommandParser

from botrunner.process import bot_running
from botrunner.shards import Shards, parse_shards
from realtime.loop import run_until_signal


class Command(BaseCommand):
    help = "Run the Discord bot and the Bot API."
    shards: Shards | None

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--shards",
            metavar="FIRST-LAST/COUNT",
            help="the shards to run in this process, such as 0-3/16 (default: all that Discord recommends)",
        )

    def handle(self, *args: object, shards: str | None, **options: object) -> None:
        try:
            self.shards = parse_shards(shards) if shards else None
        except ValueError as error:
            raise CommandError(str(error)) from error
        try:
            run_until_signal(self._run)
        except OSError as error:
            raise CommandError(error.strerror or str(error)) from error

    async def _run(self, stop: asyncio.Event) -> None:
        async with bot_running(self.shards):
            await stop.wait()
