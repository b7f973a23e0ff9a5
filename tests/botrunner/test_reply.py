"""Slash commands are answered in time and with their outcome, whatever the database and Discord do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from django.db import OperationalError, connection

from botrunner import database, reply
from botrunner.database import from_database
from realtime.db import in_thread
from realtime.models import Event
from sandbox import interactions
from sandbox.interactions import DEFER, Interaction
from tests.botrunner.conftest import TONES
from tests.botrunner.locks import break_connections, nobody_writes
from tests.botrunner.stage import Stage
from tests.waiting import eventually

EPHEMERAL = 64


@pytest.fixture
async def ready(stage: Stage, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Stage]:
    """A bot, with nobody in voice. Fails if a traceback is logged."""
    caplog.set_level(logging.DEBUG, logger="botrunner.reply")
    await stage.start_bot()
    yield stage
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def newest(stage: Stage) -> Interaction | None:
    return next(reversed(stage.sandbox.interactions.by_token.values()), None)


async def deferred(stage: Stage) -> Interaction:
    """Wait until the newest interaction is deferred, which Discord accepts only within three seconds."""
    asked = newest(stage)

    def taken() -> Interaction | None:
        found = newest(stage)
        return found if found is not asked and found and found.answer_type is not None else None

    found: Interaction = await eventually(taken, what="no answer")
    assert found.answer_type == DEFER
    return found


def typed(stage: Stage, command: str, **options: Any) -> asyncio.Task[dict[str, Any]]:
    return asyncio.create_task(stage.slash("member", command, **options))


@pytest.mark.both_databases
async def test_a_command_waits_for_the_database_and_is_done_once(ready: Stage) -> None:
    with nobody_writes() as release:
        waiting = typed(ready, "play", query="long a")
        asked = await deferred(ready)
        assert asked.original_id is not None
        assert not ready.sandbox.world.messages[asked.original_id].flags & EPHEMERAL
        release()
        message = await waiting
    assert message["embeds"][0]["title"] == "Added"
    assert message["id"] == asked.original_id
    assert len(await ready.items()) == 1


async def test_a_refusal_of_a_public_deferral_is_for_the_asker_only(ready: Stage) -> None:
    with nobody_writes() as release:
        waiting = typed(ready, "skip")
        asked = await deferred(ready)
        release()
        message = await waiting
    assert message["content"] == "Nothing is playing."
    assert message["flags"] & EPHEMERAL
    assert asked.original_id not in ready.sandbox.world.messages  # others do not keep seeing "thinking…"


@pytest.mark.both_databases
async def test_what_only_the_asker_may_see_is_deferred_so(ready: Stage) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's readers wait for nobody")
    with nobody_writes() as release:
        waiting = typed(ready, "queue")
        asked = await deferred(ready)
        release()
        message = await waiting
    assert message["id"] == asked.original_id
    assert message["flags"] & EPHEMERAL
    assert message["embeds"][0]["description"] == "The queue is empty."


async def test_what_comes_twice_is_done_once(ready: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await ready.fault("interaction", path="/play", twice=True)
    assert (await ready.slash("member", "play", query="long a"))["embeds"][0]["title"] == "Added"
    await eventually(lambda: "delivered twice" in caplog.text)
    assert len(await ready.items()) == 1
    messages = ready.sandbox.world.channel_messages(ready.channel("music"))
    assert len([each for each in messages if each.via_webhook]) == 1  # besides the card


async def test_what_comes_too_late_is_not_done(ready: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await ready.fault("interaction", path="/play", ms=3_200)
    with pytest.raises(httpx.HTTPStatusError):
        await ready.slash("member", "play", query="long a")
    await eventually(lambda: "s late" in caplog.text)
    assert f"Guild {ready.guild_id}: /play" in caplog.text
    assert await ready.items() == []


async def test_what_comes_late_is_deferred_before_it_is_done(ready: Stage) -> None:
    await ready.fault("interaction", path="/play", ms=1_500)
    waiting = typed(ready, "play", query="long a")
    await deferred(ready)
    assert (await waiting)["embeds"][0]["title"] == "Added"


async def test_an_answer_whose_receipt_is_lost_is_not_given_twice(ready: Stage) -> None:
    await ready.fault("latency", path="/callback", ms=1_500, count=1, done=True)
    assert (await ready.slash("member", "play", query="long a"))["embeds"][0]["title"] == "Added"
    with nobody_writes() as release:  # the same for a deferral
        await ready.fault("latency", path="/callback", ms=9_000, count=1, done=True)
        waiting = typed(ready, "play", query="long c")
        await deferred(ready)
        release()
        assert (await waiting)["embeds"][0]["description"].startswith("**Long C")
    assert len(await ready.items()) == 2


async def test_what_cannot_be_told_any_more_is_logged_with_what_it_was(
    ready: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with nobody_writes() as release:
        waiting = typed(ready, "play", query="long a")
        await deferred(ready)
        monkeypatch.setattr(interactions, "TOKEN_SECONDS", 0)  # as after 15 minutes
        release()
        await eventually(lambda: "could not be answered" in caplog.text)
    waiting.cancel()
    assert f"Guild {ready.guild_id}: /play" in caplog.text
    assert "50027" in caplog.text
    assert "Long A" in caplog.text
    assert len(await ready.items()) == 1


@pytest.mark.both_databases
async def test_whatever_discord_answers_to_replies_each_command_is_done_once(
    ready: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = [(500, 0), (429, 0), (403, 50001), (403, 50013), (404, 10008), (404, 10062), (400, 30046)]
    for path in ("/callback", "/webhooks/"):
        for status, code in refusals:
            kind = {"kind": "rate_limit", "retry_after": 0.05} if status == 429 else {"kind": "http_status"}
            await ready.fault(**kind, path=path, status=status, code=code, count=1)
    levels = range(10, 10 + 2 * len(refusals))
    await asyncio.gather(
        *(ready.slash("owner", "volume", level=level) for level in levels), return_exceptions=True
    )
    changed = Event.objects.filter(name="VolumeChanged")
    await eventually(lambda: _count(changed, len(levels)), what="a command was not done")
    notice = [
        each.content for each in ready.sandbox.world.messages.values() if "Volume set to" in each.content
    ]
    assert len(notice) == len(set(notice))


async def _count(events: Any, wanted: int) -> bool:
    return bool(await in_thread(events.count)() == wanted)


async def test_a_bot_that_ends_tells_those_who_wait(ready: Stage) -> None:
    with nobody_writes() as release:
        waiting = typed(ready, "play", query="long a")
        await deferred(ready)
        stopping = asyncio.create_task(ready.bots[0].stop())
        message = await waiting
        release()
        await stopping
    assert message["content"] == reply.CLOSING
    assert message["flags"] & EPHEMERAL
    if connection.vendor == "sqlite":
        # Reads are not blocked there, so its thread was about to write, and does so in the end.
        await eventually(ready.items)


async def test_commands_that_the_bot_has_no_more_are_answered(ready: Stage) -> None:
    commands = ready.sandbox.world.commands
    (play,) = (each for each in commands.values() if each["name"] == "play")
    commands["999999999999999999"] = play | {"id": "999999999999999999", "name": "sing"}
    message = await ready.slash("member", "sing", query="x")
    assert message["content"] == reply.NO_COMMAND
    assert message["flags"] & EPHEMERAL
    assert await suggestions(ready, "x", command="sing") == []


async def suggestions(stage: Stage, text: str, *, command: str = "play") -> list[dict[str, str]]:
    answer = await stage.http.post(
        "/_sandbox/autocomplete",
        json={
            "user": "member",
            "guild_id": stage.guild_id,
            "channel_id": stage.channel("music"),
            "command": command,
            "options": {"query": text},
            "autocomplete": "query",
        },
    )
    answer.raise_for_status()
    choices: list[dict[str, str]] = answer.json()["choices"]
    return choices


@pytest.mark.both_databases
async def test_nothing_is_suggested_where_the_database_takes_too_long(ready: Stage) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's readers wait for nobody")
    with nobody_writes():
        assert await asyncio.gather(*(suggestions(ready, "long") for _ in range(4))) == [[]] * 4
    assert len(await suggestions(ready, "")) == len(TONES)


@pytest.mark.both_databases
async def test_a_connection_that_broke_is_made_again(
    ready: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("there is none")

    with nobody_writes() as release:
        waiting = typed(ready, "play", query="long a")
        await deferred(ready)
        await eventually(in_thread(break_connections))
        release()
        assert (await waiting)["embeds"][0]["title"] == "Added"
    assert len(await ready.items()) == 1
    monkeypatch.setattr(database, "DATABASE_SECONDS", -1.0)
    with nobody_writes():
        waiting = typed(ready, "skip")
        await deferred(ready)
        await eventually(in_thread(break_connections))
        message = await waiting
    assert message["content"] == reply.NO_DATABASE
    assert message["flags"] & EPHEMERAL


async def test_what_uses_the_database_is_tried_again_for_a_while(transactional_db: None) -> None:
    tries = 0

    def act(needed: int) -> str:
        nonlocal tries
        tries += 1
        if tries < needed:
            raise OperationalError("database is locked")
        return "done"

    assert await from_database(act, 2) == "done"
    assert tries == 2
