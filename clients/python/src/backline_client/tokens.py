"""The credential: a token, or something that gets a new one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

type Token = str | Callable[[], str | Awaitable[str]]
"""A token that lasts (a device's), or a function that returns a fresh one.

The function is called for each connection and whenever the server says that the token runs out. An OSError of
its is taken for a lost network and tried again later; every other exception ends the client.
"""


async def fetch(token: Token) -> str:
    if isinstance(token, str):
        return token
    # A plain function may ask a server and block; that of a coroutine only makes it.
    found = token() if inspect.iscoroutinefunction(token) else await asyncio.to_thread(token)
    return found if isinstance(found, str) else await found
