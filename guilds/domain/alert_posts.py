"""The outbox of alerts: written with the alert, claimed by a bot, settled when Discord has answered.

What is due goes through `claim_due`, `alert_delivery.deliver` (which asks Discord) and `settle`. A bot may die between
any two of them: the lease runs out, and whoever claims the post next finds out whether Discord has it.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.discord import File
from guilds.alerts.message import Picture, Said, compose, level_of, text_of
from guilds.alerts.models import AlertPost, AlertRule, Level, PostState, new_nonce
from guilds.channel_permissions import READ_MESSAGE_HISTORY, bot_permissions
from guilds.domain.alert_delivery import Delivery, GivenUp, Later, NotThere, Outcome, Posted, Unsure
from guilds.domain.alert_rules import vouched
from guilds.freshness import shard_of
from guilds.models import Channel, Role
from realtime.domain.alerts import Alert
from realtime.models import Event
from realtime.streams.models import AlertFrame, Stream

MINUTE = timedelta(minutes=1)
IN_DIGEST = 10  # alerts that a digest shows, the newest ones
# Longer than all that one delivery may wait for Discord, shorter than Discord honours a nonce.
LEASE = timedelta(seconds=30)
# Discord says "the past few minutes" (docs: Create Message, enforce_nonce).
NONCE_HONOURED = timedelta(minutes=2)
# After Discord refused for good. Each refusal counts against the bot in all guilds (docs: Invalid Request Limit).
HOLD = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(days=1)
KEPT_POSTS = 200  # a rule; older ones that are settled go
WORTH_SAYING = 3  # attempts after which a failure of Discord's is the rule's problem
MAX_BACKOFF = 300.0


# --- Writing ---


def note_alert(alert: Alert) -> None:
    """Put an alert into the outbox of each rule it is for. Inside the transaction that writes the alert."""
    level = level_of(alert.args)
    heard = list(Level)[: list(Level).index(level) + 1]
    # Locked: a rule that is removed at this moment is waited for, and then not there.
    rules = list(
        AlertRule.objects.select_for_update(of=("self",))
        .filter(stream_id=alert.stream.pk, enabled=True, min_level__in=heard, guild__bot_installed=True)
        .order_by("pk")
    )
    valid = vouched(rules) if rules else set()
    for rule in rules:
        if rule.pk in valid:
            _add(rule, alert.event, level)


def _add(rule: AlertRule, event: Event, level: Level) -> None:
    """Join the open digest, or begin one where the alert may not be posted by itself now."""
    now = event.created_at
    posts = AlertPost.objects.filter(rule=rule)
    due = max(now, rule.quiet_end(now) or now, rule.held_until or now)
    digest = posts.select_for_update().filter(digest=True, state=PostState.PENDING, handed_at=None).first()
    if digest is not None:
        digest.event_ids = [*digest.event_ids, event.pk][-IN_DIGEST:]
        digest.levels = digest.levels | {level: digest.levels.get(level, 0) + 1}
        digest.last_at, digest.due_at = now, max(digest.due_at, due)
        digest.save(update_fields=["event_ids", "levels", "last_at", "due_at"])
        return
    # Those that wait count as well: a bot that was away for hours finds N alerts and a digest.
    recent = Q(created_at__gt=now - MINUTE) | Q(state=PostState.PENDING)
    single = posts.filter(recent, digest=False).order_by("-created_at").values_list("created_at", flat=True)
    newest = list(single[: rule.max_per_minute])
    crowded = len(newest) == rule.max_per_minute
    if crowded:
        due = max(due, newest[-1] + MINUTE)
    AlertPost.objects.create(
        rule=rule,
        digest=crowded or due > now,
        event_ids=[event.pk],
        levels={level: 1},
        last_at=now,
        due_at=due,
        created_at=now,
    )


# --- Claiming ---


def claim_due(*, owner: str, shard: int, count: int, limit: int) -> list[Delivery]:
    """Claim what is due in a shard's guilds, at most one post a rule and `limit` in all, the longest due first.

    `owner` names the process. Nobody else gets these posts for `LEASE`.
    """
    now = timezone.now()
    free = Q(lease_owner="") | Q(lease_expires_at__lt=now)
    due = AlertPost.objects.filter(free, state=PostState.PENDING, due_at__lte=now)
    guilds = due.filter(rule__guild__bot_installed=True).order_by().values_list("rule__guild_id", flat=True)
    mine = [guild_id for guild_id in guilds.distinct() if shard_of(guild_id, count) == shard]
    if not mine:
        return []
    busy = AlertPost.objects.filter(state=PostState.PENDING, lease_expires_at__gte=now).values("rule_id")
    waiting = due.filter(rule__guild_id__in=mine).exclude(rule_id__in=busy).select_related("rule__guild")
    found: list[Delivery] = []
    seen = set()
    for post in waiting.order_by("due_at", "pk")[: limit * 4]:
        if post.rule_id in seen or len(found) == limit:
            continue
        seen.add(post.rule_id)
        delivery = _claim(post, free, now=now, owner=owner)
        if delivery is not None:
            found.append(delivery)
    return found


def _claim(post: AlertPost, free: Q, *, now: datetime, owner: str) -> Delivery | None:
    """Claim one post. Null when another process was faster, or when it is not to be posted now."""
    rule, handed_at = post.rule, post.handed_at
    if handed_at is None and (end := rule.quiet_end(now)) is not None:
        AlertPost.objects.filter(pk=post.pk, handed_at=None).update(due_at=end)
        return None
    claimed = AlertPost.objects.filter(free, pk=post.pk, state=PostState.PENDING, due_at__lte=now)
    if not claimed.filter(handed_at=handed_at).update(
        lease_owner=owner,
        lease_expires_at=now + LEASE,
        attempts=F("attempts") + 1,
        handed_at=handed_at or now,
        channel_id=post.channel_id or rule.channel_id,
    ):
        return None
    # Only now: until it was claimed, alerts may have joined.
    try:
        post = AlertPost.objects.select_related("rule__guild").get(pk=post.pk)
    except AlertPost.DoesNotExist:
        return None  # the rule was removed
    if now - post.last_at > GIVE_UP_AFTER:
        settle_given_up(post, owner, "TOO_LATE", "It could not be posted for a day.", hold=False)
        return None
    delivery = _compose(
        post, look_first=handed_at is not None and now - handed_at > NONCE_HONOURED, owner=owner
    )
    if delivery is None:
        settle_given_up(post, owner, "STREAM_GONE", "The stream and its alerts were deleted.", hold=False)
    return delivery


def _compose(post: AlertPost, *, look_first: bool, owner: str) -> Delivery | None:
    """Return what to send; null when the alerts are gone."""
    rule = post.rule
    events = list(
        Event.objects.filter(pk__in=post.event_ids).select_related("actor", "store").order_by("seq")
    )
    if not events:
        return None
    stream_id = events[0].store.name.removeprefix("stream:")  # the rule may be about another one by now
    stream = Stream.objects.filter(pk=stream_id).first()
    frame = AlertFrame.objects.filter(event__in=events).order_by("-event__seq").first()
    picture = Picture(frame.content_type, bytes(frame.data)) if frame else None
    roles = list(Role.objects.filter(guild_id=rule.guild_id))
    role_id = rule.mention_role_id if rule.mention_role_id in {role.pk for role in roles} else None
    channel = Channel.objects.filter(guild_id=rule.guild_id, pk=post.channel_id).first()
    payload = compose(
        [_said(event) for event in events],
        levels=post.levels,
        digest=post.digest,
        stream_id=stream_id,
        stream_name=stream.name if stream else "",
        role_id=role_id,
        nonce=post.nonce,
        picture=picture,
    )
    files: list[File] = [(picture.filename, picture.data, picture.content_type)] if picture else []
    return Delivery(
        post_id=post.pk,
        owner=owner,
        channel_id=post.channel_id,
        channel_name=channel.name if channel else "",
        payload=payload,
        files=files,
        handed_at=post.handed_at or timezone.now(),
        look_first=look_first,
        reads_history=channel is not None
        and bool(
            bot_permissions(rule.guild, channel, bot_id=settings.DISCORD_CLIENT_ID, roles=roles)
            & READ_MESSAGE_HISTORY
        ),
    )


def _said(event: Event) -> Said:
    args: dict[str, Any] = json.loads(event.args) if event.args else {}
    sender = event.actor.username if event.actor else ""
    return Said(text_of(event.name, args), level_of(args), event.created_at, sender)


# --- Settling ---


def settle(delivery: Delivery, outcome: Outcome) -> None:
    """Keep what became of a delivery. Whoever lost the lease meanwhile changes nothing, unless it was posted."""
    post = AlertPost.objects.select_related("rule").filter(pk=delivery.post_id).first()
    if post is None:
        return  # the rule was removed
    match outcome:
        case Posted(message_id):
            _settle_posted(post, message_id)
        case GivenUp(code, detail):
            settle_given_up(post, delivery.owner, code, detail)
        case Unsure(detail):
            _end(post, delivery.owner, PostState.UNKNOWN, "PERHAPS_POSTED", detail)
        case NotThere():
            # Discord does not have it, so from now on it is as one that was never sent.
            _mine(post, delivery.owner).update(
                lease_owner="", lease_expires_at=None, handed_at=timezone.now()
            )
        case Later(code, detail, retry_after):
            _settle_later(post, delivery.owner, code, detail, retry_after)


def _lock_rule(post: AlertPost) -> AlertRule | None:
    """Return the post's rule, locked before the post is written; null when it was removed."""
    return AlertRule.objects.select_for_update().filter(pk=post.rule_id).first()


