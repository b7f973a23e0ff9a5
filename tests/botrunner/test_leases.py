"""Only one bot plays in a guild, and another takes over when it is gone."""

from __future__ import annotations

import subprocess
from datetime import timedelta

import pytest
from django.utils import timezone

from database.owners import lease_owner
from queue_app.domain import playback
from queue_app.models import Player
from realtime import hints
from realtime.db import in_thread
from sandbox.seed import LOUNGE, OWNER
from tests.botrunner.stage import Stage
from tests.waiting import eventually


def owner_of_a_dead_process() -> str:
    """Return the lease owner's name of a process on this machine that has ended."""
    machine = lease_owner().partition(":")[0]
    with subprocess.Popen(["true"]) as process:
        return f"{machine}:{process.pid}:abcd"


async def hand_lease_to(owner: str, *, seconds: float) -> None:
    expires = timezone.now() + timedelta(seconds=seconds)
    await in_thread(
        lambda: Player.objects.update_or_create(
            pk=LOUNGE, defaults={"lease_owner": owner, "lease_expires_at": expires}
        )
    )()


async def test_a_track_added_while_no_bot_runs_plays_when_it_comes(stage: Stage) -> None:
    bot = await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await bot.stop()
    assert (await stage.player()).lease_owner == ""
    user = await stage.join_program(OWNER, "owner")
    added = await stage.do(user, "AddTrack", query="Long A")
    assert added["state"] == "queued"
    await stage.start_bot()
    await stage.hear(440)


async def test_of_two_bots_one_plays_and_the_other_takes_over(stage: Stage) -> None:
    first = await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(440)
    holder = (await stage.player()).lease_owner
    await stage.start_bot()
    heard = stage.report()
    assert heard is not None
    report = await stage.hear(440, after=heard.frames_received + 100)
    assert (report.frames_lost, report.frames_bad) == (0, 0)
    assert (await stage.player()).lease_owner == holder
    before = (await stage.player()).current_position_ms
    await first.stop()

    async def taken() -> bool:
        player = await stage.player()
        return player.leased and player.lease_owner != holder

    await eventually(taken)
    await stage.hear(440)
    player = await stage.status("playing")
    assert player.current_position_ms - before < 8_000


async def test_a_dead_holder_is_not_waited_for(stage: Stage) -> None:
    bot = await stage.start_bot()
    await bot.stop()
    await hand_lease_to(owner_of_a_dead_process(), seconds=3600)
    assert await in_thread(playback.take_lease)(LOUNGE, owner=lease_owner())


async def test_a_holder_on_another_machine_is_waited_for_until_its_lease_runs_out(stage: Stage) -> None:
    bot = await stage.start_bot()
    await bot.stop()
    await hand_lease_to("elsewhere/abcdef01:1:00000000", seconds=1)
    assert not await in_thread(playback.take_lease)(LOUNGE, owner=lease_owner())
    await stage.sit("owner", "Stage left")
    await stage.do(await stage.join_program(OWNER, "owner"), "AddTrack", query="Long A")
    await stage.start_bot()
    await stage.hear(440)
    assert not (await stage.player()).lease_owner.startswith("elsewhere")


async def test_a_bot_whose_lease_was_taken_stops_playing(playing: Stage) -> None:
    await hand_lease_to("elsewhere/abcdef01:1:00000000", seconds=4)
    await playing.silence()
    assert (await playing.player()).lease_owner.startswith("elsewhere")
    await playing.hear(440)  # plays again after the other one's lease has expired


async def test_a_bot_at_rest_finds_what_no_hint_told_of(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    user = await stage.join_program(OWNER, "owner")
    for send in ("send", "send_calmly"):
        monkeypatch.setattr(hints, send, lambda store_name, seq: None)
    await stage.do(user, "AddTrack", query="Long A")
    await stage.hear(440)


async def test_a_bot_at_rest_keeps_its_lease(stage: Stage) -> None:
    await stage.start_bot()
    taken_until = (await stage.player()).lease_expires_at
    assert taken_until is not None

    async def renewed() -> bool:
        expires = (await stage.player()).lease_expires_at
        return expires is not None and expires > taken_until + timedelta(seconds=2)

    await eventually(renewed)
