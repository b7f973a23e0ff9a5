"""The client for Discord's REST API against the sandbox with faults, and against malformed responses."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import LazySettings

from accounts import discord, discord_limits, discord_messages
from accounts.errors import (
    DiscordBusy,
    DiscordError,
    DiscordMalformed,
    DiscordPaused,
    DiscordRefused,
    DiscordTimeout,
)
from sandbox.seed import LOUNGE
from tests.accounts.conftest import Discord, Gibberish
from tests.discord import taken_for_discord
from tests.waiting import until

GENERAL = "1090315482246234115"
ME = "/users/@me"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Discord]:
    with Discord(tmp_path_factory.mktemp("discord"), "http://127.0.0.1:1/callback") as one:
        yield one


class Answers:
    """The sandbox's responses: `(method, path, status)`."""

    def __init__(self, discord: Discord) -> None:
        self.seen: list[tuple[str, str, int]] = []
        discord.sandbox.observers[:] = [lambda *answer: self.seen.append(answer[:3])]

    def statuses(self, path: str) -> list[int]:
        return [status for _, where, status in self.seen if where == path]


@pytest.fixture
def answers(running: Discord, settings: LazySettings) -> Iterator[Answers]:
    running.sandbox.faults.standing.clear()
    running.sandbox.ratelimiter.reset()
    with taken_for_discord(running.sandbox, settings):
        yield Answers(running)


def me(**options: Any) -> Any:
    return discord.request("GET", ME, authorization=discord.bot_authorization(), **options)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failing_discord_is_asked_again(status: int, answers: Answers, running: Discord) -> None:
    running.fault(kind="http_status", status=status, count=2)
    assert me()["username"] == "backline"
    assert answers.statuses(ME) == [status, status, 200]


def test_a_discord_that_keeps_failing_is_let_be(answers: Answers, running: Discord) -> None:
    running.fault(kind="http_status", status=500, count=99)
    with pytest.raises(DiscordError):
        me()
    assert answers.statuses(ME) == [500] * discord.ATTEMPTS


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
def test_a_429_is_waited_out(scope: str, answers: Answers, running: Discord) -> None:
    running.fault(kind="rate_limit", scope=scope, retry_after=0.2, count=1)
    begun = time.monotonic()
    assert me()["username"] == "backline"
    assert time.monotonic() - begun >= 0.19
    assert answers.statuses(ME) == [429, 200]


@pytest.mark.parametrize("headers", ["used_up", "usual", "none"])
def test_after_a_429_all_is_as_before(headers: str, answers: Answers, running: Discord) -> None:
    discord_messages.post_message(GENERAL, {"content": "before"})
    running.fault(kind="rate_limit", path="/messages", headers=headers, retry_after=0.3, count=1)
    with pytest.raises(DiscordBusy):
        discord_messages.post_message(GENERAL, {"content": "refused"})
    for number in range(6):
        discord_messages.post_message(GENERAL, {"content": str(number)}, patience=0 if number else 3)
    assert answers.statuses(f"/channels/{GENERAL}/messages") == [200, 429] + [200] * 6


def test_a_window_of_a_day_is_forgotten_with_the_next_answer(answers: Answers, running: Discord) -> None:
    running.fault(kind="rate_headers", path="/messages", reset_after=102_737)
    for number in range(25):  # more than the window holds
        discord_messages.post_message(GENERAL, {"content": str(number)})
    assert answers.statuses(f"/channels/{GENERAL}/messages") == [200] * 25


def test_in_a_storm_of_429_little_is_asked_and_nobody_waits_for_long(
    answers: Answers, running: Discord
) -> None:
    running.fault(kind="rate_limit", retry_after=20, count=99)
    for _ in range(20):
        with pytest.raises(DiscordBusy) as refused:
            me()
        # Each of them waits for at most three seconds.
        assert refused.value.retry_after == pytest.approx(12, abs=8)
    assert answers.statuses(ME) == [429]  # after the first 429 the others do not ask


def test_a_global_429_holds_for_other_routes_too(answers: Answers, running: Discord) -> None:
    running.fault(kind="rate_limit", path="@me$", scope="global", retry_after=20)
    with pytest.raises(DiscordBusy):
        me()
    with pytest.raises(DiscordBusy):
        discord.fetch_guild(LOUNGE)
    assert len(answers.seen) == 1


