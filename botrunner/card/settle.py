"""Stores the outcome of a card's step."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from alerts.domain.delivery import CHANNEL_DELETED, GivenUp, NotThere, Posted, Unsure
from alerts.domain.delivery import Later as PostLater
from botrunner.card.steps import FLOOR, Delete, Done, Edit, Gone, Outcome, Post, Refused, Retry, Step
from botrunner.models import Card
from guilds.domain.settings import load_settings

HOLD = timedelta(minutes=10)  # after a refusal, because each one counts against the bot in all guilds


def settle(guild_id: str, step: Step, outcome: Outcome, *, owner: str) -> None:
    """Store the outcome of a step, and give up the lease. Does nothing if another process has the lease now."""
    card = Card.objects.filter(pk=guild_id, lease_owner=owner).first()
    if card is None:
        return
    now = timezone.now()
    if isinstance(step, Post):
        _settle_post(card, step, outcome, now)
    elif isinstance(step, Delete):
        _settle_delete(card, step, outcome, now)
    else:
        _settle_edit(card, step, outcome, now)
    card.set(lease_owner="", lease_expires_at=None)


def _settle_post(card: Card, step: Post, outcome: Outcome, now: datetime) -> None:
    if isinstance(outcome, GivenUp) and step.delivery.look_first and outcome.code != CHANNEL_DELETED:
        outcome = Unsure(outcome.detail)  # the search was refused, so the message may be there
    match outcome:
        case Posted(message_id, lacking):
            where = {"permission": lacking, "channel": step.delivery.where}
            detail = _("The bot lacks %(permission)s in %(channel)s.") % where if lacking else ""
            card.set(
                message_id=message_id, posted_at=now, doubt_since=None, not_before=None, picture="", picture_id="",
                shown=step.shown if step.fresh else "",
                problem_code="POSTED_IN_PART" if lacking else "", problem_detail=detail,
            )  # fmt: skip
            if step.folded and step.fresh:
                _fold(card)
        case NotThere():
            card.set(doubt_since=None)
        case PostLater() as later:
            card.set(not_before=now + timedelta(seconds=later.retry_after or 5.0))
        case GivenUp(code, detail):
            card.set(
                doubt_since=None, channel_id="", not_before=now + HOLD, problem_code=code, problem_detail=detail,
            )  # fmt: skip
        case Unsure(detail):
            # Posting again could create a second card, so the doubt stays until the queue ends.
            card.set(not_before=now + HOLD, problem_code="PERHAPS_POSTED", problem_detail=detail)
            if step.folded:
                card.set(doubt_since=None)
                _fold(card)


def _settle_delete(card: Card, step: Delete, outcome: Outcome, now: datetime) -> None:
    match outcome:
        case Retry(seconds):
            card.set(not_before=now + timedelta(seconds=seconds))
        case _ if card.old_message_id == step.message_id:  # deleted, or the bot may no longer delete it
            card.set(old_channel_id="", old_message_id="")


def _settle_edit(card: Card, step: Edit, outcome: Outcome, now: datetime) -> None:
    if card.message_id != step.message_id:
        return
    match outcome:
        case Done(answer):
            attachments = (answer or {}).get("attachments") or []
            picture_id = str(attachments[0].get("id", "")) if attachments and step.picture else ""
            card.set(
                shown=step.shown, picture=step.picture, picture_id=picture_id, not_before=None,
                problem_code="", problem_detail="",
            )  # fmt: skip
            if step.folded:
                _fold(card)
        case Gone():
            card.set(message_id="", channel_id="", shown="", not_before=now + FLOOR)
        case Retry(seconds):
            card.set(not_before=now + timedelta(seconds=seconds))
        case Refused(code, detail):
            card.set(problem_code=code, problem_detail=detail, not_before=now + HOLD)


def _fold(card: Card) -> None:
    """Stop editing the message. The next track gets a new card, which replaces it if this is the request channel."""
    if card.channel_id == load_settings(card.guild_id).request_channel_id:
        card.set(old_channel_id=card.channel_id, old_message_id=card.message_id)
    card.set(
        message_id="", channel_id="", shown="", posted_at=None, picture="", picture_id="",
        began_at=None, last_began_at=card.began_at,
    )  # fmt: skip
