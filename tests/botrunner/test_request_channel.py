"""Request channels, through the bot and the sandbox: what is queued, what is removed, and what is said about it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from botrunner.models import ToldLack
from botrunner.request_channel.channels import RequestChannels
from botrunner.request_channel.replies import refusal
from botrunner.request_channel.rows import missing_to_remove
from guilds.models import GuildSettings
from realtime.db import in_thread
from sandbox import actions
from sandbox.model import Member, Message, User
from sandbox.permissions import MANAGE_MESSAGES, READ_MESSAGE_HISTORY
from sandbox.seed import BOT_PERMISSIONS, BOT_ROLE, LOUNGE
from tests.botrunner.stage import Stage
from tests.botrunner.test_card import card_that, cards
from tests.botrunner.test_files import opus, upload
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

CHANNEL = "general"
EPHEMERAL = 1 << 6


class Clock:
    """Holds back what would happen after a pause, until `tick`."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._tick = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._tick.wait()

    def tick(self) -> None:
        self._tick.set()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(RequestChannels, "pause", staticmethod(clock.pause))
    return clock


@pytest.fixture
def calls(stage: Stage) -> list[str]:
    """The deletions that the bot asks for."""
    found: list[str] = []

    def observe(method: str, path: str, status: int, body: Any) -> None:
        if method == "DELETE" or path.endswith("/bulk-delete"):
            found.append(f"{method} {path.rpartition('/messages/')[2]} {status}")

    stage.sandbox.observers.append(observe)
    return found


async def grant(stage: Stage, permissions: int) -> None:
    order = {"change": "edit_role", "role_id": BOT_ROLE, "permissions": str(permissions)}
    (await stage.http.post(f"/_sandbox/guilds/{LOUNGE}", json=order)).raise_for_status()


async def open_channel(stage: Stage, *, manages: bool = True) -> None:
    """Make a channel the request channel, in a guild with a bot."""
    allowed = BOT_PERMISSIONS | READ_MESSAGE_HISTORY
    await grant(stage, allowed | MANAGE_MESSAGES if manages else allowed)
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    channel_id = stage.channel(CHANNEL)
    await in_thread(GuildSettings.objects.filter(pk=LOUNGE).update)(request_channel_id=channel_id)
    lacks = in_thread(missing_to_remove)
    wanted = 0 if manages else MANAGE_MESSAGES
    await eventually(lambda: _is(lacks(LOUNGE, channel_id), wanted))


async def _is(found: Any, wanted: object) -> bool:
    return bool(await found == wanted)


async def restart(stage: Stage) -> None:
    await stage.bots[0].stop()
    before = set(stage.sandbox.gateway.sessions)
    await stage.start_bot()
    await eventually(lambda: set(stage.sandbox.gateway.sessions) - before)


async def say(stage: Stage, content: str = "", *files: Any, user: str = "owner") -> dict[str, Any]:
    ids = [await upload(stage, file, user) for file in files]
    body = {"user": user, "channel_id": stage.channel(CHANNEL), "content": content, "attachments": ids}
    answer = await stage.http.post("/_sandbox/messages", json=body)
    answer.raise_for_status()
    message: dict[str, Any] = answer.json()
    return message


def messages(stage: Stage) -> list[Message]:
    """Return the messages of the channel, without cards."""
    found = stage.sandbox.world.channel_messages(stage.channel(CHANNEL))
    return [message for message in found if "card:1:" not in str(message.components)]


async def empty(stage: Stage) -> None:
    await eventually(lambda: not messages(stage), what="messages are left")


async def titles(stage: Stage) -> list[str]:
    return [item.track.title or item.track.uri for item in await stage.items()]


async def queued(stage: Stage, *wanted: str) -> None:
    async def so() -> bool:
        return await titles(stage) == list(wanted)

    await eventually(so, what=f"not queued: {wanted}")


async def refused(stage: Stage, *words: str) -> Message:
    """Wait for an answer of the bot with these words."""
    bot_id = stage.sandbox.world.bot_id

    def there() -> Message | None:
        reply = [each for each in messages(stage) if each.author_id == bot_id]
        return next((each for each in reply if all(word in each.content for word in words)), None)

    found: Message = await eventually(
        there, what=f"no answer with {words}: {[each.content for each in messages(stage)]}"
    )
    return found


