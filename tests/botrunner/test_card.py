"""The card: one message for each guild, with buttons, through the bot and the sandbox."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from alerts.message import plain
from botrunner.card import face
from botrunner.card.life import claim
from botrunner.card.scene import Scene
from botrunner.card.settle import settle
from botrunner.card.steps import Post, carry_out
from botrunner.models import Card
from library.models import Track
from queue_app.models import Player, QueueItem
from queue_app.player_states import PAUSED, SILENCES, STOPPED
from realtime.db import in_thread
from sandbox.actions import delete_message
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


def cards(stage: Stage, channel: str = "music") -> list[Any]:
    """Return the messages of a channel that have a card's buttons."""
    messages = stage.sandbox.world.channel_messages(stage.channel(channel))
    return [message for message in messages if "card:1:" in str(message.components)]


def shown(stage: Stage, channel: str = "music") -> str:
    return str([message.embeds for message in cards(stage, channel)])


async def card_that(stage: Stage, *words: str, channel: str = "music", without: tuple[str, ...] = ()) -> Any:
    """Wait for one card that shows these words and not those."""

    def there() -> Any:
        found = cards(stage, channel)
        reply = str([(message.embeds, message.components) for message in found])
        fits = all(word in reply for word in words) and not any(word in reply for word in without)
        return found[0] if len(found) == 1 and fits else None

    return await eventually(there, what=f"no card with {words}: {shown(stage, channel)}")


