"""Slash commands that show and change the queue, and what they undo."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from botrunner.cogs.history import left_out_sentence
from botrunner.suggestions import Suggestions
from library.models import Track
from queue_app.left_out import Restoring
from queue_app.models import Change, ItemState, Play, QueueItem
from realtime.db import in_thread
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.factories import TrackFactory

EPHEMERAL = 64


@pytest.fixture
async def filled(stage: Stage) -> Stage:
    """A bot with nobody in voice, and twelve tracks of the owner's in the queue."""
    await stage.start_bot()
    await stage.sit("member", None)
    await in_thread(make_tracks)(12)
    await stage.slash("owner", "play", query=f"library:{1:032}")
    owner = await owner_of(stage)
    await stage.do(owner, "AddTracks", uris=[f"library:{number:032}" for number in range(2, 13)])
    return stage


def make_tracks(count: int) -> None:
    for number in range(1, count + 1):
        TrackFactory.create(
            uri=f"library:{number:032}",
            title=f"Song {number}",
            artist="Band",
            search_text=f"song {number} band",
            duration_ms=61_000,
            resolved_at=timezone.now(),
        )


async def titles(stage: Stage) -> list[str | None]:
    waiting = [item for item in await stage.items() if item.state == ItemState.QUEUED]
    return [item.track.title for item in sorted(waiting, key=lambda item: item.rank)]


async def numbers(stage: Stage) -> list[int]:
    return [int(str(title).removeprefix("Song ")) for title in await titles(stage)]


async def reply(stage: Stage, user: str, command: str, **options: Any) -> str:
    message = await stage.slash(user, command, **options)
    assert not message["flags"] & EPHEMERAL, message
    return str(message["content"])


async def refused(stage: Stage, user: str, command: str, **options: Any) -> str:
    message = await stage.slash(user, command, **options)
    assert message["flags"] & EPHEMERAL, message
    return str(message["content"])


def card(message: dict[str, Any]) -> dict[str, Any]:
    (embed,) = message["embeds"]
    assert isinstance(embed, dict)
    return embed


async def test_the_queue_has_pages(filled: Stage) -> None:
    first = card(await filled.slash("member", "queue"))
    assert first["description"].splitlines()[0] == "1. Song 1 – Band · 1:01 · Maren"
    assert len(first["description"].splitlines()) == 10
    assert first["footer"]["text"] == "12 tracks · 12 min"
    second = card(await filled.slash("member", "queue", page=2))
    assert [line[:11] for line in second["description"].splitlines()] == ["11. Song 11", "12. Song 12"]
    assert second["footer"]["text"] == "12 tracks · 12 min"
    assert card(await filled.slash("member", "queue", page=3)) == second


async def test_buttons_turn_the_pages_for_who_asked(filled: Stage) -> None:
    message = await filled.slash("member", "queue")
    assert message["flags"] & EPHEMERAL
    back, where, onward = message["components"][0]["components"]
    assert (back["disabled"], where["label"], onward.get("disabled", False)) == (True, "1 of 2", False)
    press = {"user": "member", "message_id": message["id"], "custom_id": onward["custom_id"]}
    (await filled.http.post("/_sandbox/components", json=press)).raise_for_status()
    shown = filled.sandbox.world.messages[message["id"]]
    assert shown.embeds[0]["description"].startswith("11. Song 11")
    back, where, onward = shown.components[0]["components"]
    assert (back.get("disabled", False), where["label"], onward["disabled"]) == (False, "2 of 2", True)
    await filled.bots[0].stop()
    await filled.start_bot()
    press["custom_id"] = back["custom_id"]
    (await filled.http.post("/_sandbox/components", json=press)).raise_for_status()
    assert filled.sandbox.world.messages[message["id"]].embeds[0]["description"].startswith("1. Song 1 ")


async def test_a_button_that_nobody_knows_is_answered(filled: Stage) -> None:
    message = await filled.slash("member", "queue")
    button = filled.sandbox.world.messages[message["id"]].components[0]["components"][2]
    for odd in (
        "old:1",
        "turn",
        "turn:2:queue:1",
        "turn:1:songs:1",
        "turn:1:queue:\u0663",
        "turn:1:queue:1:1",
    ):
        button["custom_id"] = odd
        press = {"user": "member", "message_id": message["id"], "custom_id": odd}
        answer = await filled.http.post("/_sandbox/components", json=press)
        assert answer.json()["content"] == "This button no longer works.", odd