def test_eight_threads_keep_to_the_window_together(
    answers: Answers, running: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox accepts 20 messages per channel in two seconds."""
    monkeypatch.setattr(discord, "TIMEOUT_SECONDS", 60)  # a busy machine must not look like a slow Discord
    failures: list[DiscordError] = []

    def post(thread: int) -> None:
        for number in range(3):
            try:
                discord_messages.post_message(GENERAL, {"content": f"{thread}.{number}"}, patience=60)
            except DiscordError as error:
                failures.append(error)

    threads = [threading.Thread(target=post, args=(n,)) for n in range(8)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [status for _, _, status in answers.seen] == [200] * 24
    assert time.monotonic() - begun >= 1.5


def test_after_too_many_refusals_nothing_more_is_asked(
    answers: Answers, running: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_limits, "MAX_INVALID", 5)
    statuses = []
    for _ in range(10):
        try:
            discord.request("GET", ME, authorization="Bot wrong")
        except DiscordRefused as error:
            statuses.append(error.http_status)
        except DiscordPaused as error:
            statuses.append(error.status)
    assert statuses == [401] * 5 + [503] * 5
    assert len(answers.seen) == 5
    with pytest.raises(DiscordPaused) as refused:  # even with a valid token: Discord counts by IP address
        me()
    assert refused.value.retry_after == pytest.approx(600, abs=10)


def test_a_slow_discord_is_not_waited_for(
    answers: Answers, running: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord, "TIMEOUT_SECONDS", 0.1)
    running.fault(kind="latency", ms=400, count=1)
    with pytest.raises(DiscordTimeout):
        me()
    until(lambda: answers.statuses(ME) == [200])  # otherwise the request would fall into the next test


def test_a_discord_that_is_away_is_an_error_and_comes_back(answers: Answers, settings: LazySettings) -> None:
    here = settings.DISCORD_API_URL
    settings.DISCORD_API_URL = "http://127.0.0.1:9/api/v10"
    with pytest.raises(DiscordError):
        me()
    settings.DISCORD_API_URL = here
    assert me()["username"] == "backline"


def test_refusals_carry_discords_own_code(answers: Answers) -> None:
    with pytest.raises(DiscordRefused) as refused:
        discord.fetch_guild("999999999999999999")
    assert (refused.value.http_status, refused.value.discord_code) == (404, 10004)


def test_a_message_with_an_enforced_nonce_may_be_repeated_and_is_posted_once(
    answers: Answers, running: Discord
) -> None:
    payload = {"content": "once", "nonce": "a-nonce", "enforce_nonce": True}
    running.fault(kind="http_status", path="/messages", status=500, count=1)
    first, again = (
        discord_messages.post_message(GENERAL, payload),
        discord_messages.post_message(GENERAL, payload),
    )
    assert first["id"] == again["id"]
    posted = [m for m in running.sandbox.world.messages.values() if m.content == "once"]
    assert len(posted) == 1


def test_a_message_without_one_is_not_repeated(answers: Answers, running: Discord) -> None:
    running.fault(kind="http_status", path="/messages", status=500, count=1)
    with pytest.raises(DiscordError):
        discord_messages.post_message(GENERAL, {"content": "perhaps"})
    assert [status for _, _, status in answers.seen] == [500]


def test_a_failure_says_whether_it_may_have_happened_all_the_same(
    answers: Answers, running: Discord, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failure() -> DiscordError:
        with pytest.raises(DiscordError) as failed:
            discord_messages.post_message(GENERAL, {"content": "perhaps"})
        return failed.value

    running.fault(kind="http_status", path="/messages", status=502)
    assert failure().perhaps_done
    running.fault(kind="http_status", path="/messages", status=403)
    assert not failure().perhaps_done
    running.fault(kind="rate_limit", path="/messages", retry_after=20)
    busy = failure()
    assert isinstance(busy, DiscordBusy)
    assert (busy.perhaps_done, busy.retry_after) == (False, 20)
    discord._transport.cache_clear()
    monkeypatch.setattr(discord, "TIMEOUT_SECONDS", 0.2)
    running.fault(kind="latency", path="/messages", ms=1000, count=1, done=True)
    assert failure().perhaps_done
    assert [m.content for m in running.sandbox.world.messages.values()].count("perhaps") == 1
    settings.DISCORD_API_URL = "http://127.0.0.1:9/api/v10"
    assert not failure().perhaps_done


def test_what_cloudflare_refuses_is_told_from_what_discord_refuses(
    answers: Answers, running: Discord
) -> None:
    for html, code in ((True, None), (False, 0)):
        running.fault(kind="http_status", path="@me$", status=403, html=html)
        with pytest.raises(DiscordRefused) as refused:
            me()
        assert (refused.value.http_status, refused.value.discord_code) == (403, code)


def test_files_go_along(answers: Answers) -> None:
    message = discord_messages.post_message(
        GENERAL,
        {"content": "look", "attachments": [{"id": 0, "description": "a dot"}]},
        files=[("dot.png", b"\x89PNG....", "image/png"), ("note.txt", b"hello", "text/plain")],
    )
    assert [(each["filename"], each["size"]) for each in message["attachments"]] == [
        ("dot.png", 8), ("note.txt", 5),
    ]  # fmt: skip
    assert httpx.get(message["attachments"][1]["url"]).text == "hello"


def test_the_bot_reads_a_guild(answers: Answers) -> None:
    assert discord.fetch_guild(LOUNGE)["approximate_member_count"] == 4
    assert GENERAL in {channel["id"] for channel in discord.fetch_channels(LOUNGE)}
    bot = discord.fetch_bot()
    assert discord.fetch_member(LOUNGE, bot["id"])["user"]["id"] == bot["id"]
    assert discord.is_bot_in(LOUNGE)
    assert not discord.is_bot_in("999999999999999999")


def test_connections_are_kept(answers: Answers, running: Discord) -> None:
    me()
    transport = discord._transport.cache_info()
    me()
    assert discord._transport.cache_info().misses == transport.misses


def test_discord_is_told_who_asks(gibberish: Gibberish) -> None:
    gibberish.say("/users/@me", {"id": "1", "username": "x"})
    me()
    assert re.fullmatch(r"DiscordBot \(https?://\S+, [\d.]+\S*\)", gibberish.asked[-1][1]["User-Agent"])
    assert gibberish.asked[-1][1]["Authorization"].startswith("Bot ")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"x"', b"[1]", b'[{"id": 1}]'])
def test_answers_that_are_none_of_discords_are_errors(body: bytes, gibberish: Gibberish) -> None:
    gibberish.say("/users/@me", body)
    gibberish.say("/users/@me/guilds", body)
    with pytest.raises(DiscordMalformed):
        discord.fetch_bot()
    if body != b"[]":
        with pytest.raises(DiscordMalformed):
            discord.fetch_my_guilds("token")


def test_cloudflares_page_stops_everything_for_as_long_as_it_says(gibberish: Gibberish) -> None:
    gibberish.say("/users/@me", b"error code: 1015", status=429, **{"Retry-After": "300"})
    for ask in (me, lambda: discord.fetch_my_guilds("token")):
        with pytest.raises(DiscordBusy) as refused:
            ask()
        assert refused.value.retry_after == pytest.approx(300, abs=2)
    assert len(gibberish.asked) == 1


def test_no_log_holds_a_token(
    answers: Answers, running: Discord, caplog: pytest.LogCaptureFixture, settings: LazySettings
) -> None:
    caplog.set_level("DEBUG")
    running.fault(kind="http_status", status=500, count=3)
    for attempt in (me, lambda: discord.fetch_guild("999999999999999999")):
        with pytest.raises(DiscordError):
            attempt()
    assert caplog.records
    assert settings.DISCORD_BOT_TOKEN not in caplog.text


def test_a_certificate_that_cannot_be_read_is_an_error(settings: LazySettings, tmp_path: Path) -> None:
    settings.DISCORD_CA_FILE = str(tmp_path / "none.pem")
    discord.tls_context.cache_clear()
    with pytest.raises(DiscordError):
        me()
    discord.tls_context.cache_clear()
