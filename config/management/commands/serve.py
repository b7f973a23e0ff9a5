"""`manage.py serve`: everything in one process, for one machine."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from importlib import import_module

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from config.checks import OTHER_VERSION, REMEDY, is_of_other_version
from config.sandboxed import sandbox_running
from realtime.loop import run_until_signal
from realtime.server import serving


class Command(BaseCommand):
    help = "Run the web, the bot, the Bot API and, without Discord credentials, the sandbox, on one loop."

    def handle(self, *args: object, **options: object) -> None:
        try:
            if is_of_other_version(connection):
                raise CommandError(f"{OTHER_VERSION} {REMEDY}")
            call_command("migrate", verbosity=0, interactive=False)
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        if settings.SANDBOX and not settings.MEDIA_LIBRARY.exists():
            self._fill_library()
        try:
            run_until_signal(self._serve)
        except OSError as error:
            raise CommandError(f"{error.strerror or error}") from error

    def _fill_library(self) -> None:
        from library.starter import fill

        self.stdout.write("Making a few pieces of music to start with …")
        fill(settings.MEDIA_LIBRARY)

    async def _serve(self, stop: asyncio.Event) -> None:
        from config.asgi import application

        async with AsyncExitStack() as stack:
            await stack.enter_async_context(sandbox_running())
            await stack.enter_async_context(
                serving(application, host=settings.BIND_HOST, port=settings.API_PORT)
            )
            # The pages need no bot; what its libraries take to load is a third of the start.
            process = await asyncio.to_thread(import_module, "botrunner.process")
            await stack.enter_async_context(process.bot_running())
            self._say()
            await stop.wait()
            self.stdout.write("Stopping …")

    def _say(self) -> None:
        lines = [f"Backline   {settings.API_BASE_URL}", f"Bot API    {settings.BOT_INTERNAL_API_URL}"]
        if settings.SANDBOX:
            lines += [
                f"Discord    {settings.SANDBOX_URL}   (the sandbox: no account, nothing leaves this machine)",
                "",
                "Try this:  open Backline, log in as owner, open Sandbox Lounge and add a track;",
                "           then open the sandbox, join the voice channel and listen.",
            ]
        else:
            lines += [
                f"Discord    {settings.DISCORD_API_URL}   (the real one, with the credentials of the environment)",
                "",
                "Try this:  open Backline, log in, add the bot to a server, join a voice channel there",
                "           and type /play. `manage.py doctor` says what is missing.",
            ]
        self.stdout.write("\n" + "\n".join(lines) + "\n\nCtrl-C stops it.\n")
        self.stdout.flush()