async def test_tracks_are_removed_by_number_range_and_title(filled: Stage) -> None:
    assert await reply(filled, "owner", "remove", number="2") == "Removed **Song 2 – Band**."
    assert await reply(filled, "owner", "remove", number="3-5") == "Removed 3 tracks."
    assert await numbers(filled) == [1, 3, 7, 8, 9, 10, 11, 12]
    assert await reply(filled, "owner", "remove", number="song 8") == "Removed **Song 8 – Band**."
    assert await reply(filled, "owner", "remove", number="#7–99") == "Removed **Song 12 – Band**."
    assert await numbers(filled) == [1, 3, 7, 9, 10, 11]
    assert await refused(filled, "owner", "remove", number="7-9") == (
        "There is no track number 7 in the queue. It has 6 tracks."
    )
    assert await refused(filled, "owner", "remove", number="song 1") == (
        "Several tracks in the queue match “song 1”. Choose a suggestion, or type a number."
    )
    assert await refused(filled, "owner", "remove", number="zzz") == (
        "No track in the queue matches “zzz”. Choose a suggestion, or type a number in /queue."
    )
    assert await refused(filled, "member", "remove", number="1") == (
        "Only the requester or a DJ may remove this track."
    )
    assert await numbers(filled) == [1, 3, 7, 9, 10, 11]


async def test_a_suggestion_stays_its_track_when_the_numbers_change(filled: Stage) -> None:
    found = await filled.suggestions("owner", "remove", "number", "song 7")
    assert list(found) == ["7. Song 7 – Band"]
    await reply(filled, "owner", "remove", number="1")
    assert (
        await reply(filled, "owner", "remove", number=found["7. Song 7 – Band"])
        == "Removed **Song 7 – Band**."
    )
    assert await refused(filled, "owner", "remove", number=found["7. Song 7 – Band"]) == (
        "This track is no longer in the queue."
    )
    # Clients have sent the name, which is out of date here, and here it is not.
    assert "match" in await refused(filled, "owner", "remove", number="7. Song 7 – Band")
    assert await reply(filled, "owner", "remove", number="7. Song 9 – Band ") == "Removed **Song 9 – Band**."


async def test_tracks_are_suggested_by_number_and_title(filled: Stage) -> None:
    every = await filled.suggestions("member", "jump", "number", "")
    assert list(every) == [f"{number}. Song {number} – Band" for number in range(1, 13)]
    assert list(await filled.suggestions("member", "move", "number", "2")) == [
        "2. Song 2 – Band",
        "12. Song 12 – Band",
    ]
    assert await filled.suggestions("member", "remove", "number", "3-7") == {"Number 3 to 7: 5 tracks": "3-7"}
    assert await filled.suggestions("member", "jump", "number", "3-7") == {}
    assert await filled.suggestions("member", "jump", "number", "zzz") == {}


async def test_a_queue_of_many_suggests_25_that_discord_takes(stage: Stage) -> None:
    await stage.start_bot()
    owner = await stage.join_program("1187442033927590000", "someone")

    def fill() -> None:
        track = TrackFactory.create(title="x" * 300, artist="y" * 300, search_text="x y")
        QueueItem.objects.bulk_create(
            QueueItem(guild_id=stage.guild_id, track=track, requested_by=owner, rank=rank)
            for rank in range(200)
        )

    await in_thread(fill)()
    found = await stage.suggestions("member", "jump", "number", "x")
    assert len(found) == 25
    assert list(found)[24].startswith("25. xxx")
    assert next(iter(found)).endswith("…")
    assert len(await Suggestions().queued(stage.guild_id, "150")) == 1


async def test_a_track_is_moved_by_number_and_title(filled: Stage) -> None:
    assert await reply(filled, "owner", "move", number="12", to=1) == "Moved **Song 12 – Band** to number 1."
    assert (
        await reply(filled, "owner", "move", number="song 9", to=99)
        == "Moved **Song 9 – Band** to number 12."
    )
    assert await numbers(filled) == [12, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 9]
    assert await refused(filled, "owner", "move", number="1-2", to=3) == (
        "Choose one track: type its number in /queue, such as 3."
    )


async def test_undo_says_what_it_undid_and_redo_too(filled: Stage) -> None:
    assert await reply(filled, "owner", "clear") == "Removed 12 tracks."
    assert await refused(filled, "member", "undo") == "There is nothing to undo."
    assert await reply(filled, "owner", "undo") == "Undid: *You cleared 12 tracks.*"
    assert await numbers(filled) == list(range(1, 13))
    assert await reply(filled, "owner", "redo") == "Redid: *You cleared 12 tracks.*"
    assert await numbers(filled) == []
    assert await refused(filled, "owner", "redo") == "There is nothing to redo."