async def test_every_message_is_queued_and_removed(stage: Stage, library: Path, calls: list[str]) -> None:
    await open_channel(stage)
    await say(stage, "long a")
    await stage.hear(440)
    await empty(stage)
    await say(stage, "", opus(library, "Short E", "my song.opus"))
    await empty(stage)
    await say(stage, "<https://radio.example/a.mp3> and https://radio.example/b.mp3", user="member")
    await empty(stage)
    items = await stage.items()
    assert [item.track.title for item in items[:2]] == ["Long A", "Short E"]
    links = {"https://radio.example/a.mp3", "https://radio.example/b.mp3"}
    assert {item.track.uri for item in items[2:]} == links
    assert {str(item.requested_by) for item in items} == {"Maren", "Ines"}
    card = await card_that(stage, "Long A", channel=CHANNEL)
    del calls[:]
    # Many at once keep their order, and do not push the card out of sight.
    for number in range(50):
        await say(stage, "long c" if number % 2 else "short g")
    await empty(stage)
    assert (await titles(stage))[4:] == ["Short G", "Long C"] * 25
    assert sum("bulk" in call for call in calls) == len(calls) or len(calls) < 25, calls
    assert [each.id for each in cards(stage, CHANNEL)] == [card.id]


async def test_a_refusal_is_shown_for_eight_seconds(stage: Stage, clock: Clock, calls: list[str]) -> None:
    await open_channel(stage)
    asked = await say(stage, "@everyone [free](evil) <@&1>", user="member")
    reply = await refused(stage, "Nothing in the library matches", r"\[free\](")
    assert reply.reference is not None
    assert reply.reference["message_id"] == asked["id"]
    assert (reply.mentions, reply.mention_roles, reply.mention_everyone) == ([], [], False)
    await in_thread(GuildSettings.objects.update)(max_per_person=1, language="de")
    await restart(stage)
    assert not messages(stage)  # what was still shown was removed when the bot stopped
    await say(stage, "long a", user="member")
    await say(stage, "long c", user="member")
    await say(stage, "short g", user="member")
    await refused(stage, "Limit von")
    await say(stage, "", ("cover.png", b"\x89PNG\r\n\x1a\n", "image/png"), user="member")
    await refused(stage, "Audiodatei")
    assert set(clock.asked) == {8.0}
    assert len(messages(stage)) == 4
    clock.tick()
    await empty(stage)
    assert await titles(stage) == ["Long A", "Long C"]


async def test_what_is_no_request_stays(stage: Stage, clock: Clock) -> None:
    await open_channel(stage)
    world = stage.sandbox.world
    channel = world.channels[stage.channel(CHANNEL)]
    world.users["77"] = User("77", "otherbot", bot=True)
    world.members[LOUNGE, "77"] = Member(LOUNGE, "77", "2025-04-02T09:11:07.554000+00:00")
    other = actions.send_message(world, channel, "77", {"content": "long a"})
    await stage.http.post("/_sandbox/messages/pin", json={"user": "owner", "message_id": other.id})
    actions.announce(world, channel.id, "77", actions.JOIN_NOTICE)
    own = actions.send_message(world, channel, world.bot_id, {"content": "long a"})
    await say(stage, "long c")
    await queued(stage, "Long C")
    await eventually(lambda: len(messages(stage)) == 4, what="something was removed")
    assert [each.type for each in messages(stage)] == [0, 6, 7, 0]
    assert own.id in world.messages


async def test_without_manage_messages_requests_are_queued_and_it_says_so_once(stage: Stage) -> None:
    await open_channel(stage, manages=False)
    first = await say(stage, "long a")
    await refused(stage, "Manage Messages", "permissions=")
    await say(stage, "long c")
    edit = {"user": "owner", "message_id": first["id"], "content": "short e"}
    (await stage.http.post("/_sandbox/messages/edit", json=edit)).raise_for_status()
    await restart(stage)
    await say(stage, "short g")
    await queued(stage, "Long A", "Long C", "Short G")
    await eventually(lambda: len(messages(stage)) == 4)
    # Once the bot may, it removes what comes then, and would say it again if that changed.
    await grant(stage, BOT_PERMISSIONS | MANAGE_MESSAGES)
    await eventually(lambda: _is(in_thread(missing_to_remove)(LOUNGE, stage.channel(CHANNEL)), 0))
    late = await say(stage, "long a")
    await eventually(lambda: late["id"] not in stage.sandbox.world.messages)
    notice = in_thread(ToldLack.objects.filter(feature="request").exists)
    await eventually(lambda: _is(notice(), False))


