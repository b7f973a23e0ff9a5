"""Each post is sent once, even if a bot dies, stands still or never learns Discord's response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts import discord
from alerts.domain.delivery import NONCE_HONORED, GivenUp, Later, NotThere, Outcome, Posted, Unsure, deliver
from alerts.domain.outbox import LEASE
from alerts.domain.rules import remove_rule
from alerts.domain.settle import settle, try_again
from alerts.models import AlertPost, PostState
from guilds.channel_permissions import EMBED_LINKS, SEND_MESSAGES
from sandbox.seed import LOUNGE
from tests.alerts.outbox import MINUTE, MUSIC, PNG, Post, forget_nonces, states, without_history

pytestmark = pytest.mark.both_databases


def test_a_bot_that_dies_between_sending_and_noting_posts_once(post: Post) -> None:
    post.rule()
    post.alert(picture=PNG)
    (lost,) = post.claim("bot-1")
    deliver(lost)  # the bot dies here
    assert post.claim("bot-2") == []  # its lease has not expired
    post.pass_time(LEASE + timedelta(seconds=1))
    assert post.work("bot-2") == 1
    (message,) = post.messages
    kept = AlertPost.objects.get()
    assert (kept.state, kept.message_id, kept.attempts) == (PostState.POSTED, message.id, 2)


def test_whoever_settles_late_undoes_nothing(post: Post) -> None:
    post.rule()
    post.alert()
    (slow,) = post.claim("bot-1")
    post.pass_time(LEASE + timedelta(seconds=1))
    post.work("bot-2")
    outcome = deliver(slow)
    settle(slow, outcome)
    assert (len(post.messages), states()) == (1, [PostState.POSTED])
    post.alert("second")
    (slow,) = post.claim("bot-1")
    post.pass_time(LEASE + timedelta(seconds=1))
    (other,) = post.claim("bot-2")
    settle(slow, GivenUp("CHANNEL_DELETED", "bot-1 saw no channel"))
    assert states() == [PostState.POSTED, PostState.PENDING]
    settle(other, deliver(other))
    assert (len(post.messages), states()) == (2, [PostState.POSTED] * 2)


def test_a_rule_that_is_removed_while_its_alert_is_sent_leaves_nothing_behind(post: Post) -> None:
    outcomes: list[Outcome] = [
        Posted("1"), GivenUp("X", "x"), Later("X", "x"), Unsure("x"), NotThere(),
    ]  # fmt: skip
    for outcome in outcomes:
        rule = post.rule()
        post.alert()
        (delivery,) = post.claim()
        remove_rule(LOUNGE, rule.pk, origin=post.origin)
        settle(delivery, outcome)
    assert AlertPost.objects.count() == 0


def test_beyond_the_nonces_life_the_post_is_found_in_the_channel(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_nonces(monkeypatch)
    rule = post.rule()
    post.alert()
    (lost,) = post.claim()
    deliver(lost)
    post.there.sandbox.world.messages[post.messages[0].id].nonce = None  # Discord shows it only at first
    post.change(rule, channel_id=MUSIC)  # it is searched for in the channel it was sent to
    post.pass_time(NONCE_HONORED + MINUTE)
    assert post.work() == 1
    assert (len(post.messages), states()) == (1, [PostState.POSTED])
    assert AlertPost.objects.get().message_id == post.messages[0].id


def test_beyond_the_nonces_life_what_is_not_in_the_channel_is_posted(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_nonces(monkeypatch)
    post.rule()
    post.alert()
    assert post.claim()  # the bot dies before it sends
    post.pass_time(NONCE_HONORED + MINUTE)
    assert post.work() == 2  # one searched, one sent
    assert (len(post.messages), states()) == (1, [PostState.POSTED])


def test_in_plain_text_it_is_found_as_well(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    forget_nonces(monkeypatch)
    post.deny(EMBED_LINKS)
    post.rule()
    post.alert()
    (lost,) = post.claim()
    deliver(lost)
    post.pass_time(NONCE_HONORED + MINUTE)
    assert post.work() == 1
    assert (len(post.messages), states()) == (1, [PostState.POSTED])


def away(post: Post, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens at Discord's address."""
    settings.DISCORD_API_URL = "http://127.0.0.1:9/api/v10"


