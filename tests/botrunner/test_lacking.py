"""What the bot lacks is told once, to the person who asked, with the link to add it again."""

from __future__ import annotations

from typing import Any

import pytest

from botrunner.models import Card, ToldLack
from guilds.models import Channel, GuildSettings
from realtime.db import in_thread
from sandbox import permissions
from tests.botrunner.stage import Stage
from tests.botrunner.test_card import card_that, cards
from tests.botrunner.test_languages import speak
from tests.botrunner.voice_watch import deny, edit, grant
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

AGAIN = str(3329024 | permissions.READ_MESSAGE_HISTORY)


async def play(stage: Stage, channel: str, user: str = "owner") -> None:
    body = {"user": user, "guild_id": stage.guild_id, "channel_id": stage.channel(channel)}
    answer = await stage.http.post(
        "/_sandbox/interactions", json=body | {"command": "play", "options": {"query": "Short E"}}
    )
    assert "Added" in str(answer.json()["embeds"]) or "Hinzugefügt" in str(answer.json()["embeds"])


def notice(stage: Stage, channel: str) -> list[str]:
    """Return what was said in a channel to one person only."""
    messages = stage.sandbox.world.channel_messages(stage.channel(channel))
    return [message.content for message in messages if message.only_user_id]


async def told_times(stage: Stage, channel: str, count: int) -> str:
    reply: list[str] = await eventually(
        lambda: (words := notice(stage, channel)) and len(words) == count and words,
        what=f"{notice(stage, channel)}",
    )
    return reply[-1]


async def home(stage: Stage) -> Any:
    return await in_thread(Card.objects.values_list("home_channel_id", flat=True).get)(pk=stage.guild_id)


async def test_where_it_may_not_post_the_card_stays_and_that_is_said_once(playing: Stage) -> None:
    card = await card_that(playing, "Long A")
    music, general = playing.channel("music"), playing.channel("general")
    await deny(playing, "general", permissions.SEND_MESSAGES)
    await speak(playing, "dj", "de")
    await play(playing, "general", "dj")
    reply = await told_times(playing, "general", 1)
    assert reply.splitlines()[:2] == [
        f"Für die Nachricht mit dem aktuellen Titel fehlen dem Bot Berechtigungen in <#{general}>: Nachrichten senden.",
        f"Die Nachricht bleibt in <#{music}>.",
    ]
    assert f"permissions={AGAIN}&guild_id={playing.guild_id}" in reply
    await play(playing, "general")
    await deny(playing, "general", permissions.SEND_MESSAGES | permissions.EMBED_LINKS)
    await play(playing, "general")
    assert (await told_times(playing, "general", 2)).splitlines()[0].endswith(": Send Messages, Embed Links.")
    await play(playing, "music")
    assert not notice(playing, "music")
    assert await home(playing) == music
    assert [each.id for each in cards(playing)] == [card.id]

    await deny(playing, "general", 0)
    await play(playing, "general")
    await card_that(playing, "Long A", channel="general")
    assert len(notice(playing, "general")) == 2
    assert not await in_thread(ToldLack.objects.exists)()


async def test_on_a_stage_the_permission_to_speak_is_named_once(playing: Stage) -> None:
    stage_id = (await edit(playing, "add_channel", name="Open stage", type=13))["id"]
    await eventually(in_thread(Channel.objects.filter(pk=stage_id).exists))
    await playing.slash("owner", "join", channel="Open stage")
    reply = await told_times(playing, "music", 1)
    assert reply.startswith(
        f"For speaking on stages, the bot lacks permissions in <#{stage_id}>: Mute Members."
    )
    requested = (
        3329024 | permissions.READ_MESSAGE_HISTORY | permissions.MUTE_MEMBERS | permissions.REQUEST_TO_SPEAK
    )
    assert f"permissions={requested}&" in reply
    await play(playing, "music", "member")
    await grant(playing, permissions.MUTE_MEMBERS)
    await play(playing, "music")
    assert len(notice(playing, "music")) == 1


async def test_resume_names_what_each_feature_lacks(playing: Stage) -> None:
    await card_that(playing, "Long A")
    general, voice = playing.channel("general"), playing.channel("Stage left")
    await deny(playing, "general", permissions.ATTACH_FILES)
    await deny(playing, "Stage left", permissions.SET_VOICE_CHANNEL_STATUS)
    settings = GuildSettings.objects.filter(pk=playing.guild_id)
    await in_thread(settings.update)(channel_status=True, request_channel_id=general)
    await eventually(lambda: mirrored(playing, voice))
    await playing.slash("owner", "pause")
    await playing.slash("member", "resume")
    reply = await told_times(playing, "music", 1)
    assert reply.splitlines()[:-1] == [
        f"For the message with the current track, the bot lacks permissions in <#{general}>: Attach Files.",
        f"For the request channel, the bot lacks permissions in <#{general}>: Manage Messages.",
        f"For the status of the voice channel, the bot lacks permissions in <#{voice}>: Set Voice Channel Status.",
    ]
    requested = int(AGAIN) | permissions.MANAGE_MESSAGES | permissions.SET_VOICE_CHANNEL_STATUS
    assert f"permissions={requested}&" in reply
    await playing.slash("owner", "pause")
    await playing.slash("owner", "resume")
    await play(playing, "music")
    assert len(notice(playing, "music")) == 1


async def mirrored(stage: Stage, channel_id: str) -> bool:
    channel = await in_thread(Channel.objects.get)(pk=channel_id)
    return bool(channel.overwrites)
