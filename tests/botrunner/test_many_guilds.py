"""Many guilds come at once, as after a start, and quiet ones cost next to nothing."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from bench.load.planted import plant
from guilds.models import Channel, Guild
from queue_app.models import Player
from realtime.db import in_thread
from tests.botrunner.stage import RunningBot, Stage
from tests.waiting import eventually


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When each SQL statement was asked, by the monotonic clock, in whichever thread."""
    asked_at: list[float] = []
    execute = CursorWrapper.execute

    def counted(self: CursorWrapper, sql: str, params: Any = None) -> Any:
        asked_at.append(time.monotonic())
        return execute(self, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", counted)
    return asked_at


@pytest.mark.both_databases
async def test_a_guild_with_many_channels_is_mirrored_in_few_statements(
    stage: Stage, statements: list[float]
) -> None:
    """Two hundred of them, and how long they take: `python -m bench.guilds`."""
    guilds, channels = 20, 100
    planted = plant(stage.sandbox.world, guilds=guilds, channels=channels)
    statements.clear()
    stage.bots.append(RunningBot())

    def mirrored() -> int:
        return Guild.objects.filter(pk__in=planted, bot_installed=True).count()

    async def all_there() -> bool:
        return await in_thread(mirrored)() == guilds

    await eventually(all_there, within=60, what="all guilds mirrored")
    asked = len(statements)
    assert await in_thread(Channel.objects.filter(guild_id__in=planted).count)() == guilds * channels
    assert asked < guilds * channels, "the statements of a guild grow with its channels"


async def test_quiet_guilds_share_their_queries(stage: Stage, statements: list[float]) -> None:
    guilds, window = 30, 6.0  # in which each lease is renewed three times, and each log looked at
    planted = plant(stage.sandbox.world, guilds=guilds, channels=1)
    stage.bots.append(RunningBot())
    players = Player.objects.filter(pk__in=planted)

    def leased(seconds: float = 0) -> int:
        return players.filter(lease_expires_at__gt=timezone.now() + timedelta(seconds=seconds)).count()

    async def all_leased() -> bool:
        return await in_thread(leased)() == guilds

    await eventually(all_leased, what="all guilds looked after")
    begun = time.monotonic()

    def quiet() -> bool:
        now = time.monotonic()
        return now - begun > window and sum(at > now - window for at in statements) < guilds * 2

    await eventually(quiet, within=30, what="fewer than two statements a guild")
    assert await in_thread(leased)(4) == guilds
