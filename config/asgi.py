"""The ASGI applications: the web on API_PORT, the Bot API on BOT_API_PORT."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)  # before anything that needs the apps

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from config.handler import Http  # noqa: E402
from config.malloc import give_memory_back  # noqa: E402
from config.routing import refusers, websocket_urlpatterns  # noqa: E402
from config.wake import wake_bot, wake_bot_soon  # noqa: E402
from realtime import hints  # noqa: E402
from realtime.handshake import refusal  # noqa: E402
from realtime.server import end_with_supervisor  # noqa: E402
from realtime.upgrade import refusing_upgrades  # noqa: E402

give_memory_back()
hints.carry(wake_bot, calm=wake_bot_soon)
end_with_supervisor()

if not settings.REQUIRE_AUTH:  # here, because every server serves one of the applications below
    logging.getLogger(__name__).warning(
        "REQUIRE_AUTH is off: sockets let anybody in as `dev`. Never run a public server like this."
    )

_sockets = URLRouter(websocket_urlpatterns)


async def websocket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    try:
        await _sockets(scope, receive, send)
    except asyncio.CancelledError:
        return  # the server stops and no longer waits; the sockets are being closed
    except ValueError as error:
        if "No route found" not in str(error):
            raise
        for message in refusal(scope, 404, "NOT_FOUND", "There is nothing here."):
            await send(message)


http = Http()
application = ProtocolTypeRouter({"http": refusing_upgrades(http, refusers), "websocket": websocket})


async def bot_api(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The same Django under the Bot API's urls. It has no sockets."""
    if scope["type"] == "http":
        scope["backline.urlconf"] = settings.BOT_API_URLCONF
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        for message in refusal(scope, 404, "NOT_FOUND", "There is nothing here."):
            await send(message)
