"""The outbox of alerts: alerts are combined into messages, and each is posted once, whatever breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts import discord
from alerts import quiet
from alerts.domain.delivery import NONCE_HONORED, GivenUp, Later, NotThere, Outcome, Posted, Unsure, deliver
from alerts.domain.outbox import LEASE, waiting_since
from alerts.domain.rules import remove_rule
from alerts.domain.settle import settle, try_again
from alerts.models import AlertPost, AlertRule, PostState
from guilds.channel_permissions import EMBED_LINKS, SEND_MESSAGES
from guilds.freshness import shard_of
from guilds.models import Role
from realtime.models import Event
from sandbox.seed import DJ_ROLE, LOUNGE
from streams.domain.streams import delete_stream
from tests.alerts.outbox import GENERAL, MINUTE, MUSIC, PNG, Post, forget_nonces, states, without_history

pytestmark = pytest.mark.both_databases

# --- One alert ---


def test_an_alert_is_posted_with_its_picture_and_the_roles_mention_only(post: Post) -> None:
    rule = post.rule(mention_role_id=DJ_ROLE)
    post.alert(f"@everyone <@&{LOUNGE}> somebody is at the *door*", picture=PNG)
    assert post.work() == 1
    (message,) = post.messages
    assert (message.channel_id, message.content) == (GENERAL, f"<@&{DJ_ROLE}>")
    assert (message.mention_roles, message.mentions, message.mention_everyone) == ([DJ_ROLE], [], False)
    (embed,) = message.embeds
    assert embed["title"] == "Front door: high alert"
    assert embed["description"].endswith(r"somebody is at the \*door\*")
    (attachment,) = message.attachments
    assert embed["image"]["url"] == attachment["url"]
    assert httpx.get(attachment["url"]).content == PNG
    kept = rule.posts.get()
    assert (kept.state, kept.message_id, kept.attempts) == (PostState.POSTED, message.id, 1)
    assert post.work() == 0


def test_a_role_that_was_deleted_is_not_mentioned(post: Post) -> None:
    post.rule(mention_role_id=DJ_ROLE)
    post.alert()
    Role.objects.filter(pk=DJ_ROLE).delete()
    post.work()
    assert post.messages[0].content == ""


def test_alerts_of_a_deleted_stream_are_not_posted(post: Post) -> None:
    rule = post.rule()
    post.alert()
    delete_stream(post.stream)
    assert post.work() == 0
    rule.refresh_from_db()
    assert (states(), rule.problem_code) == ([PostState.FAILED], "STREAM_GONE")


def test_a_post_older_than_a_day_is_given_up(post: Post) -> None:
    rule = post.rule()
    post.alert()
    post.pass_time(timedelta(days=1, minutes=1))
    assert (post.work(), states()) == (0, [PostState.FAILED])
    rule.refresh_from_db()
    assert rule.problem_code == "TOO_LATE"


def test_a_rule_keeps_its_newest_posts_only(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alerts.domain.settle.KEPT_POSTS", 2)
    post.rule(max_per_minute=30)
    for n in range(4):
        post.alert(str(n))
        post.work()
    assert len(post.messages) == 4
    assert AlertPost.objects.count() == 2


# --- Many alerts ---


def test_beyond_so_many_a_minute_the_rest_comes_as_one_digest(post: Post) -> None:
    post.rule(max_per_minute=3)
    for n in range(15):
        post.alert(f"alert {n}", "low" if n % 2 else "high")
    post.work()
    assert post.texts == ["alert 0", "alert 1", "alert 2"]
    post.pass_time(MINUTE)
    post.work()
    digest = post.messages[-1]
    assert len(post.messages) == 4
    assert digest.embeds[0]["title"] == "12 alerts from Front door (High: 6, Low: 6)"
    lines = digest.embeds[0]["description"].split("\n")
    assert lines[0] == "2 earlier alerts"
    assert [line.split()[-1] for line in lines[1:]] == [str(n) for n in range(5, 15)]
    post.alert("alone again")
    post.work()
    assert post.texts[-1] == "alone again"


def test_a_single_alert_beyond_is_a_digest_of_one_and_shows_its_picture(post: Post) -> None:
    post.rule(max_per_minute=1)
    post.alert("first")
    post.alert("second", picture=PNG)
    post.pass_time(MINUTE)
    post.work()
    assert post.messages[-1].embeds[0]["title"] == "1 alert from Front door (High: 1)"
    assert len(post.messages[-1].attachments) == 1


def test_rules_do_not_count_each_others_alerts(post: Post) -> None:
    post.rule(max_per_minute=1)
    post.rule(max_per_minute=1, channel_id=MUSIC)
    post.alert()
    post.work()
    assert {message.channel_id for message in post.messages} == {GENERAL, MUSIC}


def test_after_hours_without_a_bot_there_are_a_few_and_one_digest(post: Post) -> None:
    post.rule(max_per_minute=2)
    for n in range(6):
        post.alert(str(n))
        post.pass_time(timedelta(hours=1))
    post.work()
    assert [message.embeds[0]["title"] for message in post.messages] == [
        "Front door: high alert",
        "Front door: high alert",
        "4 alerts from Front door (High: 4)",
    ]


def test_what_was_handed_to_discord_is_joined_by_nothing(post: Post) -> None:
    post.rule(max_per_minute=1)
    post.alert("first")
    post.alert("second")
    post.pass_time(MINUTE)
    post.alert("third")  # joins the digest, which was not sent yet
    claimed = post.claim()
    claimed += post.claim()
    assert len(claimed) == 1  # one post per rule at a time
    settle(claimed[0], deliver(claimed[0]))
    (digest,) = post.claim()
    post.alert("fourth")
    settle(digest, deliver(digest))
    assert "2 alerts" in post.messages[-1].embeds[0]["title"]
    post.pass_time(MINUTE)
    post.work()
    assert len(post.messages) == 3
    assert "fourth" in post.texts[-1]


def test_after_a_bots_return_what_comes_new_waits_for_its_minute(post: Post) -> None:
    post.rule(max_per_minute=2)
    for n in range(3):
        post.alert(str(n))
    post.pass_time(timedelta(hours=1))
    post.work()
    assert len(post.messages) == 3
    post.alert("new")  # the other two were posted this minute, although they are an hour old
    assert post.work() == 0
    post.pass_time(MINUTE)
    post.work()
    assert [message.embeds[0]["title"] for message in post.messages[2:]] == [
        "1 alert from Front door (High: 1)",
        "1 alert from Front door (High: 1)",
    ]


def test_who_joins_a_digest_that_is_late_already_does_not_put_it_off(post: Post) -> None:
    post.rule(max_per_minute=1)
    for n in range(2):
        post.alert(str(n))
    post.pass_time(timedelta(hours=1))
    due = AlertPost.objects.get(digest=True).due_at
    post.alert("joins")
    assert AlertPost.objects.get(digest=True).due_at == due


def test_an_alert_that_cannot_be_read_stops_no_other(post: Post) -> None:
    for channel in (GENERAL, MUSIC):
        post.rule(channel_id=channel)
        post.alert("to be")
    broken = AlertPost.objects.order_by("due_at", "pk").first()
    assert broken is not None
    Event.objects.filter(pk__in=broken.event_ids).update(args="[]")
    (only,) = post.claim()
    assert only.post_id != broken.pk


# --- How long due posts have been waiting ---


def test_how_long_alerts_wait_counts_from_when_they_were_first_due(post: Post) -> None:
    def wait() -> float | None:
        since = waiting_since(shard=0, count=1)
        return None if since is None else round((timezone.now() - since).total_seconds())

    post.rule(max_per_minute=1)
    assert wait() is None
    post.alert()
    post.alert("in a digest that fills")
    post.pass_time(timedelta(seconds=30))
    assert wait() == 30
    post.there.fault(kind="http_status", status=500, path="/messages")
    post.work()  # it will be retried later, and until then it counts as waiting
    post.pass_time(timedelta(seconds=40))
    assert wait() == 40
    assert waiting_since(shard=1 - shard_of(LOUNGE, 2), count=2) is None
    assert waiting_since(shard=shard_of(LOUNGE, 2), count=2) is not None
    post.pass_time(MINUTE)
    post.work()
    assert (wait(), set(states())) == (None, {PostState.POSTED})


# --- Quiet hours ---


def quiet_now(**shift: int) -> dict[str, str]:
    """Return quiet hours that began an hour ago and end in two hours, moved by `shift`."""
    now = timezone.now() + timedelta(**shift)
    start, until = now - timedelta(hours=1), now + timedelta(hours=2)
    return {"from": f"{start:%H:%M}", "until": f"{until:%H:%M}", "timezone": "UTC"}


def test_in_quiet_hours_alerts_are_kept_for_one_digest(post: Post) -> None:
    rule = post.rule(quiet_hours=quiet_now())
    for n in range(3):
        post.alert(f"alert {n}")
    assert post.work() == 0
    digest = AlertPost.objects.get()
    assert abs(digest.due_at - (timezone.now() + timedelta(hours=2))) < 2 * MINUTE
    post.change(rule, quiet_hours=quiet_now(hours=-3))
    post.work()
    assert [message.embeds[0]["title"] for message in post.messages] == ["3 alerts from Front door (High: 3)"]


def test_what_was_not_posted_before_quiet_hours_waits_for_their_end(post: Post) -> None:
    rule = post.rule()
    post.alert()
    post.change(rule, quiet_hours=quiet_now())
    assert post.work() == 0
    assert AlertPost.objects.get().due_at > timezone.now() + timedelta(hours=1)
    post.change(rule, quiet_hours=None)
    post.pass_time(timedelta(hours=2))
    assert post.work() == 1


def test_a_zone_that_is_not_known_any_more_keeps_no_alert_back(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    rule = post.rule(quiet_hours=quiet_now())
    AlertRule.objects.filter(pk=rule.pk).update(quiet_hours=quiet_now() | {"timezone": "Atlantis/Poseidonis"})
    quiet._zone.cache_clear()
    post.alert("all the same")
    assert post.work() == 1
    assert post.texts == ["all the same"]
    assert "Atlantis" in caplog.text


# --- Who posts ---


def test_only_the_bot_whose_shard_has_the_guild_posts(post: Post) -> None:
    post.rule()
    post.alert()
    count = 7
    mine = shard_of(LOUNGE, count)
    for shard in set(range(count)) - {mine}:
        assert post.claim(shard=shard, count=count) == []
    assert len(post.claim(shard=mine, count=count)) == 1


def test_a_post_is_claimed_by_one_of_many_also_when_leases_run_out(
    post_everywhere: Post, in_threads: Callable[..., list[Any]]
) -> None:
    post = post_everywhere
    for _ in range(5):
        post.rule()
    post.alert()
    everything = sorted(AlertPost.objects.values_list("pk", flat=True))
    for round_ in range(4):
        claimed = in_threads(6, lambda n, r=round_: post.claim(f"bot-{r}-{n}"))
        assert sorted(delivery.post_id for found in claimed for delivery in found) == everything
        post.pass_time(LEASE + timedelta(seconds=1))


def test_alerts_and_claims_at_the_same_moment_lose_and_double_nothing(
    post_everywhere: Post, in_threads: Callable[..., list[Any]]
) -> None:
    post = post_everywhere
    post.rule(max_per_minute=1)

    def act(n: int) -> None:
        for k in range(4):
            if n % 2:
                post.alert(f"{n}-{k}")
            else:
                for delivery in post.claim(f"bot-{n}"):
                    settle(delivery, deliver(delivery))

    in_threads(6, act)
    for _ in range(3):
        post.pass_time(2 * MINUTE)
        post.work()
    assert set(states()) == {PostState.POSTED}
    assert sum(row.alerts for row in AlertPost.objects.all()) == 12
    assert len(post.messages) == AlertPost.objects.count()


# --- A bot that dies ---


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
