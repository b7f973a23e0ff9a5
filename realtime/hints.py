"""Notify listeners that a store's head moved. A hint may be lost, duplicated or late; nothing depends on it.

A listener may wait for a moment after a calm hint, and then handle several at once.

Within the process a hint is a call on the event loop. The channel layer carries it to other processes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

from realtime.outages import log_failure
from realtime.signals import hint_sent

log = logging.getLogger(__name__)

GROUP = "backline.hints"
CHECK_SECONDS = 5.0
Listener = Callable[[str, int], None]

# Not a Django signal: listeners belong to an event loop and are called on it, in order.
_listeners: list[tuple[Listener, Listener]] = []  # (for hints, for calm hints)
_loop: asyncio.AbstractEventLoop | None = None
_relay: asyncio.Task[None] | None = None  # a reference, because the loop holds tasks weakly
_sending: set[asyncio.Task[None]] = set()


def listen(listener: Listener, *, calm: Listener | None = None) -> Callable[[], None]:
    """Call `listener(store_name, seq)` on the event loop at every hint. If given, `calm` gets the calm ones instead.

    Returns a function that stops this.
    """
    both = (listener, calm or listener)
    _listeners.append(both)

    def end() -> None:
        if both in _listeners:
            _listeners.remove(both)

    return end


def _deliver(store_name: str, seq: int, calm: bool = False) -> None:
    for both in list(_listeners):
        both[calm](store_name, seq)


def send(store_name: str, seq: int) -> None:
    """Send a hint from any thread, after commit. Never raises: the events are already in the log."""
    _send(store_name, seq, calm=False)


def send_calmly(store_name: str, seq: int) -> None:
    """Send a calm hint; else like `send`."""
    _send(store_name, seq, calm=True)


def _send(store_name: str, seq: int, *, calm: bool) -> None:
    loop = _loop
    if loop is not None and loop.is_running():
        try:
            loop.call_soon_threadsafe(_send_on_loop, store_name, seq, calm)
        except RuntimeError:
            log.debug("Dropped a hint for %s: the event loop is closing", store_name)
    elif settings.REDIS_URL:  # a process without an event loop, such as a management command
        try:
            async_to_sync(_publish)(store_name, seq, calm)
        except Exception as error:
            log_failure(log, error, "Could not send a hint for %s", store_name)
    if not settings.REDIS_URL:
        hint_sent.send(None, store_name=store_name, seq=seq, calm=calm)


def receive(store_name: str, seq: int) -> None:
    """Deliver a hint that another process sent without the channel layer. From any thread. Not sent on to others."""
    loop = _loop
    if loop is not None and loop.is_running():
        loop.call_soon_threadsafe(_deliver, store_name, seq)


def _send_on_loop(store_name: str, seq: int, calm: bool) -> None:
    _deliver(store_name, seq, calm)
    if settings.REDIS_URL:
        task = asyncio.create_task(_publish(store_name, seq, calm), name=store_name)
        _sending.add(task)
        task.add_done_callback(_sent)


def _sent(task: asyncio.Task[None]) -> None:
    _sending.discard(task)
    if not task.cancelled() and (error := task.exception()):
        log_failure(log, error, "Could not send a hint for %s", task.get_name())


async def _publish(store_name: str, seq: int, calm: bool) -> None:
    hint = {"type": "hint", "store": store_name, "seq": seq, "calm": calm}
    await get_channel_layer().group_send(GROUP, hint)


def check_layer() -> str:
    """Return `ok` when the channel layer accepts messages, else the class name of the error. For monitoring.

    Anybody may read the class name. The error text, which may contain a host name, goes to the log only. Call it from
    another thread than the loop's; it checks the loop's connection to Redis.
    """
    check = get_channel_layer().group_send("backline.check", {"type": "noop"})
    loop = _loop
    try:
        if loop is not None and loop.is_running():
            asyncio.run_coroutine_threadsafe(check, loop).result(CHECK_SECONDS)
        else:
            asyncio.run(check)
    except Exception as error:
        log_failure(log, error, "Channel layer unavailable")
        return type(error).__name__
    return "ok"


def ensure_relay() -> None:
    """Start receiving hints from other processes, once per event loop. Call it on that loop."""
    global _loop, _relay
    loop = asyncio.get_running_loop()
    if _loop is not loop:
        _loop = loop
        _relay = loop.create_task(_run_relay(), name="hints relay")


async def _run_relay() -> None:
    # Cancelling is safe. After an error it tries again; until then the listeners' polls find the new events.
    if not settings.REDIS_URL:
        return
    layer = get_channel_layer()
    while True:
        try:
            channel = await layer.new_channel("hints")
            await layer.group_add(GROUP, channel)
            while True:
                message = await layer.receive(channel)
                _deliver(message["store"], message["seq"], message.get("calm", False))
        except Exception as error:
            log_failure(log, error, "Could not receive hints from the channel layer, retrying")
            await asyncio.sleep(1)