def busy(post: Post, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    post.there.fault(kind="rate_limit", path="/messages", scope="global", retry_after=60)


def down(post: Post, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    post.there.fault(kind="http_status", status=503, path="/messages")


def slow(post: Post, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord, "TIMEOUT_SECONDS", 0.2)
    post.there.fault(kind="latency", ms=1000, path="/messages", count=1, done=True)


@pytest.mark.parametrize("failing", [away, busy, down, slow])
def test_only_what_discord_may_have_is_ever_in_doubt(
    post: Post,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    failing: Callable[[Post, Settings, pytest.MonkeyPatch], None],
) -> None:
    """Much later, in a channel without history: posts that were surely not sent are posted, the rest is reported."""
    forget_nonces(monkeypatch)
    without_history(post)
    post.rule()
    post.alert()
    url, seconds = settings.DISCORD_API_URL, discord.TIMEOUT_SECONDS
    failing(post, settings, monkeypatch)
    assert (post.work(), states()) == (1, [PostState.PENDING])
    settings.DISCORD_API_URL = url
    monkeypatch.setattr(discord, "TIMEOUT_SECONDS", seconds)
    discord._transport.cache_clear()
    post.pass_time(timedelta(minutes=10))
    post.work()
    surely_not_there = failing in (away, busy)
    assert states() == [PostState.POSTED if surely_not_there else PostState.UNKNOWN]
    assert len(post.messages) == (failing is not down)


def test_what_surely_was_not_sent_goes_where_the_rule_says_by_then(post: Post, settings: Settings) -> None:
    rule = post.rule()
    post.alert()
    url, settings.DISCORD_API_URL = settings.DISCORD_API_URL, "http://127.0.0.1:9/api/v10"
    post.work()
    settings.DISCORD_API_URL = url
    post.change(rule, channel_id=MUSIC)
    post.pass_time(timedelta(seconds=5))
    post.work()
    assert [message.channel_id for message in post.messages] == [MUSIC]


def test_a_bot_that_stood_still_beyond_its_lease_sends_nothing(post: Post) -> None:
    post.rule()
    post.alert()
    (slow,) = post.claim("bot-1")
    assert slow.leased_until > timezone.now()
    asleep = replace(slow, leased_until=timezone.now())
    outcome = deliver(asleep)
    assert post.messages == []
    settle(asleep, outcome)
    post.pass_time(MINUTE)
    post.work("bot-2")
    assert (len(post.messages), states()) == (1, [PostState.POSTED])


def test_what_is_given_up_after_an_attempt_in_doubt_is_not_called_failed(
    post: Post, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = post.rule()
    post.alert()
    slow(post, settings, monkeypatch)
    post.work()
    monkeypatch.setattr(discord, "TIMEOUT_SECONDS", 5.0)
    post.deny(SEND_MESSAGES)
    post.pass_time(timedelta(seconds=5))
    post.work()
    rule.refresh_from_db()
    assert (states(), rule.problem_code) == ([PostState.UNKNOWN], "MISSING_PERMISSION")


def test_what_an_operator_tries_again_is_in_no_doubt_however_late(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_nonces(monkeypatch)
    post.rule()
    post.there.fault(kind="http_status", status=400, code=50035, path="/messages")
    post.alert()
    post.work()
    assert try_again(AlertPost.objects.get())
    without_history(post)
    post.pass_time(timedelta(minutes=10))  # no bot was running meanwhile
    assert post.work() == 1
    assert states() == [PostState.POSTED]


def test_what_cannot_be_found_out_is_said_and_left_to_an_operator(
    post: Post, monkeypatch: pytest.MonkeyPatch, operator: Client
) -> None:
    forget_nonces(monkeypatch)
    rule = post.rule()
    post.alert()
    (lost,) = post.claim()
    deliver(lost)
    without_history(post)
    post.pass_time(NONCE_HONORED + MINUTE)
    post.work()
    rule.refresh_from_db()
    assert (states(), rule.problem_code, len(post.messages)) == ([PostState.UNKNOWN], "PERHAPS_POSTED", 1)
    listed = reverse("admin:alerts_alertpost_changelist")
    page = operator.get(listed)
    assert "PERHAPS_POSTED" in page.content.decode()
    operator.post(listed, {"action": "post_again", "_selected_action": [AlertPost.objects.get().pk]})
    post.work()
    rule.refresh_from_db()
    assert (states(), rule.problem_code, len(post.messages)) == ([PostState.POSTED], "", 2)


def test_without_enforce_nonce_the_tests_above_would_fail(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `enforce_nonce`, the sandbox creates a second message."""
    forget_nonces(monkeypatch)
    post.rule()
    post.alert()
    (lost,) = post.claim()
    deliver(lost)
    deliver(lost)
    assert len(post.messages) == 2
