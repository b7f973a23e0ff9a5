"""The metrics of alerts on their way to Discord."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from alerts.metrics import show_waiting
from guilds.domain.installation import bot_left
from sandbox.seed import LOUNGE
from tests.alerts.outbox import GENERAL, MINUTE, MUSIC, Post
from tests.realtime.test_metrics import Moved


def posts(outcome: str, reason: str) -> Moved:
    return Moved("backline_alert_posts_total", outcome=outcome, reason=reason)


def test_posts_are_counted_by_what_became_of_them(post: Post) -> None:
    single, digest = posts("posted", "alert"), posts("posted", "digest")
    retried, refused = posts("retried", "DISCORD_FAILED"), posts("given_up", "CHANNEL_DELETED")
    late, left = posts("given_up", "TOO_LATE"), posts("given_up", "BOT_NOT_INSTALLED")
    unknown = posts("unknown", "TOO_LATE")
    rule = post.rule(max_per_minute=1)
    for n in range(3):
        post.alert(str(n))
    post.there.fault(kind="http_status", status=500, path="/messages")
    post.work()
    post.pass_time(MINUTE)
    post.work()
    assert (single.by(), digest.by(), retried.by()) == (1, 1, 1)
    post.alert("nobody posts it")
    post.pass_time(timedelta(days=2))
    post.work()
    post.there.fault(kind="http_status", status=500, path="/messages")
    post.alert("perhaps")
    post.work()
    post.pass_time(timedelta(days=2))
    post.work()
    assert (late.by(), unknown.by()) == (1, 1)
    post.edit(change="delete_channel", channel_id=GENERAL)
    post.alert("no channel")
    post.work()
    post.change(rule, channel_id=MUSIC)
    post.alert("still there")
    bot_left(LOUNGE)
    assert (refused.by(), left.by(), single.by()) == (1, 1, 1)


def test_the_bots_metrics_show_how_long_alerts_wait(client: Client) -> None:
    show_waiting(3, timezone.now() - timedelta(seconds=90))
    line = 'backline_alert_waiting_seconds{shard="3"} 90.'
    assert line in client.get("/metrics").content.decode()
    show_waiting(3, None)
    assert 'backline_alert_waiting_seconds{shard="3"} 0.0' in client.get("/metrics").content.decode()
