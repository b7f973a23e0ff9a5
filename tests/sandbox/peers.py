"""A gateway client that tests drive step by step."""

import contextlib
import json
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from sandbox.server import Sandbox

EVERYTHING = 1 << 0 | 1 << 1 | 1 << 7 | 1 << 9


class Peer:
    """A gateway client. `unpack` decompresses the transport, one message at a time."""

    def __init__(
        self,
        ws: aiohttp.ClientWebSocketResponse,
        token: str,
        unpack: Callable[[bytes], bytes] = zlib.decompress,
    ) -> None:
        self.ws = ws
        self.token = token
        self.unpack = unpack

    async def say(self, op: int, data: Any = None) -> None:
        await self.ws.send_json({"op": op, "d": data})

    async def identify(self, **changes: Any) -> None:
        await self.say(2, {"token": self.token, "intents": EVERYTHING, "properties": {}} | changes)

    async def hear(self) -> dict[str, Any]:
        message = await self.ws.receive(timeout=5)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        binary = message.type is aiohttp.WSMsgType.BINARY
        return dict(json.loads(self.unpack(message.data) if binary else message.data))

    async def hear_until(self, name: str) -> list[dict[str, Any]]:
        """Return everything up to and including the dispatch with that name."""
        heard = [await self.hear()]
        while heard[-1]["t"] != name:
            heard.append(await self.hear())
        return heard

    async def dispatched(self, name: str) -> dict[str, Any]:
        """Return the data of the next dispatch with that name."""
        return dict((await self.hear_until(name))[-1]["d"])

    async def close_code(self) -> int | None:
        while (await self.ws.receive(timeout=5)).type == aiohttp.WSMsgType.TEXT:
            pass
        return self.ws.close_code


@contextlib.asynccontextmanager
async def dial(
    sandbox: Sandbox,
    query: str = "?v=10&encoding=json",
    *,
    unpack: Callable[[bytes], bytes] = zlib.decompress,
) -> AsyncIterator[Peer]:
    async with aiohttp.ClientSession() as client, client.ws_connect(sandbox.gateway_url + query) as ws:
        yield Peer(ws, sandbox.credentials.bot_token, unpack)


@contextlib.asynccontextmanager
async def listening(sandbox: Sandbox, intents: int) -> AsyncIterator[Peer]:
    """A client that is ready and has received everything so far."""
    async with dial(sandbox) as peer:
        await peer.identify(intents=intents)
        await peer.hear_until("GUILD_CREATE" if intents & 1 else "READY")
        yield peer
