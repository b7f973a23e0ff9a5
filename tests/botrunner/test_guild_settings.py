"""A guild's settings as its members experience them: rights to slash commands, votes, and when the bot leaves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from guilds.domain.settings import change_settings
from guilds.models import VoiceState
from guilds.permissions import is_dj, require_member
from queue_app.models import ItemState, Player
from realtime.db import in_thread
from realtime.models import Event, Via
from realtime.origin import Origin
from sandbox.seed import BOT_ROLE, DJ, DJ_ROLE
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.waiting import eventually

EPHEMERAL = 64


async def decide(stage: Stage, **changes: Any) -> None:
    """Change settings as the sandbox's owner."""
    origin = Origin(user=await owner_of(stage), via=Via.REST)
    await in_thread(change_settings)(stage.guild_id, origin=origin, **changes)


async def refused(stage: Stage, user: str, command: str, **options: Any) -> str:
    """Use a command that is refused in an ephemeral reply. Returns the sentence."""
    message = await stage.slash(user, command, **options)
    assert message["flags"] & EPHEMERAL, message
    return str(message["content"])


async def titles(stage: Stage) -> list[str | None]:
    waiting = [item for item in await stage.items() if item.state == ItemState.QUEUED]
    return [item.track.title for item in sorted(waiting, key=lambda item: item.rank)]


async def test_slash_commands_keep_to_the_settings(playing: Stage) -> None:
    await decide(playing, dj_role_id=DJ_ROLE, may_move="dj", max_per_person=1, allowed_sources=["library"])
    dj_commands = "Only DJs and managers of this server"

    await playing.slash("dj", "play", query="Short E")
    assert (await refused(playing, "member", "move", number="2", to=1)).startswith(dj_commands)
    moved = await playing.slash("dj", "move", number="2", to=1)
    assert moved["content"] == "Moved **Short E – The Generators** to number 1."
    assert await titles(playing) == ["Short E", "Long C"]
    assert await refused(playing, "dj", "move", number="9", to=1) == (
        "There is no track number 9 in the queue. It has 2 tracks."
    )

    await playing.slash("member", "play", query="Short G")
    assert "limit of 1 track" in await refused(playing, "member", "play", query="Short E")
    assert "The music library" in await refused(playing, "dj", "play", query="http://127.0.0.1:9/x.mp3")

    assert (await refused(playing, "member", "clear")).startswith(dj_commands)
    assert (await playing.slash("dj", "clear"))["content"] == "Removed 3 tracks."
    await playing.slash("member", "play", query="Short G")
    assert (await playing.slash("dj", "clear"))["content"] == "Removed 1 track."
    assert await refused(playing, "dj", "clear") == "The queue is already empty."


async def test_listeners_vote_and_the_deafened_do_not(playing: Stage) -> None:
    await playing.sit("dj", "Stage left")
    listeners = VoiceState.objects.filter(guild_id=playing.guild_id)
    await eventually(in_thread(listeners.filter(discord_id=DJ).exists), what="the DJ seen in voice")
    await decide(playing, vote_share=100)
    answer = await playing.slash("member", "skip")
    assert answer["content"].startswith("1 of 3 votes to skip **Long A")

    async def seen() -> bool:
        return bool(await in_thread(listeners.filter(deafened=True).count)() == 2)

    lounge = playing.channel("Stage left")
    for user in ("owner", "dj"):
        body = {"user": user, "channel_id": lounge, "self_deaf": True}
        (await playing.http.post("/_sandbox/voice-state", json=body)).raise_for_status()
    await eventually(seen, what="deafened people")
    # One vote is now enough for those who remain, without another command.
    await playing.hear(523)
    skips = Event.objects.filter(name="TrackSkipped")
    assert [event.actor_id for event in await in_thread(list)(skips)] == [None]


async def test_the_volume_is_heard_at_once_and_an_empty_channel_is_left(playing: Stage) -> None:
    assert (await playing.slash("member", "volume", level=0))["content"] == "Volume set to 0%."
    await eventually(lambda: (report := playing.report()) and report.tone_hz is None, what="silence")
    await playing.slash("member", "volume", level=150)
    heard = await playing.hear(440)
    await decide(playing, dj_role_id=BOT_ROLE)
    assert "voice channel" in await refused(playing, "dj", "volume", level=10)  # not there, and no DJ now

    for user in ("owner", "member"):
        await playing.sit(user, None)
    await eventually(lambda: _alone(playing), what="alone")

    def an_hour_passes() -> None:
        hour = timezone.now() - timedelta(hours=1)
        Player.objects.filter(pk=playing.guild_id).update(alone_since=hour)

    await decide(playing, stay_in_channel=True)
    await in_thread(an_hour_passes)()
    await playing.hear(440, after=heard.frames_received + 100)  # two seconds, in which it could have left
    await decide(playing, stay_in_channel=False, leave_after_minutes=60)
    player = await playing.status("stopped")
    assert (player.item is not None, player.alone_since, player.voice_channel_id) == (True, None, None)
    await eventually(lambda: playing.report() is None, what="the bot out of voice")

    await playing.sit("member", "Stage left")
    await playing.slash("member", "resume")
    await playing.hear(440)
    assert (await playing.player()).volume == 150  # as it was set


async def test_a_dj_who_logs_in_on_the_web_is_one_at_once(stage: Stage) -> None:
    await stage.start_bot()
    dj = await stage.join_program(DJ, "dj")  # Discord's login response has no roles

    def is_one() -> bool:
        return is_dj(require_member(dj, stage.guild_id))

    assert not await in_thread(is_one)()
    await eventually(in_thread(is_one), what="the roles of who logged in")


async def _alone(stage: Stage) -> bool:
    return (await stage.player()).alone_since is not None
