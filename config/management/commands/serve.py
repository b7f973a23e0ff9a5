"""`manage.py serve`: everything in one process, for one machine."""

from __future__ import annotations

import asyncio
import errno
from contextlib import AsyncExitStack
from importlib import import_module

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from config.checks import OTHER_VERSION, REMEDY, is_of_other_version
from config.sandboxed import sandbox_running
from realtime.loop import run_until_signal
from realtime.server import serving

TAKEN = ". Another Backline may be running. Stop it, or set API_PORT, BOT_API_PORT and SANDBOX_PORT."


class Command(BaseCommand):
    help = (
        "Run the web, the bot and the Bot API in one process. Without Discord credentials, also the sandbox."
    )

    def handle(self, *args: object, **options: object) -> None:
        try:
            if is_of_other_version(connection):
                raise CommandError(f"{OTHER_VERSION} {REMEDY}")
            self._migrate()
        except DatabaseError as error:
            raise CommandError(f"Database unavailable: {error}") from error
        if settings.SANDBOX and not settings.MEDIA_LIBRARY.exists():
            self._fill_library()
        try:
            run_until_signal(self._serve)
        except OSError as error:
            hint = TAKEN if error.errno == errno.EADDRINUSE else ""
            raise CommandError(f"{error.strerror or error}{hint}") from error

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self._print("Preparing the database …")
        call_command("migrate", verbosity=0, interactive=False)

    def _fill_library(self) -> None:
        from library.starter import fill

        self._print("Generating starter music for the library …")
        fill(settings.MEDIA_LIBRARY)

    def _print(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()  # also into a pipe or a file, while people wait

    async def _serve(self, stop: asyncio.Event) -> None:
        from config.asgi import application

        async with AsyncExitStack() as stack:
            await stack.enter_async_context(sandbox_running())
            await stack.enter_async_context(
                serving(application, host=settings.BIND_HOST, port=settings.API_PORT)
            )
            # Loading the bot's libraries takes a third of the start, and the pages work without them.
            process = await asyncio.to_thread(import_module, "botrunner.process")
            await stack.enter_async_context(process.bot_running())
            self._greet()
            await stop.wait()
            self._print("Stopping …")

    def _greet(self) -> None:
        lines = [f"Backline   {settings.API_BASE_URL}", f"Bot API    {settings.BOT_INTERNAL_API_URL}"]
        if settings.SANDBOX:
            lines += [
                f"Discord    {settings.SANDBOX_URL}   (the sandbox: needs no account, stays on this machine)",
                "",
                "First steps:  Open Backline, log in as owner, open Sandbox Lounge and add a track.",
                "              Then open the sandbox, join the voice channel and listen.",
            ]
        else:
            lines += [
                f"Discord    {settings.DISCORD_API_URL}   (with the credentials from your settings)",
                "",
                "First steps:  Open Backline, log in and add the bot to a server. Join a voice channel there",
                "              and type /play. If something fails, run `manage.py doctor`.",
            ]
        self._print("\n" + "\n".join(lines) + "\n\nPress Ctrl-C to stop.\n")
