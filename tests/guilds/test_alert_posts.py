"""The outbox of alerts: how many messages come of how many alerts, and that each comes once, whatever breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import discord
from accounts.models import User
from guilds.alerts.models import AlertPost, AlertRule, PostState
from guilds.domain import alert_posts
from guilds.domain.alert_delivery import Delivery, GivenUp, Later, NotThere, Outcome, Posted, Unsure, deliver
from guilds.domain.alert_posts import LEASE, NONCE_HONOURED, claim_due, settle
from guilds.domain.alert_rules import add_rule, change_rule, check_rule, remove_rule
from guilds.freshness import shard_of
from guilds.models import Role
from realtime.domain.alerts import Picture, write_alert
from realtime.domain.streams import create_stream, delete_stream
from realtime.models import Via
from realtime.origin import Origin
from realtime.streams.models import Stream
from sandbox.ratelimit import RateLimiter
from sandbox.rest import channels as sandbox_channels
from sandbox.seed import DJ_ROLE, LOUNGE
from tests.accounts.conftest import Discord
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, RoleFactory, UserFactory

GENERAL, MUSIC = "1090315482246234115", "1090315482246234116"
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 9
MINUTE = timedelta(minutes=1)


class Post:
    """The Lounge with a rule, and a bot's hands."""

    def __init__(self, there: Discord) -> None:
        self.there = there
        there.sandbox.world.messages.clear()
        there.sandbox.ratelimiter = RateLimiter()  # what the test before used up is not this one's
        self.guild = GuildFactory.create(guild_id=LOUNGE)
        for role in there.sandbox.world.guild_roles(LOUNGE):
            RoleFactory.create(id=role.id, guild=self.guild, name=role.name, permissions=role.permissions)
        for pk, name in ((GENERAL, "general"), (MUSIC, "music")):
            ChannelFactory.create(id=pk, guild=self.guild, name=name)
        self.owner: User = MembershipFactory.create(guild=self.guild, owner=True).user
        self.stream: Stream = create_stream(self.owner, stream_id="cam-1", name="Front door")
        self.origin = Origin(user=self.owner, via=Via.REST)

    def rule(self, **options: Any) -> AlertRule:
        fields = {"stream_id": "cam-1", "channel_id": GENERAL} | options
        return add_rule(LOUNGE, origin=self.origin, **check_rule(fields, whole=True))

    def change(self, rule: AlertRule, **changes: Any) -> None:
        change_rule(LOUNGE, rule.pk, origin=self.origin, **check_rule(changes, whole=False))

    def alert(self, text: str = "motion", level: str = "high", *, picture: bytes | None = None) -> None:
        shot = Picture("image/png", picture, timezone.now().timestamp()) if picture else None
        args = {"text": text, "level": level}
        write_alert("cam-1", "alert", args, origin=Origin(user=self.owner, via=Via.SYNC), picture=shot)

    def claim(self, owner: str = "bot-1", *, shard: int = 0, count: int = 1) -> list[Delivery]:
        return claim_due(owner=owner, shard=shard, count=count, limit=8)

    def work(self, owner: str = "bot-1") -> int:
        """Post what is due, until nothing is. Returns how many deliveries that took."""
        done = 0
        while found := self.claim(owner):
            for delivery in found:
                settle(delivery, deliver(delivery))
                done += 1
            assert done < 100
        return done

    def pass_time(self, by: timedelta) -> None:
        """Make everything in the outbox older."""
        moved = {
            name: F(name) - by
            for name in ("created_at", "due_at", "last_at", "handed_at", "lease_expires_at")
        }
        AlertPost.objects.update(**moved)
        AlertRule.objects.update(held_until=F("held_until") - by)

    @property
    def messages(self) -> list[Any]:
        return list(self.there.sandbox.world.messages.values())

    @property
    def texts(self) -> list[str]:
        return [message.embeds[0]["description"] for message in self.messages]

    def edit(self, **change: Any) -> None:
        httpx.post(f"{self.there.sandbox.url}/_sandbox/guilds/{LOUNGE}", json=change).raise_for_status()


@pytest.fixture
def post(db: None, sandbox: Discord) -> Post:
    return Post(sandbox)


def states() -> list[str]:
    return list(AlertPost.objects.order_by("pk").values_list("state", flat=True))


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
    monkeypatch.setattr(alert_posts, "KEPT_POSTS", 2)
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
    assert digest.embeds[0]["title"] == "12 alerts (6 high, 6 low) from Front door"
    lines = digest.embeds[0]["description"].split("\n")
    assert lines[0] == "2 before these:"
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
    assert post.messages[-1].embeds[0]["title"] == "1 alert (1 high) from Front door"
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
        "4 alerts (4 high) from Front door",
    ]


