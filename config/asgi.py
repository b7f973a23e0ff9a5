"""What servers import: the ASGI applications (config/applications.py), with Django set up."""

from __future__ import annotations

import logging
import os

import django
from django.conf import settings

from realtime.asgi import Application


def _load() -> tuple[Application, Application]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup(set_prefix=False)
    from config import applications  # its imports need the apps to be ready

    return applications.web, applications.bot_api


application, bot_api = _load()

if not settings.REQUIRE_AUTH:  # here, because every server serves one of them
    logging.getLogger(__name__).warning(
        "REQUIRE_AUTH is off: sockets let anybody in as `dev`. Never run a public server like this."
    )
