"""The outbox of alerts: which are combined into one message, when it is due, and which bot posts it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alerts import quiet
from alerts.domain.delivery import deliver
from alerts.domain.outbox import LEASE, waiting_since
from alerts.domain.settle import settle
from alerts.models import AlertPost, AlertRule, PostState
from guilds.freshness import shard_of
from guilds.models import Role
from realtime.models import Event
from sandbox.seed import DJ_ROLE, LOUNGE
from streams.domain.streams import delete_stream
from tests.alerts.outbox import GENERAL, MINUTE, MUSIC, PNG, Post, states

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
    assert post.download(attachment) == PNG
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
