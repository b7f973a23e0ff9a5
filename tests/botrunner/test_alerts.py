"""Real bots post each alert once, even if a bot dies at the worst moment, or if there are two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from accounts import discord
from alerts.domain import outbox
from alerts.domain.rules import add_rule, check_rule
from alerts.models import AlertPost, PostState
from botrunner import alerts
from botrunner.alerts import AlertPoster
from guilds.freshness import shard_of
from guilds.models import Channel
from realtime import hints
from realtime.db import in_thread
from realtime.models import Via
from realtime.origin import Origin
from sandbox.seed import LOUNGE
from streams.domain.alerts import write_alert
from streams.domain.streams import create_stream
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.factories import ChannelFactory, GuildFactory
from tests.waiting import eventually


class Alarm:
    """The Lounge with a rule for `owner`'s stream, and posters without a gateway connection."""

    def __init__(self, stage: Stage, origin: Origin) -> None:
        self.stage = stage
        self.origin = origin
        self.posters: list[AlertPoster] = []

    def poster(self, *, shard: int = 0, count: int = 1) -> AlertPoster:
        poster = AlertPoster(shard=shard, count=count, owner=f"poster {len(self.posters)}")
        self.posters.append(poster)
        poster.start()
        return poster

    async def alert(self, text: str) -> None:
        args = {"text": text, "level": "high"}
        await in_thread(write_alert)("cam-1", "alert", args, origin=self.origin)

    def texts(self) -> list[str]:
        messages = self.stage.sandbox.world.messages.values()
        return [message.embeds[0]["description"] for message in messages if message.embeds]

    async def states(self) -> list[str]:
        def read() -> list[str]:
            return list(AlertPost.objects.order_by("pk").values_list("state", flat=True))

        return await in_thread(read)()

    async def settled(self, count: int) -> None:
        async def so() -> bool:
            return await self.states() == [PostState.POSTED] * count

        await eventually(so, what="not everything was posted")


@pytest.fixture
async def alarm(stage: Stage) -> AsyncIterator[Alarm]:
    discord._transport.cache_clear()
    hints.ensure_relay()
    general = stage.channel("general")

    def rule(origin: Origin) -> None:
        assert origin.user is not None
        create_stream(origin.user, stream_id="cam-1")
        if not Channel.objects.filter(pk=general).exists():
            ChannelFactory.create(id=general, guild_id=LOUNGE, guild=None)
        fields = {"stream_id": "cam-1", "channel_id": general, "max_per_minute": 30}
        add_rule(LOUNGE, origin=origin, **check_rule(fields, whole=True))

    await in_thread(GuildFactory.create_batch)(1, guild_id=LOUNGE)
    owner = await owner_of(stage)

    def promote() -> None:
        owner.memberships.update(owner=True)

    await in_thread(promote)()
    origin = Origin(user=owner, via=Via.SYNC)
    await in_thread(rule)(origin)
    alarm = Alarm(stage, origin)
    yield alarm
    for poster in alarm.posters:
        await poster.close()


async def test_the_running_bot_posts_an_alert_at_once(alarm: Alarm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "POLL_SECONDS", 3600.0)  # a hint wakes it
    await alarm.stage.start_bot()
    await alarm.alert("somebody is at the door")
    await alarm.settled(1)
    assert alarm.texts() == ["somebody is at the door"]


async def test_what_was_raised_while_no_bot_ran_is_posted_when_one_does(alarm: Alarm) -> None:
    await alarm.alert("early")
    assert await alarm.states() == [PostState.PENDING]
    await alarm.stage.start_bot()
    await alarm.settled(1)
    assert alarm.texts() == ["early"]


async def test_a_bot_that_dies_when_discord_has_the_message_posts_once(
    alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=0.5))
    posts: list[int] = []
    dying = alarm.poster()

    def kill(method: str, path: str, status: int, body: Any) -> None:
        # The sandbox has created the message but has not responded yet.
        if method == "POST" and path.endswith("/messages"):
            posts.append(status)
            if len(posts) == 1:
                for task in dying._under_way:
                    task.cancel()

    alarm.stage.sandbox.observers.append(kill)
    await alarm.alert("once")
    await eventually(lambda: posts)
    await dying.close()
    assert await alarm.states() == [PostState.PENDING]  # the outcome was not stored
    alarm.poster()
    await alarm.settled(1)
    assert (posts, alarm.texts()) == ([200, 200], ["once"])


async def test_how_long_alerts_wait_is_shown_also_before_discord_lets_the_bot_in(alarm: Alarm) -> None:
    await alarm.alert("waits")
    poster = AlertPoster(shard=77, count=78, owner="not let in")
    alarm.posters.append(poster)

    def shown() -> float | None:
        return REGISTRY.get_sample_value("backline_alert_waiting_seconds", {"shard": "77"})

    await eventually(lambda: shown() == 0)  # belongs to another shard
    mine = AlertPoster(shard=shard_of(LOUNGE, 78), count=78, owner="nor this one")
    alarm.posters.append(mine)
    labels = {"shard": str(shard_of(LOUNGE, 78))}
    await eventually(lambda: REGISTRY.get_sample_value("backline_alert_waiting_seconds", labels))
    assert await alarm.states() == [PostState.PENDING]


async def test_two_posters_of_one_shard_post_everything_once(alarm: Alarm) -> None:
    alarm.poster(), alarm.poster()
    for n in range(12):
        await alarm.alert(str(n))
    await alarm.settled(12)
    assert alarm.texts() == [str(n) for n in range(12)]


async def test_a_poster_leaves_the_guilds_of_other_shards_alone(alarm: Alarm) -> None:
    mine = shard_of(LOUNGE, 5)
    for shard in set(range(5)) - {mine}:
        alarm.poster(shard=shard, count=5)
    await alarm.alert("whose?")
    assert await alarm.posters[0]._claim(8) == []
    alarm.poster(shard=mine, count=5)
    await alarm.settled(1)

    def owners() -> list[int]:
        return list(AlertPost.objects.values_list("attempts", flat=True))

    assert await in_thread(owners)() == [1]


async def test_a_poster_ends_at_once_while_discord_hangs(
    alarm: Alarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=0.5))
    await alarm.stage.fault("latency", ms=3000, path="/messages", count=1)
    hanging = alarm.poster()
    await alarm.alert("slow")
    await eventually(lambda: hanging._under_way)
    monkeypatch.setattr("botrunner.alerts.LAST_SECONDS", 0.1)
    async with asyncio.timeout(1):
        await hanging.close()
    alarm.poster()
    await alarm.settled(1)
    assert alarm.texts() == ["slow"]