def _mine(post: AlertPost, owner: str) -> Any:
    return AlertPost.objects.filter(pk=post.pk, state=PostState.PENDING, lease_owner=owner)


@transaction.atomic
def _settle_posted(post: AlertPost, message_id: str) -> None:
    rule = _lock_rule(post)
    if rule is None:
        return
    AlertPost.objects.filter(pk=post.pk).exclude(state=PostState.POSTED).update(
        state=PostState.POSTED,
        message_id=message_id,
        posted_at=timezone.now(),
        error_code="",
        error_detail="",
        lease_owner="",
        lease_expires_at=None,
    )
    if rule.problem_code or rule.held_until:
        AlertRule.objects.filter(pk=rule.pk).update(
            problem_code="", problem_detail="", problem_at=None, held_until=None
        )
    settled = AlertPost.objects.filter(rule=rule).exclude(state=PostState.PENDING).order_by("-pk")
    oldest = settled.values_list("pk", flat=True)[KEPT_POSTS : KEPT_POSTS + 1].first()
    if oldest is not None:
        settled.filter(pk__lte=oldest).delete()


def settle_given_up(post: AlertPost, owner: str, code: str, detail: str, *, hold: bool = True) -> None:
    """Give a post up, and with `hold` let the rule's others wait: they would fare no better."""
    until = timezone.now() + HOLD
    with transaction.atomic():
        if not _end(post, owner, PostState.FAILED, code, detail) or not hold:
            return
        AlertRule.objects.filter(pk=post.rule_id).update(held_until=until)
        waiting = AlertPost.objects.filter(rule_id=post.rule_id, state=PostState.PENDING, handed_at=None)
        waiting.filter(due_at__lt=until).update(due_at=until)