async def test_undo_and_redo_of_a_change_that_was_chosen(filled: Stage) -> None:
    for level in (30, 40):
        await reply(filled, "owner", "volume", level=level)
    await in_thread(age_changes)(minutes=5)
    await reply(filled, "dj", "shuffle")
    found = await filled.suggestions("owner", "undo", "change", "")
    assert list(found) == [
        "Tomas shuffled 12 tracks · just now",  # a manager may undo everybody's
        "You set the volume to 40% · 5\xa0minutes ago",
        "You set the volume to 30% · 5\xa0minutes ago",
        "You added 11 tracks · 5\xa0minutes ago",
        "You added Song 1 · 5\xa0minutes ago",
    ]
    assert list(await filled.suggestions("owner", "undo", "change", "VOLUME 3")) == list(found)[2:3]
    assert await filled.suggestions("member", "undo", "change", "") == {}
    assert (
        await reply(filled, "owner", "undo", change=list(found.values())[3])
        == "Undid: *You added 11 tracks.*"
    )
    assert await reply(filled, "owner", "undo", change="set 40%") == "Undid: *You set the volume to 40%.*"
    assert await refused(filled, "owner", "undo", change="You") == (
        "Several changes match “You”. Choose a suggestion."
    )
    assert await refused(filled, "member", "undo", change="volume") == (
        "No change that you may choose matches “volume”. Choose a suggestion."
    )
    assert await refused(filled, "owner", "undo", change="999999") == "There is nothing to undo."
    undone = await filled.suggestions("owner", "redo", "change", "")
    assert list(undone) == [list(found)[1], list(found)[3]]
    assert (
        await reply(filled, "owner", "redo", change=list(undone.values())[1])
        == "Redid: *You added 11 tracks.*"
    )


def age_changes(*, minutes: int) -> None:
    Change.objects.update(created_at=timezone.now() - timedelta(minutes=minutes, seconds=1))


async def test_undo_says_what_it_left_out(filled: Stage) -> None:
    await reply(filled, "owner", "remove", number="1-3")
    gone = [item for item in await filled.items() if item.state == ItemState.REMOVED]
    await in_thread(QueueItem.objects.filter(pk__in=[item.pk for item in gone[:2]]).update)(state="queued")
    assert await reply(filled, "owner", "undo") == (
        "Undid: *You removed 3 tracks.* 2 tracks were left out, because they are already in the queue."
    )
    await reply(filled, "owner", "volume", level=30)
    await reply(filled, "dj", "volume", level=60)
    assert await refused(filled, "owner", "undo") == "This was changed again in the meantime."


def test_every_reason_for_leaving_out_has_its_sentence() -> None:
    reasons = set(Restoring)
    unknown = left_out_sentence("LATER", 2)
    assert unknown == "2 tracks were left out."
    assert unknown not in {left_out_sentence(reason, 2) for reason in reasons}


async def test_shuffle_changes_the_order_and_undo_restores_it(filled: Stage) -> None:
    assert await reply(filled, "owner", "shuffle") == "Shuffled 12 tracks."
    shuffled = await numbers(filled)
    assert shuffled != sorted(shuffled)
    assert await reply(filled, "owner", "undo") == "Undid: *You shuffled 12 tracks.*"
    assert await numbers(filled) == sorted(shuffled)
    await reply(filled, "owner", "clear")
    assert await refused(filled, "owner", "shuffle") == "There is nothing to shuffle."


async def test_tracks_of_one_person_are_cleared(filled: Stage) -> None:
    for name in ("song 1 band", "song 2 band"):
        track = await in_thread(Track.objects.filter(search_text=name).get)()
        await filled.slash("member", "play", query=track.uri)
    assert await refused(filled, "dj", "clear", whose="mine") == "You have no tracks in the queue."
    nobody = await refused(filled, "owner", "clear", member="dj")
    assert nobody.endswith("has no tracks in the queue.")
    assert await reply(filled, "owner", "clear", member="member") == "Removed 2 tracks."
    assert len(await numbers(filled)) == 12
    await filled.slash("member", "play", query="song 1")
    assert await reply(filled, "member", "clear", whose="mine") == "Removed 1 track."
    assert await reply(filled, "owner", "clear", whose="all") == "Removed 12 tracks."
    assert await refused(filled, "owner", "clear") == "The queue is already empty."