async def press(stage: Stage, user: str, message: Any, act: str) -> dict[str, Any]:
    """Press a button of a card. Returns the bot's answer."""
    buttons = [each for row in message.components for each in row["components"]]
    custom_id = next(
        each["custom_id"] for each in buttons if each.get("custom_id", "").startswith(f"card:1:{act}")
    )
    body = {"user": user, "message_id": message.id, "custom_id": custom_id}
    answer = await stage.http.post("/_sandbox/components", json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json() or {}
    return found


async def test_it_shows_what_plays_and_follows(playing: Stage) -> None:
    card = await card_that(playing, "Long A", "Now playing in Stage left", "Long C", "▬")
    assert card.embeds[0]["url"].startswith("http")
    await press(playing, "owner", card, "skip")
    await playing.hear(523)
    after = await card_that(playing, "Long C", without=("Long A",))
    assert after.id == card.id


async def test_its_buttons_do_what_they_say(playing: Stage) -> None:
    card = await card_that(playing, "Long A")
    await press(playing, "owner", card, "pause")
    await playing.status("paused")
    card = await card_that(playing, "Paused", "card:1:resume")
    await press(playing, "owner", card, "resume")
    await playing.hear(440)
    await press(playing, "owner", card, "loop")
    await card_that(playing, "'Queue'")
    assert (await playing.player()).loop == "queue"
    await press(playing, "owner", card, "stop")
    await playing.status("stopped")
    folded = await card_that(playing, "Queue finished", "1 track")
    assert folded.id == card.id
    await press(playing, "owner", folded, "again")
    await playing.hear(440)
    await eventually(lambda: len(cards(playing)) == 2, what="no new card beside the folded one")


async def test_a_refusal_is_told_the_presser_only(playing: Stage) -> None:
    await playing.sit("member", "Back room")
    card = await card_that(playing, "Long A")
    reply = await press(playing, "member", card, "stop")
    assert reply["flags"] & 64
    assert "DJs" in reply["content"]
    assert (await playing.player()).status == "playing"


async def test_its_queue_is_shown_to_the_presser_only(playing: Stage) -> None:
    card = await card_that(playing, "Long A")
    reply = await press(playing, "member", card, "queue")
    assert reply["flags"] & 64
    assert "Long C" in reply["embeds"][0]["description"]


async def test_a_second_press_does_not_skip_the_next_track(playing: Stage) -> None:
    card = await card_that(playing, "Long A")
    button = next(
        each["custom_id"]
        for row in card.components
        for each in row["components"]
        if each.get("custom_id", "").startswith("card:1:skip")
    )
    body = {"user": "owner", "message_id": card.id, "custom_id": button}
    await playing.http.post("/_sandbox/components", json=body)
    await playing.hear(523)
    playing.sandbox.world.messages[card.id].components = card.components  # as a client that shows it late
    reply = await playing.http.post("/_sandbox/components", json=body)
    assert reply.status_code in (200, 404)
    assert (await playing.player()).status == "playing"
    items: list[QueueItem] = await playing.items()
    assert [item.state for item in items] == ["skipped", "playing"]


async def test_a_restarted_bot_keeps_the_card(playing: Stage) -> None:
    card = await card_that(playing, "Long A")
    await playing.bots[0].stop()
    await playing.start_bot()
    await playing.hear(440)
    after = await card_that(playing, "Now playing in Stage left")
    assert after.id == card.id
    await press(playing, "owner", after, "skip")
    await playing.hear(523)


async def test_a_bot_that_stops_during_an_edit_leaves_no_lease(playing: Stage) -> None:
    """Otherwise the next bot would have to wait for the lease to expire."""
    await card_that(playing, "Now playing", "Long A", "Long C")
    await playing.fault("latency", method="PATCH", path="/channels/", ms=500, count=1)
    await playing.slash("owner", "volume", level=80)
    await eventually(lambda: in_thread(Card.objects.exclude(lease_owner="").exists)())
    await playing.bots[0].stop()
    assert not await in_thread(Card.objects.exclude(lease_owner="").exists)()


async def test_a_deleted_card_is_posted_again(playing: Stage) -> None:
    card = await card_that(playing, "Long A")
    delete_message(playing.sandbox.world, card)
    await playing.slash("owner", "volume", level=80)
    after = await card_that(playing, "80 %")
    assert after.id != card.id


async def test_it_moves_with_the_announcement_channel(playing: Stage) -> None:
    await card_that(playing, "Long A")
    owner = await owner_of(playing)
    await playing.do(owner, "ChangeSettings", announce_channel_id=playing.channel("general"))
    await card_that(playing, "Long A", channel="general")
    await eventually(lambda: not cards(playing), what="the old card is still there")


async def test_it_is_gone_when_the_setting_is_off(playing: Stage) -> None:
    await card_that(playing, "Long A")
    owner = await owner_of(playing)
    await playing.do(owner, "ChangeSettings", show_card=False)
    await eventually(lambda: not cards(playing), what="the card is still there")
    card = await in_thread(Card.objects.get)(pk=playing.guild_id)
    assert card.message_id == ""


async def test_other_messages_bury_it_and_it_is_posted_anew(playing: Stage) -> None:
    card = await card_that(playing, "Long A")
    for number in range(12):
        body = {"user": "owner", "channel_id": playing.channel("music"), "content": f"message {number}"}
        (await playing.http.post("/_sandbox/messages", json=body)).raise_for_status()
    await eventually(lambda: [each.id for each in cards(playing)] != [card.id], what="it stays buried")
    after = await card_that(playing, "Long A")
    assert after.id > card.id


# --- A process that dies ---


async def finish(stage: Stage) -> None:
    """Take the steps that are due, as a process that starts now."""

    def steps() -> None:
        for _ in range(10):
            step, _again = claim(stage.guild_id, owner="next", edited_at=None)
            if step is None:
                return
            settle(stage.guild_id, step, carry_out(step), owner="next")
        raise AssertionError("it never ends")

    await in_thread(steps)()


async def change(stage: Stage, **fields: Any) -> Card:
    """Set fields of the card's row, as a process leaves them that dies."""

    def update() -> Card:
        Card.objects.filter(pk=stage.guild_id).update(**fields)
        return Card.objects.get(pk=stage.guild_id)

    found: Card = await in_thread(update)()
    return found


@pytest.fixture
async def orphan(playing: Stage) -> tuple[Stage, Any]:
    """A card whose bot has ended."""
    message = await card_that(playing, "Long A")
    await playing.bots[0].stop()
    await finish(playing)
    return playing, message


async def test_killed_before_it_posts_there_is_one_card(orphan: tuple[Stage, Any]) -> None:
    stage, message = orphan
    delete_message(stage.sandbox.world, message)
    await change(stage, message_id="", nonce="abc", doubt_since=timezone.now())
    await finish(stage)
    await card_that(stage, "Long A")


@pytest.mark.parametrize("ago", [timedelta(seconds=5), timedelta(minutes=30)], ids=["at once", "much later"])
async def test_killed_after_it_posted_there_is_one_card(orphan: tuple[Stage, Any], ago: timedelta) -> None:
    stage, message = orphan
    if ago > timedelta(minutes=2):
        message.nonce = None  # Discord remembers it for a few minutes only
    await change(stage, message_id="", shown="", doubt_since=timezone.now() - ago)
    await finish(stage)
    assert (await card_that(stage, "Long A")).id == message.id
    assert (await change(stage)).message_id == message.id


async def test_killed_after_it_was_replaced_in_the_row_there_is_one_card(orphan: tuple[Stage, Any]) -> None:
    stage, message = orphan
    await change(
        stage,
        old_channel_id=message.channel_id,
        old_message_id=message.id,
        message_id="",
        channel_id="",
        shown="",
    )
    await finish(stage)
    assert (await card_that(stage, "Long A")).id != message.id
    assert (await change(stage)).old_message_id == ""


async def test_killed_before_the_old_one_is_deleted_there_is_one_card(orphan: tuple[Stage, Any]) -> None:
    stage, message = orphan
    await change(
        stage,
        old_channel_id=message.channel_id,
        old_message_id=message.id,
        message_id="",
        channel_id="",
        shown="",
    )

    def post_only() -> None:
        step, _again = claim(stage.guild_id, owner="dying", edited_at=None)
        assert isinstance(step, Post)
        settle(stage.guild_id, step, carry_out(step), owner="dying")

    await in_thread(post_only)()
    assert len(cards(stage)) == 2
    await finish(stage)
    assert (await card_that(stage, "Long A")).id != message.id


async def test_two_processes_do_not_take_the_same_step(orphan: tuple[Stage, Any]) -> None:
    stage, _message = orphan
    await change(stage, shown="other")

    def both() -> tuple[Any, Any]:
        first, _ = claim(stage.guild_id, owner="one", edited_at=None)
        second, _ = claim(stage.guild_id, owner="two", edited_at=None)
        return first, second

    first, second = await in_thread(both)()
    assert first is not None
    assert second is None


# --- What it looks like ---


def scene(
    *,
    title: str = "A song",
    artist: str | None = None,
    name: str = "Ines",
    position_ms: int = 0,
    volume: int = 100,
) -> Scene:
    track = Track(uri="library:a", title=title, artist=artist, duration_ms=90_000)
    item = QueueItem(pk=uuid.UUID(int=1), guild_id="1", track=track, requested_by=User(username=name))
    player = Player(pk="1", item=item, position_ms=position_ms, volume=volume)
    return Scene("1", player, item, [item] * 3, 10_000, None, "Stage left", None)


def total(embed: dict[str, Any]) -> int:
    texts = [embed.get("title", ""), embed.get("description", ""), embed["author"]["name"]]
    texts += [embed.get("footer", {}).get("text", "")]
    texts += [each[part] for each in embed.get("fields", []) for part in ("name", "value")]
    return sum(len(text.encode("utf-16-le")) // 2 for text in texts)


@given(title=st.text(max_size=2000), artist=st.text(max_size=500), name=st.text(min_size=1, max_size=80))
def test_whatever_a_title_holds_it_fits_and_mentions_nobody(title: str, artist: str, name: str) -> None:
    body = face.message(scene(title=title, artist=artist, name=name), nonce="n", embed=True, picture="")
    (embed,) = body["embeds"]
    assert total(embed) <= 6000
    assert len(embed["title"].encode("utf-16-le")) // 2 <= 256
    assert all(0 < len(each["value"].encode("utf-16-le")) // 2 <= 1024 for each in embed["fields"])
    assert body["allowed_mentions"] == {"parse": []}
    plain_body = face.message(
        scene(title=title, artist=artist, name=name), nonce="n", embed=False, picture=""
    )
    assert len(plain_body["content"].encode("utf-16-le")) // 2 <= 2000


@pytest.mark.parametrize(
    "title", ["@everyone", "<@&123>", "[x](http://evil.example)", "**bold** `code`", "‮gnp"]
)
def test_markup_in_a_title_stays_text(title: str) -> None:
    body = face.message(scene(title=title), nonce="n", embed=True, picture="")
    reply = body["embeds"][0]["title"]
    assert reply != title
    assert "<@&" not in reply
    assert "@everyone" not in reply


@pytest.mark.parametrize("language", ["en", "de"])
def test_it_says_why_nothing_is_heard(language: str) -> None:
    with translation.override(language):
        for code, silence in SILENCES.items():
            shown = scene()
            shown.player.paused, shown.player.stopped = code == PAUSED, code == STOPPED
            if code not in (PAUSED, STOPPED):
                shown.player.error_code = code
            (embed,) = face.message(shown, nonce="n", embed=True, picture="")["embeds"]
            assert plain(translation.gettext(silence.sentence), 500) in embed["description"], code


def test_the_digest_is_about_all_but_the_position() -> None:
    one = face.digest(scene(position_ms=1000))
    assert face.digest(scene(position_ms=60_000)) == one
    assert face.digest(scene(volume=50)) != one
    assert face.digest(scene(title="Another")) != one
