"""Store the outcome of a post, and show its problem on the rule.

Code that changes a rule and its posts in one transaction locks the rule's row first.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Case, QuerySet, Value, When
from django.utils import timezone

from alerts import metrics
from alerts.domain.delivery import Delivery, GivenUp, Later, NotThere, Outcome, Posted, Unsure
from alerts.models import AlertPost, AlertRule, PostState, new_nonce

# How long a rule's posts wait after Discord refused one. Each refused request counts against the bot in all guilds
# (docs: Invalid Request Limit).
HOLD = timedelta(minutes=10)
KEPT_POSTS = 200  # per rule; older settled posts are deleted
ATTEMPTS_UNTIL_PROBLEM = (
    3  # number of attempts after which a failure of Discord is shown as the rule's problem
)
MAX_BACKOFF = 300.0


def settle(delivery: Delivery, outcome: Outcome) -> None:
    """Store the outcome of a delivery. If the lease was lost in the meantime, only a posted message is recorded."""
    post = AlertPost.objects.select_related("rule").filter(pk=delivery.post_id).first()
    if post is None:
        return  # the rule was removed
    owner, doubted = delivery.owner, delivery.doubt_since is not None
    match outcome:
        case Posted(message_id, lacking):
            _settle_posted(post, delivery, message_id, lacking)
        case GivenUp(code, detail):
            settle_given_up(post, owner, code, detail, doubted=doubted)
        case Unsure(detail):
            _end(post, owner, "PERHAPS_POSTED", detail, doubted=True)
        case NotThere():
            _mine(post, owner).update(lease_owner="", lease_expires_at=None, doubt_since=None)
        case Later():
            _settle_later(post, owner, outcome, doubted=doubted or outcome.perhaps_done)


def _lock_rule(post: AlertPost) -> AlertRule | None:
    """Lock and return the post's rule, or None when it was removed. Call before writing the post."""
    return AlertRule.objects.select_for_update().filter(pk=post.rule_id).first()


def _mine(post: AlertPost, owner: str) -> QuerySet[AlertPost]:
    return AlertPost.objects.filter(pk=post.pk, state=PostState.PENDING, lease_owner=owner)


def _settle_posted(post: AlertPost, delivery: Delivery, message_id: str, lacking: str) -> None:
    code, detail = "", ""
    if lacking:
        code = "POSTED_IN_PART"
        detail = f"The bot lacks {lacking} in {delivery.where}, so alerts there are incomplete."
    with transaction.atomic():
        rule = _lock_rule(post)
        if rule is None:
            return
        noted = (
            AlertPost.objects.filter(pk=post.pk)
            .exclude(state=PostState.POSTED)
            .update(
                state=PostState.POSTED,
                message_id=message_id,
                posted_at=timezone.now(),
                error_code=code,
                error_detail=detail,
                lease_owner="",
                lease_expires_at=None,
            )
        )
        if lacking or rule.problem_code or rule.held_until:
            AlertRule.objects.filter(pk=rule.pk).update(
                problem_code=code,
                problem_detail=detail,
                problem_at=timezone.now() if lacking else None,
                held_until=None,
            )
        settled = AlertPost.objects.filter(rule=rule).exclude(state=PostState.PENDING).order_by("-pk")
        oldest = settled.values_list("pk", flat=True)[KEPT_POSTS : KEPT_POSTS + 1].first()
        if oldest is not None:
            settled.filter(pk__lte=oldest).delete()
    if noted:
        metrics.count_post("posted", "digest" if post.digest else "alert")


def settle_given_up(
    post: AlertPost, owner: str, code: str, detail: str, *, doubted: bool, hold: bool = True
) -> None:
    """Give up a post. With `hold`, delay the rule's other posts, which would fail too.

    `doubted`: the message may be in Discord from an earlier attempt.
    """
    until = timezone.now() + HOLD
    with transaction.atomic():
        if not _end(post, owner, code, detail, doubted=doubted) or not hold:
            return
        AlertRule.objects.filter(pk=post.rule_id).update(held_until=until)
        waiting = AlertPost.objects.filter(rule_id=post.rule_id, state=PostState.PENDING, handed_at=None)
        waiting.filter(due_at__lt=until).update(due_at=until)


def _end(post: AlertPost, owner: str, code: str, detail: str, *, doubted: bool) -> bool:
    with transaction.atomic():
        if _lock_rule(post) is None:
            return False
        ended = _mine(post, owner).update(
            state=PostState.UNKNOWN if doubted else PostState.FAILED,
            error_code=code,
            error_detail=detail,
            lease_owner="",
            lease_expires_at=None,
        )
        if ended:
            _store_problem(post, code, detail)
    if ended:
        metrics.count_post("unknown" if doubted else "given_up", code)
    return bool(ended)


def _settle_later(post: AlertPost, owner: str, later: Later, *, doubted: bool) -> None:
    wait = min(MAX_BACKOFF, 2.0 ** min(post.attempts - 1, 10))
    with transaction.atomic():
        if _lock_rule(post) is None:
            return
        again = _mine(post, owner).update(
            due_at=timezone.now() + timedelta(seconds=max(wait, later.retry_after or 0)),
            doubt_since=post.doubt_since if doubted else None,
            error_code=later.code,
            error_detail=later.detail,
            lease_owner="",
            lease_expires_at=None,
        )
        if again and post.attempts >= ATTEMPTS_UNTIL_PROBLEM:
            _store_problem(post, later.code, f"{later.detail} The bot will try again.")
    if again:
        metrics.count_post("retried", later.code)


def _store_problem(post: AlertPost, code: str, detail: str) -> None:
    AlertRule.objects.filter(pk=post.rule_id).update(
        problem_code=code, problem_detail=detail, problem_at=timezone.now()
    )


def give_up_guild(guild_id: str) -> None:
    """Give up the pending posts of a guild that the bot left."""
    ended = _end_all(
        AlertPost.objects.filter(rule__guild_id=guild_id),
        "BOT_NOT_INSTALLED",
        "The bot was removed from the server.",
    )
    metrics.count_post("given_up", "BOT_NOT_INSTALLED", ended)


def drop_waiting(rule: AlertRule) -> None:
    """Delete a rule's pending posts. The rule's row must be locked. Posts that may be in Discord keep their row."""
    posts = AlertPost.objects.filter(rule=rule)
    posts.filter(state=PostState.PENDING, doubt_since=None).delete()
    _end_all(posts, "TURNED_OFF", "The rule was turned off or changed to another stream.")


def _end_all(posts: QuerySet[AlertPost], code: str, detail: str) -> int:
    """End all pending posts and return their number. One that is being sent now is still recorded when it is posted."""
    return posts.filter(state=PostState.PENDING).update(
        state=Case(When(doubt_since=None, then=Value(PostState.FAILED)), default=Value(PostState.UNKNOWN)),
        error_code=code,
        error_detail=detail,
        lease_owner="",
        lease_expires_at=None,
    )


def try_again(post: AlertPost) -> bool:
    """Put a failed or possibly posted post back into the outbox. Returns False for posts in other states.

    It becomes a new message. If the earlier one was posted after all, there are two.
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
            doubt_since=None,
            channel_id="",
            attempts=0,
            error_code="",
            error_detail="",
        )
    )