async def test_duplicates_and_tracks_of_absent_people_are_cleaned_up(filled: Stage) -> None:
    assert await refused(filled, "owner", "cleanup", what="duplicates") == (
        "There are no duplicates in the queue."
    )
    await filled.slash("member", "play", query=f"library:{3:032}")
    assert await reply(filled, "owner", "cleanup", what="duplicates") == "Removed 1 track."
    assert await refused(filled, "owner", "cleanup", what="absent") == "The bot is not in a voice channel."
    await reply(filled, "owner", "pause")
    await filled.sit("member", "Stage left")
    await reply(filled, "member", "join")
    assert await reply(filled, "owner", "cleanup", what="absent") == "Removed 12 tracks."
    assert await refused(filled, "owner", "cleanup", what="absent") == (
        "Everyone who has tracks in the queue is in the voice channel."
    )


async def test_history_shows_who_and_how_it_ended(playing: Stage) -> None:
    await playing.slash("owner", "skip")
    await playing.hear(523)
    message = await playing.slash("member", "history")
    assert message["flags"] & EPHEMERAL
    newest, first = card(message)["description"].splitlines()
    assert newest.startswith("1. Long C – The Generators · Maren · <t:")
    assert newest.endswith(":R> · playing")
    assert first.startswith("2. Long A – The Generators · Maren · <t:")
    assert ":R> · skipped after 0:0" in first
    assert "footer" not in card(message)


async def test_history_has_pages(filled: Stage) -> None:
    empty = card(await filled.slash("member", "history"))
    assert empty["description"] == "Nothing was played yet."

    def play() -> None:
        for item in QueueItem.objects.filter(guild_id=filled.guild_id).order_by("rank"):
            Play.objects.create(
                guild_id=filled.guild_id, item=item, track=item.track, requested_by=item.requested_by,
                started_at="2026-01-01T00:00Z", ended_at="2026-01-01T00:01Z", day="2026-01-01", outcome="played",
            )  # fmt: skip

    await in_thread(play)()
    first = card(await filled.slash("member", "history"))
    assert first["description"].splitlines()[0] == "1. Song 12 – Band · Maren · <t:1767225600:R> · played"
    assert (len(first["description"].splitlines()), first["footer"]["text"]) == (10, "Page 1")
    second = card(await filled.slash("member", "history", page=2))
    assert [line.partition(" – ")[0] for line in second["description"].splitlines()] == [
        "11. Song 2",
        "12. Song 1",
    ]
    third = card(await filled.slash("member", "history", page=3))
    assert third["description"] == "The history has no such page."


async def press(stage: Stage, user: str, message: dict[str, Any]) -> dict[str, Any]:
    """Press the only button of a message."""
    shown = stage.sandbox.world.messages[message["id"]]
    (button,) = shown.components[0]["components"]
    body = {"user": user, "message_id": message["id"], "custom_id": button["custom_id"]}
    answer = await stage.http.post("/_sandbox/components", json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json() or {}
    return found


async def test_a_reply_offers_to_undo_what_it_tells(filled: Stage) -> None:
    message = await filled.slash("owner", "clear")
    assert await titles(filled) == []
    refusal = await press(filled, "member", message)
    assert refusal["flags"] & EPHEMERAL
    assert await titles(filled) == []
    await press(filled, "owner", message)
    assert await numbers(filled) == list(range(1, 13))
    shown = filled.sandbox.world.messages[message["id"]]
    assert shown.content == "Undid: *Maren cleared 12 tracks.*"
    await press(filled, "owner", message)
    assert await titles(filled) == []
    assert filled.sandbox.world.messages[message["id"]].content == "Redid: *Maren cleared 12 tracks.*"


async def test_what_cannot_be_undone_offers_nothing(filled: Stage) -> None:
    assert not (await filled.slash("owner", "pause"))["components"]
    assert not (await filled.slash("member", "queue", page=2))["components"][0]["components"][0][
        "custom_id"
    ].startswith("undo")


async def test_an_added_track_is_taken_back_by_its_button(filled: Stage) -> None:
    message = await filled.slash("member", "play", query="Song 3")
    assert len(await titles(filled)) == 13
    await press(filled, "member", message)
    assert await numbers(filled) == list(range(1, 13))
    shown = filled.sandbox.world.messages[message["id"]]
    assert (shown.content.startswith("Undid: "), shown.embeds) == (True, [])
