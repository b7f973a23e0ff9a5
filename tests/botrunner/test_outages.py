"""Outages of minutes, with the pauses between attempts shortened: the position waits, and one sentence says why."""

from __future__ import annotations

import asyncio
import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from guilds.freshness import read_shards, stale_since
from guilds.models import Guild
from queue_app.models import Player
from queue_app.shapes import player_shape
from realtime.db import in_thread
from realtime.models import Event
from sandbox import seats
from sandbox.model import VoiceState
from sandbox.seed import LOUNGE
from sandbox.server import Sandbox
from tests.botrunner.stage import Stage
from tests.botrunner.test_card import card_that, cards
from tests.botrunner.test_voice import SECONDS_OF_A_MOVE, continues
from tests.botrunner.voice_watch import watched
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

# In two minutes, the bot tries this often to join voice: after 0, 1, 2, 4, 8, 16, 30 and 30 s.
VOICE_ATTEMPTS = 8
# To connect to the gateway: at most every 15 s, and on average twice as often.
GATEWAY_ATTEMPTS = 16


async def errors(stage: Stage) -> list[str]:
    """Return the sentences that were announced, in order."""
    found = Event.objects.filter(store__name=f"guild:{stage.guild_id}", name="PlayerErrorChanged")
    args = await in_thread(lambda: list(found.order_by("seq").values_list("args", flat=True)))()
    return [str((json.loads(each)["player"]["error"] or {}).get("detail", "")) for each in args]


async def shown_error(stage: Stage) -> str:
    """Return the sentence that the page shows."""

    def read() -> str:
        player = Player.objects.select_related("item").get(pk=stage.guild_id)
        return str((player_shape(player)["error"] or {}).get("detail", ""))

    found: str = await in_thread(read)()
    return found


async def is_stale(stage: Stage) -> bool:
    """Return whether the page says that the server's data may be out of date."""

    def read() -> bool:
        return stale_since(Guild.objects.get(pk=stage.guild_id), read_shards()) is not None

    found: bool = await in_thread(read)()
    return found


async def test_two_minutes_without_voice_servers(playing: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botrunner.retries.MAX_BACKOFF_SECONDS", 0.2)
    await card_that(playing, "Long A")
    with watched(playing) as seen:
        await playing.sandbox.voice.stop()
        held = await playing.status("error")
        sentence = await shown_error(playing)
        assert sentence
        await card_that(playing, sentence)
        # Each attempt joins and leaves again.
        await eventually(lambda: len(seen.asked) >= 2 * VOICE_ATTEMPTS, within=60, what="too few attempts")
    assert await errors(playing) == [sentence]  # and not once for each attempt
    assert await shown_error(playing) == sentence
    await playing.sandbox.voice.start()
    after = await continues(playing, held, seconds=30.0)
    assert 0 <= after.current_position_ms - held.position_ms < SECONDS_OF_A_MOVE
    assert await shown_error(playing) == ""
    await card_that(playing, "Long A", without=(sentence,))


async def test_two_minutes_without_discord(
    playing: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botrunner.bot.MAX_RECONNECT_SECONDS", 0.2)
    await card_that(playing, "Long A")
    await playing.hear(440, after=50)
    old, attempts = playing.sandbox, 0

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()

    await old.stop()

    async def silent() -> Player | None:
        player = await playing.player()
        return player if player.status != "playing" else None

    held: Player = await eventually(silent)
    async with await asyncio.start_server(refuse, "127.0.0.1", old.port):
        await eventually(lambda: attempts >= GATEWAY_ATTEMPTS, within=60, what="too few attempts")
        # The card cannot be edited now. The page says that it may be out of date, and that nothing is heard.
        assert await is_stale(playing)
        assert (await playing.player()).status == "connecting"
    new = Sandbox(data_dir=tmp_path / "discord", port=old.port)
    new.gateway.IDENTIFY_SECONDS = 0.0
    await new.start()
    playing.sandbox = new
    try:
        after = await continues(playing, held, seconds=30.0)
        assert 0 <= after.current_position_ms - held.position_ms < SECONDS_OF_A_MOVE
        await card_that(playing, "Long A")
        assert len(cards(playing)) == 1
        assert await shown_error(playing) == ""
        assert not await is_stale(playing)
    finally:
        for bot in playing.bots:
            await bot.stop()
        await new.stop()


async def test_a_second_device_of_a_listener_changes_nothing(playing: Stage) -> None:
    """Discord disconnects the first device. The user's voice state gets another session, in the same channel or not."""
    world = playing.sandbox.world
    owner = next(each.id for each in world.users.values() if each.username == "owner")

    def on_another_device(channel: str) -> None:
        state: Any = VoiceState(LOUNGE, playing.channel(channel), owner, secrets.token_hex(16), False, False)
        seats.take(world, state)

    before = await playing.player()
    with watched(playing) as seen:
        heard = playing.report()
        assert heard is not None
        on_another_device("Stage left")
        report = await playing.hear(440, channel="Stage left", after=heard.frames_received + 100)
        assert (report.frames_bad, report.dave) == (0, 1)
        # On the phone in another channel: the bot stays with those who listen.
        await playing.sit("dj", "Stage left")
        on_another_device("Back room")
        await playing.hear(440, channel="Stage left", after=report.frames_received + 100)
        on_another_device("Stage left")
        again = playing.report()
        assert again is not None
        await playing.hear(440, channel="Stage left", after=again.frames_received + 100)
    assert seen.channels == []
    assert seen.asked == []
    after = await playing.player()
    assert (after.item, after.status, after.error_code) == (before.item, "playing", "")