def test_what_was_handed_to_discord_is_joined_by_nothing(post: Post) -> None:
    post.rule(max_per_minute=1)
    post.alert("first")
    post.alert("second")
    post.pass_time(MINUTE)
    post.alert("third")  # joins: the digest was not sent yet
    claimed = post.claim()
    claimed += post.claim()
    assert len(claimed) == 1  # one of a rule at a time
    settle(claimed[0], deliver(claimed[0]))
    (digest,) = post.claim()
    post.alert("fourth")
    settle(digest, deliver(digest))
    assert "2 alerts" in post.messages[-1].embeds[0]["title"]
    post.pass_time(MINUTE)
    post.work()
    assert len(post.messages) == 3
    assert "fourth" in post.texts[-1]


# --- Quiet hours ---


def quiet_now(**shift: int) -> dict[str, str]:
    """Quiet hours from an hour ago until in two hours, moved by `shift`."""
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
    assert post.work() == 0  # not due yet
    post.pass_time(timedelta(hours=2))
    post.work()
    assert [message.embeds[0]["title"] for message in post.messages] == ["3 alerts (3 high) from Front door"]


def test_what_was_not_posted_before_quiet_hours_waits_for_their_end(post: Post) -> None:
    rule = post.rule()
    post.alert()
    post.change(rule, quiet_hours=quiet_now())
    assert post.work() == 0
    assert AlertPost.objects.get().due_at > timezone.now() + timedelta(hours=1)
    post.change(rule, quiet_hours=None)
    post.pass_time(timedelta(hours=2))
    assert post.work() == 1


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


@pytest.fixture
def post_everywhere(transactional_db: None, sandbox: Discord) -> Post:
    """One whose rows threads see."""
    return Post(sandbox)


# --- A bot that dies ---


def test_a_bot_that_dies_between_sending_and_noting_posts_once(post: Post) -> None:
    post.rule()
    post.alert(picture=PNG)
    (lost,) = post.claim("bot-1")
    deliver(lost)  # and here it dies
    assert post.claim("bot-2") == []  # its lease holds
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
    post.there.sandbox.world.messages[post.messages[0].id].nonce = None  # Discord does not show it later
    post.change(rule, channel_id=MUSIC)  # it is looked for where it went
    post.pass_time(NONCE_HONOURED + MINUTE)
    assert post.work() == 1
    assert (len(post.messages), states()) == (1, [PostState.POSTED])
    assert AlertPost.objects.get().message_id == post.messages[0].id


def test_beyond_the_nonces_life_what_is_not_in_the_channel_is_posted(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_nonces(monkeypatch)
    post.rule()
    post.alert()
    assert post.claim()  # and it dies before it sends
    post.pass_time(NONCE_HONOURED + MINUTE)
    assert post.work() == 2  # looked, then sent
    assert (len(post.messages), states()) == (1, [PostState.POSTED])


def test_what_cannot_be_found_out_is_said_and_left_to_an_operator(
    post: Post, monkeypatch: pytest.MonkeyPatch, settings: Any, client: Client
) -> None:
    forget_nonces(monkeypatch)
    rule = post.rule()
    post.alert()
    (lost,) = post.claim()
    deliver(lost)
    without_history(post)
    post.pass_time(NONCE_HONOURED + MINUTE)
    post.work()
    rule.refresh_from_db()
    assert (states(), rule.problem_code, len(post.messages)) == ([PostState.UNKNOWN], "PERHAPS_POSTED", 1)
    operator = UserFactory.create()
    settings.ADMIN_DISCORD_IDS = {operator.discord_id}
    client.force_login(operator)
    listed = reverse("admin:guilds_alertpost_changelist")
    page = client.get(listed)
    assert "PERHAPS_POSTED" in page.content.decode()
    client.post(listed, {"action": "post_again", "_selected_action": [AlertPost.objects.get().pk]})
    post.work()
    rule.refresh_from_db()
    assert (states(), rule.problem_code, len(post.messages)) == ([PostState.POSTED], "", 2)


def forget_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_channels, "NONCE_KEPT", timedelta(0))


def without_history(post: Post) -> None:
    history = 1 << 16
    for role in post.there.sandbox.world.guild_roles(LOUNGE):
        role.permissions &= ~history
    for row in Role.objects.filter(guild_id=LOUNGE):
        row.permissions &= ~history
        row.save()


