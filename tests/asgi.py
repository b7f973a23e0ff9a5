"""Sockets without a server: how the ASGI application responds to an upgrade and to the first message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from config.asgi import application

WAIT_SECONDS = 10.0


class Upgrade:
    """One socket, with the messages that a server would send to the application."""

    def __init__(
        self,
        path: str,
        *,
        query: bytes = b"",
        headers: list[tuple[bytes, bytes]] | None = None,
        subprotocols: list[str] | None = None,
    ) -> None:
        self._scope = {
            "type": "websocket",
            "path": path,
            "query_string": query,
            "headers": headers or [],
            "subprotocols": subprotocols or [],
            "extensions": {"websocket.http.response": {}},
        }
        self._to: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._task = asyncio.ensure_future(application(self._scope, self._to.get, self._from.put))

    async def __aenter__(self) -> Upgrade:
        await self._to.put({"type": "websocket.connect"})
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._to.put({"type": "websocket.disconnect", "code": 1006})
        async with asyncio.timeout(WAIT_SECONDS):
            await self._task

    async def next(self) -> Mapping[str, Any]:
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._from.get()

    async def answer(self) -> tuple[int, str]:
        """Return `(status, code)` of a refusal, or status 101 if the socket is accepted."""
        message = await self.next()
        if message["type"] == "websocket.accept":
            return 101, ""
        body = await self.next()
        return message["status"], json.loads(body["body"])["code"]

    async def ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Send a frame. Returns the first frame that comes back."""
        await self._to.put({"type": "websocket.receive", "text": json.dumps(frame)})
        message = await self.next()
        found: dict[str, Any] = json.loads(message["text"])
        return found

    async def close_code(self) -> int:
        while (message := await self.next())["type"] != "websocket.close":
            pass
        code: int = message["code"]
        return code
