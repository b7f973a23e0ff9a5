"""The ASGI applications: the web on API_PORT, the Bot API on BOT_API_PORT. Import it only when the apps are ready."""

from __future__ import annotations

import asyncio

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.utils.translation import gettext as _

from config.handler import Http
from config.malloc import give_memory_back
from config.routing import refusers, websocket_urlpatterns
from config.wake_bot import wake_bot
from realtime.asgi import Receive, Scope, Send
from realtime.handshake import refusal
from realtime.server import end_with_supervisor
from realtime.signals import hint_sent
from realtime.upgrade import refusing_upgrades

give_memory_back()
hint_sent.connect(wake_bot)  # only web servers notify the bot
end_with_supervisor()

_sockets = URLRouter(websocket_urlpatterns)


async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await _sockets(scope, receive, send)
    except asyncio.CancelledError:
        return  # the server stops and is closing the sockets
    except ValueError as error:
        if "No route found" not in str(error):  # the text of Channels' URLRouter
            raise
        for message in refusal(scope, 404, "NOT_FOUND", _("Not found.")):
            await send(message)


http = Http()
web = ProtocolTypeRouter({"http": refusing_upgrades(http, refusers), "websocket": websocket})


async def bot_api(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the same Django with the urls of the Bot API, which has no sockets."""
    if scope["type"] == "http":
        scope["backline.urlconf"] = settings.BOT_API_URLCONF
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        for message in refusal(scope, 404, "NOT_FOUND", _("Not found.")):
            await send(message)
