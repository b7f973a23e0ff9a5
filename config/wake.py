"""Tell a bot in another process that a guild's log moved, where there is no Redis to do it."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import httpx
from django.conf import settings

from accounts import service_tokens
from botrunner import status

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 2.0

_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wake")
_waiting: set[str] = set()
_lock = threading.Lock()


@cache
def _client() -> httpx.Client:
    """One for all: making one reads the system's certificates, which costs more than an event to a hundred sockets."""
    return httpx.Client(timeout=TIMEOUT_SECONDS)


def wake_bot(store_name: str, seq: int) -> None:
    """Ask the Bot API to look at a guild, off this thread. A failure is harmless: the bot also looks by itself."""
    prefix, _, guild_id = store_name.partition(":")
    if prefix != "guild" or status.report()["running"]:
        return
    with _lock:
        if guild_id in _waiting:  # one call tells of everything that was written before it
            return
        _waiting.add(guild_id)
    _pool.submit(_wake, guild_id)


def _wake(guild_id: str) -> None:
    with _lock:
        _waiting.discard(guild_id)
    try:
        _client().post(
            f"{settings.BOT_INTERNAL_API_URL}/internal/guilds/{guild_id}/wake",
            headers={"Authorization": f"Bearer {service_tokens.issue()}"},
        ).raise_for_status()
    except httpx.HTTPError as error:
        log.debug("The bot was not woken: %s", type(error).__name__)
