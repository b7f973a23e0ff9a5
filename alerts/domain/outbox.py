"""The outbox of alerts: posts are written with the alert, and claimed by a bot process.

A due post goes through `claim_due`, `delivery.deliver` (which calls Discord) and `settle.settle`. A process may die
between any two of them. Its lease then expires, and the next process to claim the post checks whether Discord has it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.db.models import F, Min, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from alerts.domain.delivery import NONCE_HONORED, Delivery
from alerts.domain.drafts import draft
from alerts.domain.rules import vouched
from alerts.domain.settle import settle_given_up
from alerts.message import level_of
from alerts.models import AlertPost, AlertRule, Level, PostState
from guilds.freshness import shard_of
from realtime.models import Event
from streams.domain.alerts import Alert

log = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)
IN_DIGEST = 10  # a digest shows this many of the newest alerts
# Longer than one delivery may wait for Discord, and shorter than Discord remembers a nonce.
LEASE = timedelta(seconds=30)
GIVE_UP_AFTER = timedelta(days=1)


# --- Writing ---


def note_alert(alert: Alert) -> None:
    """Add an alert to the outbox of each rule that matches it. Call inside the transaction that writes the alert."""
    level = level_of(alert.args)
    heard = list(Level)[: list(Level).index(level) + 1]
    # Locked: this waits for a removal that is under way, and the removed rule is then missing from the result.
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
    """Add the alert to the open digest, or create a post: a digest if the alert may not be posted on its own now."""
    now = event.created_at
    posts = AlertPost.objects.filter(rule=rule)
    not_before = max(now, rule.quiet_end(now) or now, rule.held_until or now)
    digest = posts.select_for_update().filter(digest=True, state=PostState.PENDING, handed_at=None).first()
    if digest is not None:
        digest.event_ids = [*digest.event_ids, event.pk][-IN_DIGEST:]
        digest.levels = digest.levels | {level: digest.levels.get(level, 0) + 1}
        digest.last_at = now
        if not_before > now:
            digest.due_at = max(digest.due_at, not_before)
        digest.save(update_fields=["event_ids", "levels", "last_at", "due_at"])
        return
    # Pending posts count too, so that a bot that was offline for hours finds N alerts and a digest. Delayed posts count
    # from when they were posted, so that N more do not follow at once when the bot returns.
    recent = Q(created_at__gt=now - MINUTE) | Q(posted_at__gt=now - MINUTE) | Q(state=PostState.PENDING)
    single = posts.filter(recent, digest=False).annotate(at=Coalesce("posted_at", "created_at"))
    newest = list(single.order_by("-at").values_list("at", flat=True)[: rule.max_per_minute])
    crowded = len(newest) == rule.max_per_minute
    due = max(not_before, newest[-1] + MINUTE) if crowded else not_before
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
    """Claim due posts in a shard's guilds, at most one per rule and `limit` in all, the longest due first.

    `owner` names the process. No other process can claim these posts for `LEASE`.
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
        try:
            delivery = _claim(post, free, now=now, owner=owner)
        except DatabaseError:
            raise
        except Exception:
            log.exception("Could not read alert post %s", post.pk)  # one bad post must not stop the others
            continue
        if delivery is not None:
            found.append(delivery)
    return found


def _claim(post: AlertPost, free: Q, *, now: datetime, owner: str) -> Delivery | None:
    """Claim one post. Return None when another process was faster, or when it must not be posted now."""
    rule, doubt_since = post.rule, post.doubt_since
    if post.handed_at is None and (end := rule.quiet_end(now)) is not None:
        AlertPost.objects.filter(pk=post.pk, handed_at=None).update(due_at=end)
        return None
    leased_until = now + LEASE
    claimed = AlertPost.objects.filter(free, pk=post.pk, state=PostState.PENDING, due_at__lte=now)
    if not claimed.filter(handed_at=post.handed_at, doubt_since=doubt_since).update(
        lease_owner=owner,
        lease_expires_at=leased_until,
        attempts=F("attempts") + 1,
        handed_at=post.handed_at or now,
        doubt_since=doubt_since or now,
        # The channel where the message may already be, otherwise the rule's current channel.
        channel_id=(post.channel_id if doubt_since else "") or rule.channel_id,
    ):
        return None
    # Read the post only now: until it was claimed, alerts may have been added.
    try:
        post = AlertPost.objects.select_related("rule__guild").get(pk=post.pk)
    except AlertPost.DoesNotExist:
        return None  # the rule was removed
    doubted = doubt_since is not None
    if now - post.last_at > GIVE_UP_AFTER:
        settle_given_up(
            post, owner, "TOO_LATE", "It could not be posted within a day.", doubted=doubted, hold=False
        )
        return None
    delivery = draft(
        post,
        owner=owner,
        leased_until=leased_until,
        doubt_since=doubt_since,
        look_first=doubt_since is not None and now - doubt_since > NONCE_HONORED,
    )
    if delivery is None:
        detail = "The stream and its alerts were deleted."
        settle_given_up(post, owner, "STREAM_GONE", detail, doubted=doubted, hold=False)
    return delivery


def waiting_since(*, shard: int, count: int) -> datetime | None:
    """Return since when the most overdue post of a shard's guilds has been due, or None if none is overdue.

    Posts in quiet hours, open digests and posts of a held rule are not overdue. Posts that are being retried are.
    """
    late = Q(due_at__lte=timezone.now()) | Q(handed_at__isnull=False)
    guilds = (
        AlertPost.objects.filter(late, state=PostState.PENDING, rule__guild__bot_installed=True)
        .order_by()
        .values_list("rule__guild_id")
        .annotate(since=Min(Coalesce("handed_at", "due_at")))
    )
    return min((since for guild_id, since in guilds if shard_of(guild_id, count) == shard), default=None)
