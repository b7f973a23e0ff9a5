"""Alerts that Discord refuses, wholly or partly: retried, given up, or sent in a simpler form."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts import discord
from alerts.domain.delivery import deliver
from alerts.domain.rules import rule_shapes
from alerts.domain.settle import settle
from alerts.models import AlertPost, PostState
from guilds.channel_permissions import ATTACH_FILES, EMBED_LINKS, SEND_MESSAGES
from guilds.domain.installation import bot_left
from sandbox.seed import DJ_ROLE, LOUNGE
from tests.alerts.outbox import GENERAL, MINUTE, MUSIC, PNG, Post, states


@pytest.fixture
def answers(post: Post) -> Iterator[list[int]]:
    """The status codes of the sandbox's responses to posted messages."""
    seen: list[int] = []

    def note(method: str, path: str, status: int, body: Any) -> None:
        if method == "POST" and path.endswith("/messages"):
            seen.append(status)

    post.there.sandbox.observers.append(note)
    yield seen
    post.there.sandbox.observers.remove(note)


# --- What the bot may not send ---


@pytest.mark.parametrize("reported", [True, False], ids=["known", "not known yet"])
def test_where_files_are_not_allowed_the_alert_comes_without_its_picture_and_says_so(
    post: Post, answers: list[int], reported: bool
) -> None:
    rule = post.rule(mention_role_id=DJ_ROLE)
    post.deny(ATTACH_FILES, reported=reported)
    post.alert("at the door", picture=PNG)
    assert post.work() == 1
    assert answers == [200] if reported else [403, 200]
    (message,) = post.messages
    assert (message.content, message.mention_roles, message.attachments) == (f"<@&{DJ_ROLE}>", [DJ_ROLE], [])
    (embed,) = message.embeds
    assert embed["description"] == "at the door\n-# No picture: the bot lacks Attach Files here."
    assert "image" not in embed
    kept = rule.posts.get()
    assert (kept.state, kept.error_code) == (PostState.POSTED, "POSTED_IN_PART")
    (shape,) = rule_shapes([rule_again(post)], post.guild)
    assert shape["problem"]["code"] == "POSTED_IN_PART"
    assert "#general" in shape["problem"]["detail"]
    assert "Attach Files" in shape["problem"]["detail"]
    post.alert("no picture")  # has no picture to lose
    post.work()
    assert rule_again(post).problem_code == ""


def rule_again(post: Post) -> Any:
    return post.guild.alert_rules.get()


@pytest.mark.parametrize("reported", [True, False], ids=["known", "not known yet"])
def test_where_embeds_are_not_allowed_the_alert_comes_as_plain_text(
    post: Post, answers: list[int], reported: bool
) -> None:
    post.rule()
    post.deny(EMBED_LINKS, reported=reported)
    post.alert("@everyone at the *door*", picture=PNG)
    assert post.work() == 1
    (message,) = post.messages
    assert message.embeds == []
    assert message.content.startswith("**Front door: high alert**\n@")
    assert r"at the \*door\*" in message.content
    assert "/streams/cam-1#" in message.content
    assert not message.mention_everyone
    (attachment,) = message.attachments
    assert post.download(attachment) == PNG
    assert rule_again(post).problem_code == "POSTED_IN_PART"


def test_where_neither_is_allowed_there_are_words(post: Post, answers: list[int]) -> None:
    post.rule()
    post.deny(EMBED_LINKS | ATTACH_FILES, reported=False)
    post.alert("somebody", picture=PNG)
    assert post.work() == 1
    assert answers == [403, 403, 403, 200]
    (message,) = post.messages
    assert (message.embeds, message.attachments) == ([], [])
    assert "somebody" in message.content
    assert "No picture" in message.content
    assert "Embed Links and Attach Files" in rule_again(post).problem_detail


