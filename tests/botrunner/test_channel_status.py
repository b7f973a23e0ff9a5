"""The current track as the status of the voice channel."""

from __future__ import annotations

import pytest

from botrunner import channel_status
from guilds.models import Channel, Role
from realtime.db import in_thread
from sandbox import permissions
from sandbox.actions import set_channel_status
from sandbox.seed import BOT_ROLE
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.botrunner.test_lacking import play, told_times
from tests.botrunner.voice_watch import deny, edit, grant
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

LONG_A, LONG_C = "🎵 Long A – The Generators", "🎵 Long C – The Generators"


class Requests:
    """The statuses of the bot's requests for a channel's status."""

    def __init__(self, stage: Stage) -> None:
        self.statuses: list[int] = []
        stage.sandbox.observers.append(self._note)

    def _note(self, method: str, path: str, status: int, body: object) -> None:
        if path.endswith("/voice-status"):
            self.statuses.append(status)


async def says(stage: Stage, text: str, channel: str = "Stage left") -> None:
    place = stage.sandbox.world.channels[stage.channel(channel)]
    await eventually(lambda: (place.status or "") == text, what=f"{place.status!r} instead of {text!r}")


async def test_it_follows_the_track_and_spares_what_a_person_wrote(
    playing: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_status, "FLOOR_SECONDS", 0.05)
    requests, owner, world = Requests(playing), await owner_of(playing), playing.sandbox.world
    place = world.channels[playing.channel("Stage left")]
    set_channel_status(world, world.channels[playing.channel("Back room")], "Chess night")
    await deny(playing, "Stage left", permissions.SET_VOICE_CHANNEL_STATUS)
    await eventually(in_thread(Channel.objects.filter(pk=place.id).exclude(overwrites=[]).exists))
    await playing.do(owner, "ChangeSettings", channel_status=True)
    await play(playing, "music")
    reply = await told_times(playing, "music", 1)
    assert reply.startswith(
        f"For the status of the voice channel, the bot lacks permissions in <#{place.id}>: Set Voice"
    )
    await play(playing, "music")
    assert (place.status, requests.statuses) == (None, [])

    await deny(playing, "Stage left", 0)
    await says(playing, LONG_A)
    await playing.slash("owner", "pause")
    await says(playing, "")
    await playing.slash("owner", "resume")
    await says(playing, LONG_A)
    await playing.slash("owner", "skip")
    await says(playing, LONG_C)
    set_channel_status(world, place, "Quiz at nine")
    await playing.slash("owner", "previous")
    await playing.hear(440)
    assert place.status == "Quiz at nine"
    set_channel_status(world, place, None)
    await says(playing, LONG_A)

    await playing.slash("owner", "join", channel="Back room")
    await playing.hear(440, channel="Back room")
    assert world.channels[playing.channel("Back room")].status == "Chess night"
    await says(playing, "")
    await playing.slash("owner", "join", channel="Stage left")
    await says(playing, LONG_A)
    await playing.slash("owner", "leave")
    await says(playing, "")
    assert requests.statuses == [204] * 8
    assert len(await told_times(playing, "music", 1))


async def test_a_bot_that_was_killed_removes_its_status_afterwards(
    playing: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_status, "FLOOR_SECONDS", 0.05)
    world, back = playing.sandbox.world, playing.sandbox.world.channels[playing.channel("Back room")]
    await grant(playing, permissions.MANAGE_CHANNELS)
    read = Role.objects.values_list("permissions", flat=True)
    await eventually(lambda: in_thread(lambda: read.get(pk=BOT_ROLE) & permissions.MANAGE_CHANNELS)())
    set_channel_status(world, back, "🎵 What played before it was killed")
    await playing.do(await owner_of(playing), "ChangeSettings", channel_status=True)
    await says(playing, LONG_A)
    await says(playing, "", channel="Back room")
    await playing.fault("http_status", path="/voice-status", status=403, code=50013, times=1)
    await edit(playing, "edit_role", role_id=BOT_ROLE, permissions=permissions.ADMINISTRATOR)
    await playing.slash("owner", "skip")
    await playing.hear(523)
    assert world.channels[playing.channel("Stage left")].status == LONG_A  # refused, and not asked again soon