async def test_without_the_intent_it_says_what_is_missing(stage: Stage, clock: Clock) -> None:
    await stage.fault("content_intent", granted=False)
    await open_channel(stage)
    await say(stage, "long a")
    await refused(stage, "Message Content Intent")
    clock.tick()
    await empty(stage)
    await say(stage, f"<@{stage.sandbox.world.bot_id}> long c")
    await queued(stage, "Long C")
    await empty(stage)


async def test_a_message_that_is_delivered_again_is_queued_once(stage: Stage) -> None:
    """As after a process died between queueing and deleting, and as with two processes."""
    await open_channel(stage)
    await stage.fault("http_status", method="DELETE", path="/messages/", status=500, count=20)
    message = await say(stage, "long a")
    await queued(stage, "Long A")
    delivered = stage.sandbox.world.messages[message["id"]]
    await stage.start_bot()
    await stage.http.delete("/_sandbox/faults")
    actions._emit(stage.sandbox.world, "MESSAGE_CREATE", delivered)
    await empty(stage)
    await say(stage, "no such thing")
    await refused(stage, "Nothing in the library matches")
    await say(stage, "long c")
    await queued(stage, "Long A", "Long C")
    assert len([each for each in messages(stage) if "Nothing" in each.content]) <= 1


async def test_what_a_killed_process_left_is_removed_by_the_next(stage: Stage, clock: Clock) -> None:
    """Killed between queueing and removing, and while a refusal was shown. What it never saw stays."""
    await open_channel(stage)
    await say(stage, "no such thing")
    await refused(stage, "Nothing in the library matches")
    await stage.fault("http_status", method="DELETE", path="/messages/", status=500, count=100)
    await stage.fault("http_status", method="POST", path="/bulk-delete", status=500, count=100)
    kept = await say(stage, "long a")
    await queued(stage, "Long A")
    await stage.bots[0].stop()  # which can remove nothing, as if it had been killed
    unseen = await say(stage, "long c")
    assert {each.id for each in messages(stage)} > {kept["id"], unseen["id"]}
    assert len(messages(stage)) == 4
    await stage.http.delete("/_sandbox/faults")
    await stage.start_bot()
    await eventually(lambda: len(messages(stage)) == 3, what="the queued request was not removed")
    clock.tick()
    await eventually(lambda: [each.id for each in messages(stage)] == [unseen["id"]])
    await queued(stage, "Long A")
    assert len(cards(stage, CHANNEL)) == 1


async def test_commands_in_the_channel_are_answered_to_the_asker_only(stage: Stage) -> None:
    await open_channel(stage)
    body = {"user": "owner", "guild_id": LOUNGE, "channel_id": stage.channel(CHANNEL)}
    for command, options in (("play", {"query": "long a"}), ("volume", {"level": 30})):
        order = body | {"command": command, "options": options}
        answer = await stage.http.post("/_sandbox/interactions", json=order)
        assert answer.json()["flags"] & EPHEMERAL
    await queued(stage, "Long A")
    assert not (await stage.slash("owner", "volume", level=40))["flags"] & EPHEMERAL  # in another channel
    await card_that(stage, "Long A", channel=CHANNEL)
    assert not [each for each in messages(stage) if each.only_user_id is None]


async def test_the_card_is_the_only_message(stage: Stage) -> None:
    await open_channel(stage)
    await in_thread(GuildSettings.objects.update)(announce_channel_id=stage.channel("music"))
    await say(stage, "long a")
    await card_that(stage, "Long A", channel=CHANNEL)
    await stage.slash("owner", "stop")
    folded = await card_that(stage, "Queue finished", channel=CHANNEL)
    await say(stage, "long c")
    card = await card_that(stage, "Long C", channel=CHANNEL)
    assert card.id != folded.id
    assert not cards(stage, "music")


@pytest.mark.parametrize("text", [r"\[x](y)", r"\\[x](y)", "[x](y)", r"\\\[x](y)", "`a` **b**"])
def test_markup_in_a_refusal_stays_text(text: str) -> None:
    reply = refusal([text], to=1, as_reply=True)
    content = reply["content"]
    for at, char in enumerate(content):
        if char in "[]`*":
            before = content[:at]
            assert (len(before) - len(before.rstrip("\\"))) % 2, content
    assert reply["allowed_mentions"]["parse"] == []