@transaction.atomic
def _end(post: AlertPost, owner: str, state: PostState, code: str, detail: str) -> bool:
    if _lock_rule(post) is None:
        return False
    ended = _mine(post, owner).update(
        state=state, error_code=code, error_detail=detail, lease_owner="", lease_expires_at=None
    )
    if ended:
        _say(post, code, detail)
    return bool(ended)


@transaction.atomic
def _settle_later(post: AlertPost, owner: str, code: str, detail: str, retry_after: float | None) -> None:
    if _lock_rule(post) is None:
        return
    wait = min(MAX_BACKOFF, 2.0 ** min(post.attempts - 1, 10))
    later = _mine(post, owner).update(
        due_at=timezone.now() + timedelta(seconds=max(wait, retry_after or 0)),
        error_code=code,
        error_detail=detail,
        lease_owner="",
        lease_expires_at=None,
    )
    if later and post.attempts >= WORTH_SAYING:
        _say(post, code, f"{detail} It is tried again.")


def _say(post: AlertPost, code: str, detail: str) -> None:
    AlertRule.objects.filter(pk=post.rule_id).update(
        problem_code=code, problem_detail=detail, problem_at=timezone.now()
    )


def try_again(post: AlertPost) -> bool:
    """Put a post that failed, or perhaps went out, back into the outbox. Returns false for others.

    As a message of its own: if the earlier one is there after all, there are two.
    """
    again = AlertPost.objects.filter(pk=post.pk, state__in=(PostState.FAILED, PostState.UNKNOWN))
    now = timezone.now()
    return bool(
        again.update(
            state=PostState.PENDING,
            nonce=new_nonce(),
            due_at=now,
            last_at=now,
            handed_at=now,
            channel_id="",
            attempts=0,
            error_code="",
            error_detail="",
        )
    )
