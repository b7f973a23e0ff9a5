"""Many people act at once, and things end while they begin."""

from __future__ import annotations

import asyncio
import logging

import pytest

from queue_app.errors import NothingPlaying
from queue_app.models import ItemState
from sandbox.seed import LOUNGE
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import RunningBot, Stage
from tests.waiting import eventually


async def test_thirty_skips_at_once_end_at_most_the_five_tracks(playing: Stage) -> None:
    user = await owner_of(playing)
    for query in ("Short E", "Long A", "Long C"):
        await playing.do(user, "AddTrack", query=query)

    async def skip() -> bool:
        try:
            await playing.do(user, "Skip")
        except NothingPlaying:
            return False
        return True

    outcomes = await asyncio.gather(*(skip() for _ in range(30)))
    items = await playing.items()
    assert sum(item.state == ItemState.SKIPPED for item in items) == sum(outcomes) >= 1

    async def anything_left() -> bool:
        # Read the queue before the player, so that an item that moves from one to the other is not missed.
        queued = any(item.state == ItemState.QUEUED for item in await playing.items())
        return queued or (await playing.player()).item is not None

    while await anything_left():
        await skip()
    await playing.status("idle")
    await playing.do(user, "AddTrack", query="Long A")
    await playing.hear(440)


async def test_an_add_storm_keeps_every_track_and_an_order(playing: Stage) -> None:
    user = await owner_of(playing)
    added = await asyncio.gather(
        *(playing.do(user, "AddTrack", query="Short E", position=("end", "next")[n % 2]) for n in range(30))
    )
    items = {str(item.pk): item for item in await playing.items()}
    assert len({item["id"] for item in added}) == 30
    ranks = [items[item["id"]].rank for item in added]
    assert len(set(ranks)) == 30
    heard = playing.report()
    assert heard is not None
    await playing.hear(440, after=heard.frames_received + 25)


async def test_pausing_and_resuming_wildly_ends_as_it_was_asked_last(playing: Stage) -> None:
    user = await owner_of(playing)
    for _ in range(10):
        await playing.do(user, "Pause")
        await playing.do(user, "Resume")
    heard = playing.report()
    assert heard is not None
    await playing.hear(440, after=heard.frames_received + 50)
    await playing.do(user, "Pause")
    await playing.silence()
    assert (await playing.player()).status == "paused"


async def test_leaving_and_joining_wildly_ends_as_it_was_asked_last(playing: Stage) -> None:
    user = await owner_of(playing)
    for name in ("Stage left", "Back room", "Stage left", "Back room"):
        await playing.do(user, "LeaveVoice")
        await playing.do(user, "JoinVoice", channel_id=playing.channel(name))

    async def there() -> bool:
        player = await playing.player()
        return player.connected_channel_id == playing.channel("Back room") and player.status == "playing"

    await eventually(there, what="playing in the Back room")
    await playing.hear(440, channel="Back room")


async def test_a_guild_deleted_while_it_plays_leaves_the_bot_well(
    playing: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        await playing.fault("guild_delete", guild_id=LOUNGE)

        async def given_up() -> bool:
            return not (await playing.player()).leased

        await eventually(given_up)
        await playing.bots[0].stop()
    assert [record.getMessage() for record in caplog.records] == []


async def test_stopping_while_voice_connects(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    bot = await stage.start_bot()
    await stage.sit("owner", "Stage left")
    with caplog.at_level(logging.ERROR):
        await stage.slash("owner", "play", query="Long A")
        await eventually(lambda: (LOUNGE, stage.sandbox.world.bot_id) in stage.sandbox.world.voice_states)
        await asyncio.wait_for(bot.stop(), 4)
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR] == []
    await eventually(lambda: (LOUNGE, stage.sandbox.world.bot_id) not in stage.sandbox.world.voice_states)
    player = await stage.player()
    assert (player.leased, player.connected_channel_id) == (False, None)
    await stage.start_bot()
    await stage.hear(440)


@pytest.mark.parametrize("moment", ["at once", "when connected", "when ready"])
async def test_stopping_while_the_bot_starts(
    stage: Stage, moment: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        bot = RunningBot()
        if moment == "when connected":
            await eventually(lambda: bool(stage.sandbox.gateway.connections))
        if moment == "when ready":
            await eventually(lambda: bool(stage.sandbox.gateway.sessions))
        await asyncio.wait_for(bot.stop(), 4)
    assert [record.getMessage() for record in caplog.records] == []
    assert not (await stage.player()).leased
    await stage.start_bot()


async def test_the_last_word_of_a_stopped_bot_is_its_position(playing: Stage) -> None:
    before = (await playing.player()).current_position_ms
    await playing.bots[0].stop()
    player = await playing.player()
    assert player.status == "connecting"  # nothing plays, although something should
    assert abs(player.position_ms - before) < 4_000
    assert not [
        state
        for state in playing.sandbox.world.voice_states.values()
        if state.user_id == playing.sandbox.world.bot_id
    ]
