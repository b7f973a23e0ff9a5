"""The client's credential: a token, or a function that returns one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

type Token = str | Callable[[], str | Awaitable[str]]
"""A long-lived token (such as a device's), or a function that returns a new token.

The function is called for each connection, and when the server announces that the token expires. If it raises
OSError, the network counts as lost, and the client tries again later. Any other exception ends the client.
"""


async def fetch(token: Token) -> str:
    if isinstance(token, str):
        return token
    # A plain function may block, for example on a request, so it runs in a thread. An async function does not.
    found = token() if inspect.iscoroutinefunction(token) else await asyncio.to_thread(token)
    return found if isinstance(found, str) else await found
