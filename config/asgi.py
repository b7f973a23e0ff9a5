"""The module that servers import: it sets up Django and loads the ASGI applications (config/applications.py)."""

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

if not settings.REQUIRE_AUTH:  # here, because every server imports this module
    logging.getLogger(__name__).warning(
        "REQUIRE_AUTH is off: anybody can open a socket as `dev`. Do not expose this server to the internet."
    )
