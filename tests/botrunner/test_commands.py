"""Slash commands as people use them."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from guilds.channel_permissions import may_bot_enter
from guilds.models import Channel
from library.artwork import store_artwork
from library.models import Track
from queue_app.models import ItemState
from queue_app.player_states import NOWHERE, PAUSED, SILENCES
from realtime.db import in_thread
from sandbox import permissions
from sandbox.seed import DJ_ROLE, MEMBER, OWNER
from tests.botrunner.conftest import TONES
from tests.botrunner.stage import Stage
from tests.botrunner.voice_watch import deny, edit, moderate
from tests.factories import TrackFactory
from tests.waiting import eventually

EPHEMERAL = 64


@pytest.fixture
async def ready(stage: Stage) -> Stage:
    """A bot, with only `member` in voice."""
    await stage.start_bot()
    return stage


def card(message: dict[str, Any]) -> dict[str, Any]:
    (embed,) = message["embeds"]
    assert isinstance(embed, dict)
    return embed


async def test_the_commands_are_registered(ready: Stage) -> None:
    names = {command["name"] for command in ready.sandbox.world.commands.values()}
    assert names == {
        "play", "search",
        "nowplaying", "pause", "resume", "stop", "volume", "loop", "join", "leave",
        "skip", "jump", "previous", "replay", "seek", "forward", "rewind",
        "queue", "remove", "cleanup", "move", "clear", "shuffle",
        "playlist", "favorite",
        "history", "undo", "redo",
        "help",
        "Add to queue",  # in the menu of a message
    }  # fmt: skip


async def test_a_server_decides_who_may_use_a_command_and_where(ready: Stage) -> None:
    """As in Server Settings, Integrations. The bot registers no defaults of its own."""
    world, dj = ready.sandbox.world, DJ_ROLE
    assert {command["default_member_permissions"] for command in world.commands.values()} == {None}
    ids = {command["name"]: command["id"] for command in world.commands.values()}
    music = ready.channel("music")

    async def rule(command_id: str, *rules: tuple[str, int, bool]) -> None:
        permissions = [{"id": about, "type": kind, "permission": allowed} for about, kind, allowed in rules]
        await edit(ready, "set_command_permissions", command_id=command_id, permissions=permissions)

    async def status(user: str) -> int:
        body = {
            "user": user,
            "guild_id": ready.guild_id,
            "channel_id": music,
            "command": "queue",
            "options": {},
        }
        return (await ready.http.post("/_sandbox/interactions", json=body)).status_code

    async def statuses() -> list[int]:
        return [await status(user) for user in ("owner", "dj", "member")]

    assert await statuses() == [200, 200, 200]
    await rule(world.bot_id, (ready.guild_id, 1, False), (dj, 1, True))
    assert await statuses() == [200, 200, 403]
    await rule(ids["queue"], (MEMBER, 2, True), (dj, 1, False))
    assert await statuses() == [200, 403, 200]
    await rule(ids["queue"], (music, 3, False))
    assert await statuses() == [200, 403, 403]
    await rule(ids["queue"])
    await rule(world.bot_id)
    assert await statuses() == [200, 200, 200]


async def test_commands_are_written_when_they_change_only_and_keep_their_ids(ready: Stage) -> None:
    def registered() -> dict[str, tuple[str, str]]:
        commands = ready.sandbox.world.commands.values()
        return {command["name"]: (command["id"], command["version"]) for command in commands}

    first = registered()
    await ready.bots[0].stop()
    await ready.start_bot()
    await ready.slash("member", "pause")
    assert registered() == first
    await ready.bots[1].stop()
    commands = ready.sandbox.world.commands
    commands[first["skip"][0]]["description"] = "Something else."
    commands["999999999999999999"] = commands[first["play"][0]] | {"id": "999999999999999999", "name": "old"}
    del commands[first["undo"][0]]
    await ready.start_bot()
    await eventually(lambda: "old" not in registered())
    assert commands[first["skip"][0]]["description"] == "Skip the current track."
    assert {name for name, (id_, _) in registered().items() if id_ != first[name][0]} == {"undo"}


async def test_play_says_what_was_added_and_where(ready: Stage) -> None:
    first = card(await ready.slash("member", "play", query="long a"))
    assert first["title"] == "Added"
    assert first["description"] == "**Long A – The Generators**"
    assert {"name": "Length", "value": "1:00", "inline": True} in first["fields"]
    assert first["footer"]["text"] == "Playing now."
    await ready.hear(440)
    assert card(await ready.slash("member", "play", query="long c"))["footer"]["text"] == "Up next."
    third = card(await ready.slash("member", "play", query="short e"))
    assert third["footer"]["text"] == "Number 2 in the queue, in about 2 min."
    urgent = card(await ready.slash("member", "play", query="short g", position="next"))
    assert urgent["footer"]["text"] == "Up next."


async def test_play_shows_the_artwork(ready: Stage) -> None:
    def give_it_artwork() -> None:
        name = store_artwork((settings.BASE_DIR / "docs" / "screenshot.png").read_bytes(), "image/png")
        Track.objects.filter(title="Long A").update(artwork=name)

    await in_thread(give_it_artwork)()
    added = await ready.slash("member", "play", query="long a")
    (picture,) = added["attachments"]
    assert picture["filename"].endswith(".png")
    assert card(added)["thumbnail"]["url"] == picture["url"]


async def test_play_now_skips_what_plays(playing: Stage) -> None:
    added = card(await playing.slash("owner", "play", query="Long C", position="now"))
    assert added["footer"]["text"] == "Playing now."
    await playing.hear(523)
    assert (await playing.items())[0].state == ItemState.SKIPPED


async def test_play_with_nothing_found_says_so_to_the_asker_only(ready: Stage) -> None:
    message = await ready.slash("member", "play", query="zzz no such thing")
    assert message["flags"] & EPHEMERAL
    assert message["content"] == (
        "Nothing in the library matches “zzz no such thing”. Try other words, or a link to an audio file or stream."
    )
    assert await ready.items() == []


async def test_play_takes_a_link_however_it_was_pasted(ready: Stage) -> None:
    link = "http://radio.example/" + "a" * 1000
    for pasted in ("<{}>", "[a title]({})", "`{}`", "\u200b{}", "||{}||"):
        answer = card(await ready.slash("member", "play", query=pasted.format(link.replace("http", "HTTP"))))
        assert answer["title"] == "Added"
    assert {item.track.uri for item in await ready.items()} == {link}


async def test_mentions_in_a_query_reach_nobody(ready: Stage) -> None:
    message = await ready.slash("member", "play", query="@everyone")
    assert message["mentions"] == []
    assert not message["mention_everyone"]


async def test_play_completes_from_the_library(ready: Stage) -> None:
    found = await ready.suggestions("member", "play", "query", "short")
    assert set(found) == {"Short E – The Generators", "Short G – The Generators"}
    assert len(await ready.suggestions("member", "play", "query", "")) == len(TONES)
    uri = (await ready.suggestions("member", "play", "query", "long c"))["Long C – The Generators"]
    assert card(await ready.slash("member", "play", query=uri))["description"].startswith("**Long C")


async def test_eight_tracks_of_one_name_are_eight_suggestions(ready: Stage) -> None:
    """Also by their names: clients have sent those instead of the values, or spaces after them."""
    twins = [
        await in_thread(TrackFactory.create)(title="Same Song", artist="Same Artist", album=f"Album {n // 2}")
        for n in range(8)
    ]
    found = await ready.suggestions("member", "play", "query", "same song")
    assert set(found.values()) == {twin.uri for twin in twins}
    assert len(found) == 8
    for name in found:
        await ready.slash("member", "play", query=f"{name} ")
    assert [item.track.uri for item in await ready.items()] == [*found.values()]


async def test_somebody_who_is_not_in_the_guild_is_refused(ready: Stage) -> None:
    answer = await ready.http.post(
        "/_sandbox/interactions",
        json={
            "user": "outsider",
            "guild_id": ready.guild_id,
            "channel_id": ready.channel("music"),
            "command": "play",
            "options": {"query": "Long A"},
        },
    )
    assert answer.status_code in {403, 404}
    assert await ready.items() == []


async def test_pause_resume_and_skip_answer(playing: Stage) -> None:
    assert (await playing.slash("member", "pause"))["content"] == "Paused."
    assert (await playing.slash("member", "pause"))["content"] == SILENCES[PAUSED].sentence
    assert (await playing.slash("member", "resume"))["content"] == "Resumed."
    assert (await playing.slash("member", "resume"))["content"] == "Already playing."
    assert (await playing.slash("member", "skip"))["content"] == "Skipped **Long A – The Generators**."


async def test_what_will_not_be_heard_is_not_promised(playing: Stage) -> None:
    await playing.slash("owner", "pause")
    added = card(await playing.slash("owner", "play", query="short e"))
    assert added["footer"]["text"] == f"Number 2 in the queue. {SILENCES[PAUSED].sentence}"
    joined = await playing.slash("owner", "join")
    assert joined["content"] == f"Joined <#{playing.channel('Stage left')}>. {SILENCES[PAUSED].sentence}"


async def test_resume_promises_nothing_while_the_bot_is_muted(playing: Stage) -> None:
    muted = "The bot is server-muted in “Stage left”. Unmute it, and playback continues."
    await playing.slash("owner", "pause")
    await playing.status("paused")
    await moderate(playing, mute=True)
    # At once, before the bot has reconciled, and again when nothing is left to resume.
    assert (await playing.slash("owner", "resume"))["content"] == muted
    assert (await playing.slash("owner", "resume"))["content"] == muted
    added = card(await playing.slash("owner", "play", query="short e"))
    assert added["footer"]["text"] == f"Number 2 in the queue. {muted}"
    urgent = card(await playing.slash("owner", "play", query="short g", position="now"))
    assert urgent["footer"]["text"] == f"Up next. {muted}"
    await moderate(playing, mute=False)
    await playing.hear(784)
    assert (await playing.slash("owner", "resume"))["content"] == "Already playing."


async def test_resume_with_nothing_to_play_says_how_to_add(ready: Stage) -> None:
    assert (await ready.slash("member", "resume"))["content"] == "The queue is empty. Add a track with /play."


async def test_join_does_not_claim_what_the_channel_refuses(playing: Stage) -> None:
    await deny(playing, "Back room", permissions.CONNECT)
    await eventually(lambda: _may_not_enter(playing, "Back room"), what="the bot's word on the channel")
    answer = await playing.slash("owner", "join", channel="Back room")
    assert "“Back room”" in answer["content"]
    assert "Connect" in answer["content"]
    assert "Joined" not in answer["content"]


async def _may_not_enter(stage: Stage, name: str) -> bool:
    def read() -> bool:
        channel = Channel.objects.select_related("guild").get(pk=stage.channel(name))
        return may_bot_enter(channel.guild, channel) is not None

    found: bool = await in_thread(read)()
    return found


async def test_skip_with_nothing_playing_is_refused_to_the_asker_only(ready: Stage) -> None:
    message = await ready.slash("member", "skip")
    assert message["content"] == "Nothing is playing."
    assert message["flags"] & EPHEMERAL


async def test_queue_and_nowplaying_show_what_is(playing: Stage) -> None:
    queue = await playing.slash("member", "queue")
    assert queue["flags"] & EPHEMERAL
    assert card(queue)["description"] == "1. Long C – The Generators · 1:00 · Maren"
    assert card(queue)["fields"][0]["value"] == "Long A – The Generators"
    assert card(queue)["url"].endswith(f"/guilds/{playing.guild_id}")
    now = card(await playing.slash("member", "nowplaying"))
    assert now["description"] == "**Long A – The Generators**"
    position, state = (field["value"] for field in now["fields"])
    assert position.startswith("0:0")
    assert position.endswith("of 1:00")
    assert state == "Playing"


async def test_queue_and_nowplaying_of_an_empty_guild(ready: Stage) -> None:
    assert card(await ready.slash("member", "queue"))["description"] == "The queue is empty."
    assert card(await ready.slash("member", "nowplaying"))["description"] == "Nothing is playing."


async def test_leave_keeps_the_queue_and_resume_brings_it_back(playing: Stage) -> None:
    await playing.hear(440, after=50)
    assert (await playing.slash("member", "leave"))["content"] == "Left the channel. The queue is kept."
    left = await playing.status("stopped")
    assert left.item is not None
    assert left.position_ms > 500
    await playing.silence()
    await playing.slash("owner", "resume")
    await playing.hear(440)
    assert (await playing.player()).current_position_ms - left.position_ms < 4_000


async def test_without_a_voice_channel_it_says_so_and_begins_when_somebody_joins(ready: Stage) -> None:
    message = card(await ready.slash("owner", "play", query="Long A"))
    assert message["title"] == "Added"
    assert message["footer"]["text"] == f"Up next. {SILENCES[NOWHERE].sentence}"
    player = await ready.player()

    async def notice() -> bool:
        nonlocal player
        player = await ready.player()
        return player.error_code == "NO_VOICE_CHANNEL"

    await eventually(notice)
    assert player.status == "idle"
    assert "voice channel" in card(await ready.slash("owner", "nowplaying"))["description"]
    await ready.sit("owner", "Back room")
    await ready.hear(440)
    player = await ready.status("playing")
    assert (player.voice_channel_id, player.error_code) == (ready.channel("Back room"), "")


async def test_the_person_becomes_the_requester(ready: Stage) -> None:
    await ready.slash("owner", "play", query="Long A")
    (item,) = await ready.items()
    assert item.requested_by is not None
    assert (item.requested_by.discord_id, item.requested_by.username) == (OWNER, "owner")


async def test_search_lists_matches_for_the_asker(ready: Stage) -> None:
    message = await ready.slash("member", "search", query="short")
    assert message["flags"] & EPHEMERAL
    assert card(message)["title"] == "Results for “short”"
    assert card(message)["description"] == (
        "1. Short E – The Generators · 0:01\n2. Short G – The Generators · 0:01"
    )
    assert card(message)["footer"]["text"] == "Add one with /play."
    for number in range(11):
        await in_thread(TrackFactory.create)(title=f"Song {number}", search_text=f"song {number}")
    many = card(await ready.slash("member", "search", query="song"))
    assert len(many["description"].splitlines()) == 10
    assert many["footer"]["text"] == "There are more. Add words to narrow the search."
    none = card(await ready.slash("member", "search", query="zzz"))
    assert none["description"] == "Nothing in the library matches. Try other words."
    assert await ready.items() == []


async def test_help_lists_every_command_by_subject(ready: Stage) -> None:
    message = await ready.slash("member", "help")
    assert message["flags"] & EPHEMERAL
    fields = card(message)["fields"]
    assert [field["name"] for field in fields] == [
        "Add tracks", "Player", "Skip and seek", "Queue", "Playlists", "History", "Help",
    ]  # fmt: skip
    listed = [line for field in fields for line in field["value"].splitlines()]
    commands = ready.sandbox.world.commands.values()
    slash = [
        (
            f"</{each['name']} {sub['name']}:{each['id']}>" if sub else f"</{each['name']}:{each['id']}>",
            sub or each,
        )
        for each in commands
        if each["type"] == 1
        for sub in [option for option in each.get("options", []) if option["type"] == 1] or [None]
    ]
    assert sorted(listed) == sorted(
        [f"{mention} {each['description']}" for mention, each in slash]
        + ["**Add to queue** In the menu of a message, under Apps."]
    )


async def test_volume_and_loop_are_set(playing: Stage) -> None:
    assert (await playing.slash("member", "volume", level=40))["content"] == "Volume set to 40%."
    reply = {"track": "The current track repeats until it is skipped.", "queue": "The queue repeats."}
    for what, sentence in (reply | {"off": "The loop is off."}).items():
        assert (await playing.slash("member", "loop", what=what))["content"] == sentence
        assert (await playing.player()).loop == what
        shown = {
            field["name"]: field["value"] for field in card(await playing.slash("dj", "nowplaying"))["fields"]
        }
        names = {"track": "The current track", "queue": "The queue"}
        assert shown.get("Loop") == names.get(what)
    assert (await playing.player()).volume == 40
