"""Presses that should not be: on old, foreign and deleted cards, a hundred at once, and delivered twice."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from botrunner.models import Card
from queue_app.models import QueueItem
from realtime.db import in_thread
from realtime.models import Event
from sandbox.actions import delete_message
from tests.botrunner.stage import Stage
from tests.botrunner.test_card import card_that, cards
from tests.botrunner.voice_watch import edit
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

EPHEMERAL = 1 << 6


def button_of(message: Any, act: str) -> str:
    buttons = [each for row in message.components for each in row["components"]]
    return next(
        str(each["custom_id"]) for each in buttons if each.get("custom_id", "").startswith(f"card:1:{act}")
    )


async def press(stage: Stage, message_id: str, custom_id: str, user: str = "owner") -> Any:
    body = {"user": user, "message_id": message_id, "custom_id": custom_id}
    return await stage.http.post("/_sandbox/components", json=body)


def plant(stage: Stage, card: Any, custom_id: str) -> None:
    """Give a card another button, as one from another version or guild has it."""
    button = {"type": 2, "style": 2, "id": 77, "custom_id": custom_id, "label": "?"}
    card.components = [*card.components, {"type": 1, "id": 76, "components": [button]}]


async def names(stage: Stage) -> list[str]:
    events = Event.objects.filter(store__name=f"guild:{stage.guild_id}", via="discord").order_by("seq")
    return list(await in_thread(lambda: list(events.values_list("name", flat=True)))())


def public(stage: Stage) -> list[Any]:
    messages = stage.sandbox.world.channel_messages(stage.channel("music"))
    return [each for each in messages if each.only_user_id is None]


async def test_a_press_on_an_old_or_foreign_card_is_answered_and_does_nothing(playing: Stage) -> None:
    card = await card_that(playing, "Long A", "Long C")
    before, messages = await names(playing), len(public(playing))
    for custom_id, words in [
        ("card:0:skip", "older version"),
        ("card:2:skip", "older version"),
        ("card:1:dance", "older version"),
        ("card:1", "older version"),
        ("card", "older version"),
        ("card:1:loop:sometimes", "off"),
        ("deck:1:skip", "no longer works"),
        (f"card:1:skip:{uuid.uuid4()}", "no longer playing"),
        ("card:1:skip:" + "9" * 88, "Must be the id of an item"),
        ("card:1:skip:'; DROP TABLE", "Must be the id of an item"),
    ]:
        plant(playing, card, custom_id)
        answer = (await press(playing, card.id, custom_id)).json()
        assert answer["flags"] & EPHEMERAL
        assert words in answer["content"], custom_id
    assert await names(playing) == before
    assert len(public(playing)) == messages
    assert (await playing.player()).status == "playing"

    # Its message is deleted while the press is on its way.
    body = press(playing, card.id, button_of(card, "pause"))
    await playing.fault("interaction", path="/$", ms=200)
    pressed = asyncio.create_task(body)
    await eventually(lambda: not playing.sandbox.faults.standing)
    delete_message(playing.sandbox.world, card)
    await pressed
    await playing.status("paused")
    after = await card_that(playing, "Paused")
    assert after.id != card.id
    assert (await press(playing, card.id, button_of(card, "pause"))).status_code == 404


async def test_a_hundred_presses_at_once_do_it_once(playing: Stage) -> None:
    card = await card_that(playing, "Long A", "Long C")
    messages, before = len(public(playing)), len(await names(playing))
    skip, loop = button_of(card, "skip"), button_of(card, "loop")
    people = ("owner", "dj")
    await playing.fault("interaction", path="/$", twice=True, count=20)
    answers = await asyncio.gather(
        *(press(playing, card.id, skip if at % 2 else loop, people[at // 2 % 2]) for at in range(100))
    )
    # Some come when the card has its next buttons, and on a busy machine some are answered too late for Discord.
    assert 200 in {answer.status_code for answer in answers} <= {200, 404, 504}
    await playing.hear(523)
    assert sorted((await names(playing))[before:]) == ["LoopChanged", "TrackSkipped"]
    assert (await playing.player()).loop == "queue"
    items: list[QueueItem] = await playing.items()
    assert [item.state for item in items][:2] == ["skipped", "playing"]
    notice = {text for answer in answers if (text := answer.json().get("content"))}
    assert notice <= {"Nothing is playing.", "This track is no longer playing."}
    assert len(public(playing)) == messages
    await card_that(playing, "Long C")


async def test_two_processes_that_get_the_same_press_do_it_once(playing: Stage) -> None:
    card = await card_that(playing, "Long A")
    await playing.start_bot()
    before = len(await names(playing))
    for act, status in (("pause", "paused"), ("resume", "playing"), ("loop", "playing")):
        card = await card_that(playing, f"card:1:{act}")
        answer = await press(playing, card.id, button_of(card, act))
        assert answer.status_code == 200
        await playing.status(status)
    assert (await names(playing))[before:] == ["PlayerPaused", "PlayerResumed", "LoopChanged"]
    assert len(cards(playing)) == 1


async def test_its_channel_is_deleted_while_it_is_edited(playing: Stage) -> None:
    await card_that(playing, "Long A", "Long C")
    await playing.fault("latency", method="PATCH", path="/messages/", ms=700, count=1)
    await playing.slash("owner", "volume", level=80)
    await eventually(lambda: not playing.sandbox.faults.standing, what="the card was not edited")
    await edit(playing, "delete_channel", channel_id=playing.channel("music"))

    async def forgotten() -> bool:
        row = await in_thread(Card.objects.get)(pk=playing.guild_id)
        return not row.message_id and row.doubt_since is None

    await eventually(forgotten, what="the row still has the message")
    body = {"user": "owner", "guild_id": playing.guild_id, "channel_id": playing.channel("general")}
    order = {"command": "play", "options": {"query": "Long C"}}
    (await playing.http.post("/_sandbox/interactions", json=body | order)).raise_for_status()
    await card_that(playing, "Long A", channel="general")
