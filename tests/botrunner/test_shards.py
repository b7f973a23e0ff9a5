"""Several processes share a bot: each runs its own shards, and they take turns to identify."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from botrunner.shards import Shards, parse_shards
from guilds.domain import shards
from guilds.freshness import shard_of
from guilds.models import BotShard, Channel, Guild
from realtime.db import in_thread
from sandbox.seed import JUNIPER, LOUNGE
from tests.botrunner.stage import RunningBot, Stage
from tests.factories import GuildFactory
from tests.waiting import eventually


@pytest.mark.parametrize(
    ("text", "shards"),
    [
        ("0-3/16", Shards((0, 1, 2, 3), 16)),
        ("5/16", Shards((5,), 16)),
        ("0/1", Shards((0,), 1)),
    ],
)
def test_shards_are_read(text: str, shards: Shards) -> None:
    assert parse_shards(text) == shards


@pytest.mark.parametrize("text", ["", "0-3", "3-0/16", "0-16/16", "1/1", "a-b/c", "-1/4", "0-3/16 "])
def test_what_names_no_shards_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a range of shards"):
        parse_shards(text)


def installed() -> set[str]:
    return set(Guild.objects.filter(bot_installed=True).values_list("pk", flat=True))


async def test_a_process_keeps_the_guilds_of_its_shards_only(stage: Stage) -> None:
    count = next(n for n in range(2, 50) if shard_of(LOUNGE, n) != shard_of(JUNIPER, n))
    mine = shard_of(LOUNGE, count)
    # Mirrored before: a guild of another process's shard, and one of ours that has vanished.
    numbers = (str(number << 22) for number in range(1, 10 * count))
    theirs, vanished = JUNIPER, next(number for number in numbers if shard_of(number, count) == mine)
    await in_thread(GuildFactory.create_batch)(1, guild_id=theirs)
    await in_thread(GuildFactory.create_batch)(1, guild_id=vanished)
    stage.bots.append(RunningBot(Shards((mine,), count)))

    async def settled() -> bool:
        return await in_thread(installed)() == {LOUNGE, theirs}

    await eventually(
        settled, what="ours is mirrored, the vanished one is dropped, the other process's is let be"
    )
    assert await in_thread(Channel.objects.filter(guild_id=theirs).count)() == 0


async def test_shards_of_several_processes_identify_in_turn(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = stage.sandbox.gateway
    gateway.IDENTIFY_SECONDS, gateway.MAX_CONCURRENCY = 0.2, 2
    monkeypatch.setattr(shards, "IDENTIFY_EVERY", timedelta(seconds=0.8))
    stage.bots += [RunningBot(Shards((0, 1, 2), 6)), RunningBot(Shards((3, 4, 5), 6))]

    def kept() -> Any:
        return set(BotShard.objects.filter(connected=True).values_list("number", flat=True))

    async def all_connected() -> bool:
        found: set[int] = await in_thread(kept)()
        return found == set(range(6))

    await eventually(all_connected)
    assert (gateway.identified, gateway.too_early) == (6, 0)


async def test_a_shard_that_ran_well_is_started_again_as_soon_as_the_first_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("botrunner.shards.RETRY_SECONDS", (0.1, 60))
    monkeypatch.setattr("botrunner.shards.WELL_SECONDS", 0.0)
    caplog.set_level("INFO", logger="botrunner.shards")
    await stage.start_bot()
    for _ in range(2):
        await stage.fault("gateway_drop", code=4013)
        await eventually(lambda: not stage.sandbox.gateway.connections)
        await eventually(lambda: stage.sandbox.gateway.connections, what="it waits for a minute")
    assert caplog.text.count("Restarting shard 0 in 0.1 s") == 2