def test_an_embed_that_discord_drops_without_a_word_is_said_in_the_message(
    post: Post, answers: list[int]
) -> None:
    """With a mention in the message, Discord accepts it without the embed, and the text would be lost."""
    post.rule(mention_role_id=DJ_ROLE)
    post.deny(EMBED_LINKS, reported=False)
    post.alert("somebody")
    assert post.work() == 1
    (message,) = post.messages
    assert (answers, message.embeds, message.mention_roles) == ([200], [], [DJ_ROLE])
    assert message.content.startswith(f"<@&{DJ_ROLE}> **Front door: high alert**\nsomebody\n<http")
    assert states() == [PostState.POSTED]


def test_where_the_bot_may_not_send_at_all_it_asks_once(post: Post, answers: list[int]) -> None:
    post.rule()
    post.deny(SEND_MESSAGES)
    post.alert(picture=PNG)
    post.work()
    assert (answers, rule_again(post).problem_code) == ([403], "MISSING_PERMISSION")


def test_a_digest_in_plain_text_shows_the_newest_that_fit(post: Post) -> None:
    post.rule(max_per_minute=1)
    post.deny(EMBED_LINKS)
    for n in range(12):
        post.alert(f"{n:02} " + "*" * 300)
    post.pass_time(MINUTE)
    post.work()
    content = post.messages[-1].content
    assert len(content) <= 2000
    title, before, *lines, link = content.split("\n")
    assert title == "**11 alerts from Front door (High: 11)**"
    assert before == f"{11 - len(lines)} earlier alerts"
    assert 3 <= len(lines) < 10
    assert " 11 " in lines[-1]
    assert link.startswith("<http")


# --- Discord's responses, and their effects ---


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"status": 403, "code": 50013}, "MISSING_PERMISSION"),  # also for a bot in a timeout
        ({"status": 403, "code": 50001}, "MISSING_PERMISSION"),  # banned, and the bot does not know yet
        ({"status": 404, "code": 10003}, "CHANNEL_DELETED"),
        ({"status": 400, "code": 50008}, "CHANNEL_UNSUITABLE"),  # the channel's type has changed
        ({"status": 400, "code": 40058}, "CHANNEL_UNSUITABLE"),  # a forum
        ({"status": 400, "code": 200000}, "MESSAGE_BLOCKED"),
        ({"status": 400, "code": 50035}, "DISCORD_REFUSED"),
    ],
    ids=lambda value: str(value.get("code")) if isinstance(value, dict) else value,
)
def test_what_would_not_go_better_is_given_up_and_said(
    post: Post, answer: dict[str, int], problem: str
) -> None:
    post.rule()
    post.there.fault(kind="http_status", path="/messages", count=2, **answer)  # plain text is refused too
    post.alert("lost")
    assert (post.work(), states()) == (1, [PostState.FAILED])
    (shape,) = rule_shapes([rule_again(post)], post.guild)
    assert shape["problem"]["code"] == problem
    assert AlertPost.objects.get().error_detail == shape["problem"]["detail"]
    post.alert("held")  # for ten minutes, because it would be refused as well
    assert post.work() == 0


@pytest.mark.parametrize(
    ("answer", "code", "wait"),
    [
        ({"status": 403, "html": True}, "DISCORD_FAILED", 1),  # Cloudflare's own page
        ({"status": 404, "html": True}, "DISCORD_FAILED", 1),
        ({"status": 429, "html": True}, "DISCORD_RATE_LIMITED", 60),
        ({"status": 502, "html": True}, "DISCORD_FAILED", 1),
        ({"status": 503, "code": 130000}, "DISCORD_FAILED", 1),
        ({"status": 400, "code": 40004}, "DISCORD_FAILED", 1),  # sending is temporarily disabled
    ],
    ids=str,
)
def test_what_may_go_better_is_tried_again(post: Post, answer: dict[str, Any], code: str, wait: int) -> None:
    post.rule()
    post.there.fault(kind="http_status", path="/messages", **answer)
    post.alert("later")
    assert (post.work(), states()) == (1, [PostState.PENDING])
    kept = AlertPost.objects.get()
    assert (kept.error_code, rule_again(post).problem_code) == (code, "")
    assert round((kept.due_at - timezone.now()).total_seconds()) == wait
    discord._transport.cache_clear()
    post.pass_time(timedelta(seconds=wait + 1))
    post.work()
    assert (post.texts, states()) == (["later"], [PostState.POSTED])


