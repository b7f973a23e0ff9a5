"""The Python client on `/sync`, and its command line, against the real server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backline_client import (
    ConnectionLost,
    NewEvent,
    Position,
    PositionLost,
    Pull,
    Refused,
    SyncClient,
    TooLarge,
)
from backline_client import sync as sync_module
from realtime.db import in_thread
from realtime.models import Event as StoredEvent
from tests.clients.python_site import SOON, Site, take
from tests.factories import GuildFactory, MembershipFactory
from tests.server import WAIT_SECONDS, Server
from tests.streams.device import JPEG, Person
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


async def args(pull: Pull, count: int) -> list[Any]:
    return [(await take(anext(pull))).args for _ in range(count)]


@in_thread
def stored() -> list[Any]:
    return [json.loads(event.args) for event in StoredEvent.objects.order_by("seq")]


# --- The log ---


async def test_what_is_pushed_is_pulled_by_all_in_order(server: Server, token: str) -> None:
    async with (
        SyncClient(server.url, "todo", token) as phone,
        SyncClient(server.url, "app:todo", token) as desk,
    ):
        live = desk.events()
        ack = await take(phone.push([NewEvent("Added", {"text": "milk"}), NewEvent("Added", "\ud800 \0")]))
        assert (ack.seqs, ack.head) == ([1, 2], 2)
        first, second = await take(anext(live)), await take(anext(live))
        assert (first.name, first.args, first.seq, first.parent_seq) == ("Added", {"text": "milk"}, 1, 0)
        assert first.metadata["userId"] == phone.user_id
        assert second.args == "\ud800 \0"
        assert live.position == Position(desk.epoch, 2)

        once = NewEvent("Added", 3)
        assert (await take(phone.push([once]))).seqs == (await take(desk.push([once]))).seqs == [3]
        assert [event.seq async for event in desk.events(1, live=False)] == [2, 3]
        assert [event.seq async for event in live] in ([], [3])  # only one pull at a time: this one ended


async def test_a_strict_push_is_refused_when_the_log_went_on(server: Server, token: str) -> None:
    async with SyncClient(server.url, "todo", token) as log:
        assert (await take(log.push([NewEvent("A"), NewEvent("B")], after=0))).seqs == [1, 2]
        with pytest.raises(Refused) as caught:
            await take(log.push([NewEvent("C")], after=1))
        assert (caught.value.code, caught.value.data["head"]) == ("SERVER_AHEAD", 2)


async def test_pulls_and_pushes_outlive_a_restart_of_the_server(site: Site, token: str) -> None:
    async with SyncClient(site.url, "todo", token, backoff=SOON) as log:
        live = log.events()
        await take(log.push([NewEvent("Added", 1)]))
        await asyncio.to_thread(site.stop)
        pushing = asyncio.ensure_future(log.push([NewEvent("Added", 2)]))
        await asyncio.to_thread(site.start)
        await take(pushing)
        await take(log.push([NewEvent("Added", 3)]))
        assert await args(live, 3) == [1, 2, 3]
    with pytest.raises(StopAsyncIteration):
        await take(anext(live))
    with pytest.raises(ConnectionLost):
        await log.push([NewEvent("Added", 4)])


async def test_a_push_whose_answer_was_lost_is_written_once(site: Site, token: str) -> None:
    async with SyncClient(site.url, "todo", token, backoff=SOON) as log:
        live = log.events()
        site.relay.mute = True
        pushing = asyncio.ensure_future(log.push([NewEvent("Added", "only")]))
        await eventually(stored)
        assert not pushing.done()
        site.relay.mute = False
        site.relay.cut()
        assert (await take(pushing)).seqs == [1]
        await take(log.push([NewEvent("Added", "next")]))
        assert await args(live, 2) == ["only", "next"] == await stored()


async def test_who_does_not_read_finds_the_events_in_the_log(
    server: Server, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_module, "MAX_WAITING", 4)
    async with SyncClient(server.url, "todo", token) as log:
        live = log.events()
        await take(log.push([NewEvent("Added", number) for number in range(15)]))
        await eventually(lambda: live._behind)
        assert await args(live, 15) == list(range(15))
        await take(log.push([NewEvent("Added", 15)]))
        assert await args(live, 1) == [15]


async def test_a_command_in_grace_waits_for_a_new_token(server: Server, owner: Person) -> None:
    def prepare() -> tuple[str, list[str]]:
        guild = GuildFactory.create()
        MembershipFactory.create(user=owner.user, guild=guild, manager=True)
        return f"guild:{guild.pk}", [owner.token, owner.token_expiring(-60)]

    instance, offered = await in_thread(prepare)()
    expired = offered[1]
    async with SyncClient(server.url, instance, expired) as log:
        with pytest.raises(Refused) as caught:
            await take(log.push([NewEvent("ClearQueue", {})]))
        assert caught.value.code == "TOKEN_EXPIRED"
    async with SyncClient(server.url, instance, lambda: offered.pop()) as log:
        assert (await take(log.push([NewEvent("ClearQueue", {})]))).seqs == []
        with pytest.raises(Refused, match="UNKNOWN_EVENT"):
            await take(log.push([NewEvent("Dance", {})]))
    assert offered == []


async def test_refusals_are_raised_in_the_server_s_words(server: Server, token: str) -> None:
    async def refusal(instance: str, offered: str) -> str:
        with pytest.raises(Refused) as caught:
            async with SyncClient(server.url, instance, offered):
                pass
        return str(caught.value)

    assert "(TOKEN_INVALID)" in await refusal("todo", "nonsense")
    assert "(AUTH_REQUIRED)" in await refusal("todo", "")
    assert "(NOT_FOUND)" in await refusal("app:-", token)
    assert "(NOT_FOUND)" in await refusal("guild:123456789012345678", token)
    async with SyncClient(server.url, "todo", token) as log:
        with pytest.raises(PositionLost):
            await take(anext(log.events(Position("another", 0))))
        with pytest.raises(TooLarge):
            await log.push([NewEvent("Added", "x" * 900_000)])
        assert (await take(log.push([NewEvent("Added", 1)]))).seqs == [1]


# --- The command line ---


type Command = Callable[..., subprocess.Popen[str]]


def _hear_ctrl_c() -> None:
    """Restore SIGINT: a shell starts background processes with SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def command() -> Iterator[Command]:
    """Start the command line with some arguments and a `token`. It is killed at the end if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, token: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "backline_client", *arguments],
            env={**os.environ, "SESSION_TOKEN": token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_hear_ctrl_c,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def finish(
    process: subprocess.Popen[str], output: str | None = None
) -> tuple[int, list[dict[str, Any]], str]:
    """Return `(exit code, printed objects, standard error)`."""
    try:
        out, error = process.communicate(output, timeout=WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # faulthandler prints where it hangs
        raise AssertionError(process.communicate(timeout=WAIT_SECONDS)[1]) from None
    return process.returncode, [json.loads(line) for line in out.splitlines()], error


def test_the_commands_send_and_print(server: Server, token: str, command: Command, tmp_path: Path) -> None:
    picture = tmp_path / "door.jpg"
    picture.write_bytes(JPEG)
    stream = ("ws", "--url", server.url, "--stream", "cam-1")
    typed = command(*stream, "--produces", "alert", "--consumes", "alert", "--send", "-", token=token)
    assert typed.stdin is not None
    assert typed.stdout is not None
    typed.stdin.write('{"level": "high", "text": "Tür"}\n')
    typed.stdin.flush()
    ack, alert = sorted(
        (json.loads(typed.stdout.readline()) for _ in range(2)), key=lambda line: str(line["type"])
    )
    assert (ack["seq"], alert["type"], alert["seq"], alert["text"]) == (1, "alert", 1, "Tür")
    typed.send_signal(signal.SIGINT)
    assert finish(typed)[0] == 130

    watching = command(*stream, "--count", "1", "--save", str(tmp_path), token=token)
    assert watching.stdout is not None
    assert json.loads(watching.stdout.readline())["type"] == "presence"
    assert finish(command(*stream, "--send", str(picture), token=token)) == (0, [], "")
    code, shown, _ = finish(watching)
    assert code == 0
    assert (shown[-1]["type"], shown[-1]["bytes"]) == ("video-frame", len(JPEG))
    assert (tmp_path / f"{shown[-1]['frame']:08}.jpg").read_bytes() == JPEG

    store = ("sync", "--url", server.url, "--store", "todo", "--once")
    code, printed, _ = finish(
        command(*store, "--send", "-", token=token), '{"name": "Added", "args": 1}\n{"name": "Done"}'
    )
    assert code == 0
    assert [line.get("seqs") or line["args"] for line in printed] == [[1], [2], 1, None]


def test_the_commands_refuse_in_words(server: Server, token: str, command: Command) -> None:
    here = ("ws", "--url", server.url, "--stream")
    cases = [
        (
            command(*here, "nowhere", "--consumes", "alert", token=token),
            None,
            1,
            "Stream not found. (NOT_FOUND)",
        ),
        (
            command(*here, "nowhere", "--consumes", "alert", token=""),
            None,
            1,
            "Set SESSION_TOKEN or pass --token.",
        ),
        (command(*here, "cam-1", "--send", "-", token=token), "nonsense", 2, "Line 1 is not JSON"),
        (command("ws", "--url", "example", "--stream", "x", token=token), None, 2, "not a URL such as"),
    ]
    for process, output, code, words in cases:
        ended, printed, error = finish(process, output)
        assert (ended, printed) == (code, [])
        assert words in error
        assert "Traceback" not in error
