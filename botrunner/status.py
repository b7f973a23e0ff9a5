"""The status of this process's bot, which the running bot publishes."""

from __future__ import annotations

from collections.abc import Callable

_describe: Callable[[], dict[str, object]] | None = None


def publish(describe: Callable[[], dict[str, object]] | None) -> None:
    """Set the function that describes the running bot; None when it stops."""
    global _describe
    _describe = describe


def report() -> dict[str, object]:
    """Return `{running, shards: [{id, count, latency_ms, members_intent, content_intent}], guilds,
    voice: [{guild_id, channel_id, item_id}], problems: [sentence]}`."""
    if _describe is None:
        return {"running": False, "shards": [], "guilds": 0, "voice": [], "problems": []}
    return {"running": True, **_describe()}
