"""Notify a bot in another process about new events of a guild when there is no Redis."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import httpx
from django.conf import settings

from accounts import service_tokens
from accounts.discord import WITHOUT_PROXY
from botrunner import status

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 2.0
CALM_SECONDS = 0.1

_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wake")
_waiting: set[str] = set()
_later: set[str] = set()
_asked_at: dict[str, float] = {}
_lock = threading.Lock()


@cache
def _client() -> httpx.Client:
    """Return the shared client. Creating one reads the certificates: more work than sending an event to 100 sockets."""
    return httpx.Client(timeout=TIMEOUT_SECONDS, mounts=WITHOUT_PROXY)


def wake_bot(sender: object, store_name: str, seq: int, calm: bool, **kwargs: object) -> None:
    """Ask the Bot API, on another thread, to check a guild. A failure is harmless, because the bot also polls.

    A calm hint asks at most once per CALM_SECONDS: a call takes 4 ms of the bot's CPU, as much as an added track.
    """
    if (guild_id := _guild_of(store_name)) is None:
        return
    if calm:
        _ask_later(guild_id)
    else:
        _ask(guild_id)


def _ask_later(guild_id: str) -> None:
    with _lock:
        if guild_id in _later:
            return
        wait = _asked_at.get(guild_id, 0.0) + CALM_SECONDS - time.monotonic()
        if wait > 0:
            _later.add(guild_id)
            timer = threading.Timer(wait, _ask, [guild_id])
            timer.daemon = True
            timer.start()
            return
    _ask(guild_id)


def _guild_of(store_name: str) -> str | None:
    """Return the guild of the store, None for other stores, or if the bot runs in this process."""
    prefix, _, guild_id = store_name.partition(":")
    return None if prefix != "guild" or status.report()["running"] else guild_id


def _ask(guild_id: str) -> None:
    with _lock:
        _later.discard(guild_id)
        _asked_at[guild_id] = time.monotonic()
        if guild_id in _waiting:  # one call covers everything that was written before it
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
        log.debug("Could not wake the bot for guild %s: %r", guild_id, error)
