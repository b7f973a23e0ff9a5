"""Many guilds arrive at once, as after a start, and idle ones cost next to nothing."""

from __future__ import annotations

from datetime import datetime
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
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every SQL statement that was executed, in any thread."""
    asked: list[str] = []
    execute = CursorWrapper.execute

    def counted(self: CursorWrapper, sql: str, params: Any = None) -> Any:
        asked.append(sql)
        return execute(self, sql, params)

    monkeypatch.setattr(CursorWrapper, "execute", counted)
    return asked


@pytest.mark.both_databases
async def test_a_guild_with_many_channels_is_mirrored_in_few_statements(
    stage: Stage, statements: list[str]
) -> None:
    """`python -m bench.guilds` measures how long two hundred such guilds take."""
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


async def test_quiet_guilds_share_their_queries(stage: Stage, statements: list[str]) -> None:
    guilds = 20
    planted = plant(stage.sandbox.world, guilds=guilds, channels=1)
    stage.bots.append(RunningBot())
    players = Player.objects.filter(pk__in=planted)

    def leased() -> int:
        return players.filter(lease_expires_at__gt=timezone.now()).count()

    async def all_leased() -> bool:
        return await in_thread(leased)() == guilds

    await eventually(all_leased, what="all guilds looked after")

    def leased_until() -> list[datetime]:
        ends = players.values_list("lease_expires_at", flat=True)
        return sorted(end for end in ends if end is not None)

    async def quiet_round() -> bool:
        """Whether all leases are renewed once with fewer than one statement per guild, apart from this test's own."""
        last = (await in_thread(leased_until)())[-1]
        statements.clear()
        looks = 0

        async def renewed() -> bool:
            nonlocal looks
            looks += 1
            return (await in_thread(leased_until)())[0] > last

        await eventually(renewed, what="every lease renewed")
        return len(statements) - looks < guilds

    await eventually(quiet_round, within=60, what="fewer statements than guilds")
