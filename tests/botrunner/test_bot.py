"""The parts of nextcord's client that are replaced."""

from __future__ import annotations

import nextcord.client

from botrunner import bot


def test_after_a_long_outage_the_gateway_is_tried_again_within_seconds() -> None:
    backoff = nextcord.client.ExponentialBackoff()  # type: ignore[attr-defined]  # as its `connect` creates it
    assert max(backoff.delay() for _ in range(200)) <= bot.MAX_RECONNECT_SECONDS