def test_without_enforce_nonce_the_tests_above_would_fail(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox makes a second message where nothing asks it not to."""
    forget_nonces(monkeypatch)
    post.rule()
    post.alert()
    (lost,) = post.claim()
    deliver(lost)
    deliver(lost)
    assert len(post.messages) == 2


# --- A Discord that refuses ---


def test_without_the_permission_the_post_is_given_up_and_the_rule_says_why(post: Post) -> None:
    rule = post.rule()
    deny = {"id": LOUNGE, "type": 0, "allow": "0", "deny": str(1 << 11)}
    post.edit(change="edit_channel", channel_id=GENERAL, overwrites=[deny])
    post.alert("lost")
    assert post.work() == 1
    rule.refresh_from_db()
    assert (states(), rule.problem_code) == ([PostState.FAILED], "MISSING_PERMISSION")
    assert "#general" in rule.problem_detail
    assert "Send Messages" in rule.problem_detail
    for n in range(40):
        post.alert(f"held {n}")
    assert post.work() == 0  # each try would count against the bot everywhere
    post.edit(change="edit_channel", channel_id=GENERAL, overwrites=[])
    post.change(rule, enabled=True)
    assert post.work() == 1
    assert "40 alerts" in post.messages[0].embeds[0]["title"]
    rule.refresh_from_db()
    assert (rule.problem_code, rule.held_until) == ("", None)


def test_where_nobody_mends_it_a_refusal_is_met_once_in_ten_minutes(post: Post) -> None:
    post.rule()
    post.edit(change="delete_channel", channel_id=GENERAL)
    tried = 0
    for _ in range(60):
        post.alert()
        tried += post.work()
        post.pass_time(MINUTE)
    assert 5 <= tried <= 7


def test_a_deleted_channel_is_said_and_another_gets_what_waited(post: Post) -> None:
    rule = post.rule()
    post.edit(change="delete_channel", channel_id=GENERAL)
    post.alert("lost")
    post.work()
    rule.refresh_from_db()
    assert (rule.problem_code, rule.problem_detail) == (
        "CHANNEL_DELETED",
        "The channel was deleted. Choose another one.",
    )
    post.alert("kept")
    post.change(rule, channel_id=MUSIC)
    post.work()
    assert [
        (message.channel_id, "kept" in message.embeds[0]["description"]) for message in post.messages
    ] == [(MUSIC, True)]


def test_a_429_is_waited_out(post: Post) -> None:
    rule = post.rule()
    post.there.fault(kind="rate_limit", path="/messages", count=1, retry_after=30)
    post.alert()
    assert post.work() == 1
    waiting = AlertPost.objects.get()
    assert (waiting.state, waiting.error_code) == (PostState.PENDING, "DISCORD_RATE_LIMITED")
    assert waiting.due_at > timezone.now() + timedelta(seconds=25)
    rule.refresh_from_db()
    assert rule.problem_code == ""  # nobody needs to do anything
    discord._transport.cache_clear()  # another process, half a minute later
    post.pass_time(timedelta(seconds=31))
    assert post.work() == 1
    assert len(post.messages) == 1


def test_a_discord_that_fails_is_tried_ever_more_rarely_and_gets_it_once(post: Post) -> None:
    rule = post.rule()
    post.there.fault(kind="http_status", status=500, path="/messages", method="POST", count=12)
    post.alert()
    waits = []
    for _ in range(4):
        assert post.work() == 1  # three requests each
        waits.append((AlertPost.objects.get().due_at - timezone.now()).total_seconds())
        post.pass_time(timedelta(seconds=10))
    assert [round(wait) for wait in waits] == [1, 2, 4, 8]
    rule.refresh_from_db()
    assert (rule.problem_code, states()) == ("DISCORD_FAILED", [PostState.PENDING])
    post.work()
    rule.refresh_from_db()
    assert (len(post.messages), states(), rule.problem_code) == (1, [PostState.POSTED], "")


def test_a_discord_that_answers_too_late_has_it_once(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord, "TIMEOUT_SECONDS", 0.3)
    gave_up = threading.Event()
    observers = post.there.sandbox.observers

    def hang(method: str, path: str, status: int, body: Any) -> None:
        gave_up.wait(10)  # the message is made, the answer is not sent

    observers.append(hang)
    post.rule()
    post.alert()
    assert post.work() == 1
    observers.pop()
    gave_up.set()
    assert (len(post.messages), states()) == (1, [PostState.PENDING])
    monkeypatch.setattr(discord, "TIMEOUT_SECONDS", 5.0)
    post.pass_time(timedelta(seconds=2))
    post.work()
    assert (len(post.messages), states()) == (1, [PostState.POSTED])


def test_another_refusal_is_given_up_with_its_code(post: Post) -> None:
    rule = post.rule()
    post.there.fault(kind="http_status", status=400, path="/messages", count=1)
    post.alert()
    post.work()
    rule.refresh_from_db()
    assert (rule.problem_code, states()) == ("DISCORD_REFUSED", [PostState.FAILED])
    assert "HTTP 400" in rule.problem_detail


def test_a_bad_token_loses_nothing(post: Post) -> None:
    post.rule()
    post.there.fault(kind="http_status", status=401, path="/messages", count=1)
    post.alert()
    post.work()
    assert states() == [PostState.PENDING]
    post.pass_time(timedelta(seconds=2))
    post.work()
    assert states() == [PostState.POSTED]
