"""`manage.py runweb`: the web processes of a production installation."""

from __future__ import annotations

import multiprocessing
import os
import tempfile

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from uvicorn import _subprocess
from uvicorn.supervisors import Multiprocess

from realtime.server import OPTIONS, bind


class Command(BaseCommand):
    help = "Serve the pages, the API and the WebSockets. Start with one worker per core. Several machines may run it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workers", type=int, default=1, help="number of worker processes")

    def handle(self, *args: object, workers: int, **options: object) -> None:
        try:
            listener = bind(settings.BIND_HOST, settings.API_PORT)
        except OSError as error:
            raise CommandError(error.strerror or str(error)) from error
        config = uvicorn.Config("config.asgi:application", workers=workers, loop="uvloop", **OPTIONS)
        try:
            if workers > 1:
                listener.set_inheritable(True)
                with tempfile.TemporaryDirectory(prefix="backline-metrics-") as folder:
                    # So that /metrics of any worker covers all workers.
                    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
                    _fork_workers()
                    Multiprocess(config, sockets=[listener]).run()
            else:
                uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn raises it again once everything is closed
            pass


def _fork_workers() -> None:
    """Have uvicorn fork its workers from one process that has imported the program.

    By default each worker imports it again, which takes three seconds of CPU: at the start, and after each crash.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["config.preload"])
    _subprocess.spawn = context  # type: ignore[assignment]  # declared as the context that it replaces