def test_the_admin_shows_why(post: Post, operator: Client) -> None:
    post.rule()
    post.there.fault(kind="http_status", path="/messages", status=404, code=10003)
    post.alert("lost")
    post.work()
    for page in (
        reverse("admin:alerts_alertpost_changelist"),
        reverse("admin:alerts_alertrule_changelist"),
        reverse("admin:alerts_alertpost_change", args=[AlertPost.objects.get().pk]),
    ):
        assert "CHANNEL_DELETED" in operator.get(page).content.decode()


def test_a_global_429_holds_all_channels(post: Post, answers: list[int]) -> None:
    for channel in (GENERAL, MUSIC):
        post.rule(channel_id=channel)
    post.there.fault(kind="rate_limit", path="/messages", scope="global", retry_after=30)
    post.alert()
    assert (post.work(), answers) == (2, [429])  # the other one is not sent at all
    for kept in AlertPost.objects.all():
        assert (kept.state, kept.error_code) == (PostState.PENDING, "DISCORD_RATE_LIMITED")
        assert kept.due_at > timezone.now() + timedelta(seconds=25)
    discord._transport.cache_clear()
    post.pass_time(timedelta(seconds=31))
    post.work()
    assert {message.channel_id for message in post.messages} == {GENERAL, MUSIC}


def test_what_waits_when_the_bot_leaves_is_given_up_but_what_was_sent_is_noted(post: Post) -> None:
    post.rule()
    post.alert("sent")
    (sent,) = post.claim()
    outcome = deliver(sent)
    post.alert("waits")
    bot_left(LOUNGE)
    assert states() == [PostState.UNKNOWN, PostState.FAILED]
    assert set(AlertPost.objects.values_list("error_code", flat=True)) == {"BOT_NOT_INSTALLED"}
    settle(sent, outcome)
    assert states() == [PostState.POSTED, PostState.FAILED]
    post.guild.refresh_from_db()
    (shape,) = rule_shapes([rule_again(post)], post.guild)
    assert shape["problem"]["code"] == "BOT_NOT_INSTALLED"


def test_a_rule_that_is_turned_off_posts_nothing_that_is_tried_again(post: Post, settings: Settings) -> None:
    rule = post.rule()
    post.there.fault(kind="http_status", status=500, path="/messages")
    post.alert("perhaps there")
    post.work()
    post.there.fault(kind="rate_limit", path="/messages", retry_after=60)
    post.alert("surely not")
    post.work()
    post.change(rule, enabled=False)
    discord._transport.cache_clear()
    post.pass_time(timedelta(minutes=2))
    assert (post.work(), post.messages) == (0, [])
    kept = AlertPost.objects.get()
    assert (kept.state, kept.error_code) == (PostState.UNKNOWN, "TURNED_OFF")


# --- Over time ---


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
    assert post.work() == 0  # each attempt would count towards the bot's limit of invalid requests
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
    assert rule.problem_code == ""  # no action is needed
    discord._transport.cache_clear()  # another process, half a minute later
    post.pass_time(timedelta(seconds=31))
    assert post.work() == 1
    assert len(post.messages) == 1


def test_a_discord_that_fails_is_tried_ever_more_rarely_and_gets_it_once(post: Post) -> None:
    rule = post.rule()
    post.there.fault(kind="http_status", status=500, path="/messages", method="POST", count=4)
    post.alert()
    waits = []
    for _ in range(4):
        assert post.work() == 1
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
        gave_up.wait(10)  # the message is created, but the response is not sent

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
