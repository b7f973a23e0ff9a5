"""The setting BOT_PRESENCE, as Discord's clients show it."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from botrunner import presence
from queue_app.models import Player
from realtime.db import in_thread
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.factories import GuildFactory, TrackFactory
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


async def says(stage: Stage, text: str) -> None:
    async def reply() -> str:
        state = (await stage.http.get("/_sandbox/state")).json()
        return str(state["gateway"][-1]["presence"]["said"])

    async def so() -> bool:
        return await reply() == text

    await eventually(so, what=await reply())


async def test_it_shows_the_track_while_exactly_one_guild_plays(
    stage: Stage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BOT_PRESENCE = "track"
    monkeypatch.setattr(presence, "GAP_SECONDS", 0.05)
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(440)
    await says(stage, "Listening to Long A – The Generators")
    await stage.slash("owner", "pause")
    await says(stage, "")
    await stage.slash("owner", "resume")
    await says(stage, "Listening to Long A – The Generators")
    await stage.fault("invalid_session")
    await eventually(lambda: len(stage.sandbox.gateway.sessions) == 1)
    await says(stage, "Listening to Long A – The Generators")
    await in_thread(play_elsewhere)()
    await stage.do(await owner_of(stage), "SetVolume", volume=50)
    await says(stage, "")
    assert stage.sandbox.gateway.ignored_presences == 0


def play_elsewhere() -> None:
    guild = GuildFactory.create()
    item = guild.queue_items.create(track=TrackFactory.create(), rank=1, state="playing")
    Player.objects.filter(pk=guild.pk).update(item=item, sounding=True, connected_channel_id="1")


async def test_a_text_is_shown_as_it_is(stage: Stage, settings: Settings) -> None:
    settings.BOT_PRESENCE = "/play in #music"
    await stage.start_bot()
    await says(stage, "/play in #music")
