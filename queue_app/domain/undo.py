"""Find a change, undo it and redo it.

    done → undone       Undo: its author, DJs, and the requester of a track that was skipped by vote
    undone → done       Redo: the same people, and the person who undid it

A change stores the steps that lead to its other state. Undo takes these steps, and stores the steps that reverse them.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import batched, islice

from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from database.statements import IN_STATEMENT
from queue_app.domain.guild_state import GuildState
from queue_app.domain.restore import Outcome, take_steps
from queue_app.errors import NothingToRedo, NothingToUndo, NotYourChange
from queue_app.models import Change, ItemState, QueueItem

REACH = timedelta(hours=24)
REACH_EVENTS = 1_000
LOOKED_AT = 20  # changes, for one that can still be undone


@contextmanager
def one_change(state: GuildState) -> Iterator[None]:
    """Inside, all events belong to one change, which is stored afterwards unless it cannot be undone."""
    since = state.store.head
    state.origin = dataclasses.replace(state.origin, change=since + 1)
    yield
    _record(state, since=since)


def _record(state: GuildState, *, since: int) -> None:
    undo, head = state.undo, state.store.head
    if not undo.steps or head == since:
        return
    Change.objects.create(
        guild_id=state.guild_id,
        epoch=state.store.epoch,
        seq=since + 1,
        last_seq=head,
        actor=None if undo.by_vote else state.origin.user,
        requester=undo.requester,
        count=undo.count,
        inverse=json.dumps(undo.steps, separators=(",", ":")),
    )


def reachable(*, guild_id: str, epoch: str, head: int) -> QuerySet[Change]:
    """Return the changes of a guild that are not too old to be undone or redone."""
    return Change.objects.filter(
        guild_id=guild_id, epoch=epoch, seq__gt=head - REACH_EVENTS, created_at__gt=timezone.now() - REACH
    )


def is_reachable(change: Change, *, head: int, now: datetime) -> bool:
    """Whether a change is not too old to be undone or redone. `head` is that of its log."""
    return change.seq > head - REACH_EVENTS and change.created_at > now - REACH


def may_undo(change: Change, user_id: int, *, dj: bool) -> bool:
    """Whether a person may undo or redo a change. Each of its steps also checks its own right."""
    return dj or user_id in (change.actor_id, change.requester_id, change.undone_by_id)


def next_undo(changes: QuerySet[Change], user_id: int) -> Change | None:
    """Return a person's newest change that is not undone, and of which something can still be undone.

    A track that was added and has played since must not keep them from undoing what they did before.
    """
    newest = changes.filter(actor=user_id, undone_seq=None).order_by("-seq")[:LOOKED_AT]
    return next((change for change in newest if not _is_spent(change)), None)


def undoable(changes: QuerySet[Change], user_id: int, *, dj: bool, limit: int) -> list[Change]:
    """Return up to `limit` changes that a person may undo, newest first, of which something can still be undone."""
    mine = changes if dj else changes.filter(Q(actor=user_id) | Q(requester=user_id))
    newest = mine.filter(undone_seq=None).order_by("-seq")[: limit + LOOKED_AT]
    return list(islice((change for change in newest if not _is_spent(change)), limit))


def redoable(changes: QuerySet[Change], user_id: int, *, dj: bool, limit: int) -> list[Change]:
    """Return up to `limit` changes that a person may redo, the one that was undone last first."""
    theirs = Q(actor=user_id) | Q(requester=user_id) | Q(undone_by=user_id)
    mine = changes if dj else changes.filter(theirs)
    return list(mine.exclude(undone_seq=None).order_by("-undone_seq")[:limit])


def _is_spent(change: Change) -> bool:
    """Whether a change only added or moved items, of which none is queued any longer."""
    steps = json.loads(change.inverse)
    if any(step["do"] not in ("RemoveAdded", "MoveBack") for step in steps):
        return False
    ids = [pk for step in steps for pk in step.get("items", [step.get("item")])]
    waiting = QueueItem.objects.filter(state=ItemState.QUEUED)
    return not any(waiting.filter(pk__in=part).exists() for part in batched(ids, IN_STATEMENT))


def next_redo(changes: QuerySet[Change], user_id: int) -> Change | None:
    """Return the change of this person, or undone by this person, that was undone last.

    None if the person has made another change since.
    """
    newest = changes.filter(actor=user_id).aggregate(seq=Max("seq"))["seq"] or 0
    mine = changes.filter(Q(actor=user_id) | Q(undone_by=user_id), undone_seq__gt=newest)
    return mine.order_by("-undone_seq").first()


def undo(state: GuildState, seq: int | None) -> tuple[Change, Outcome]:
    """Undo the change that has an event with that seq, or the caller's newest change.

    Raises NothingToUndo, NotYourChange, and what the steps raise.
    """
    changes = _changes(state)
    if seq is None:
        change = next_undo(changes, _user_id(state))
    else:
        change = changes.filter(seq__lte=seq, last_seq__gte=seq).first()
        if change is not None and change.undone_seq is not None:
            raise NothingToUndo(_("This change was already undone."))
    if change is None:
        raise NothingToUndo
    _check_right(state, change)
    before = state.store.head
    outcome = _take(state, change, undoes=change.seq)
    if not outcome.done:
        raise NothingToUndo(_("Nothing of this change can be undone now."))
    change.undone_seq, change.undone_by, change.undone_at = before + 1, state.origin.user, timezone.now()
    reasons = Counter(each["reason"] for each in outcome.left_out)
    change.undone_count, change.left_out = outcome.done, json.dumps(reasons) if reasons else ""
    _keep(change, outcome)
    return change, outcome


def redo(state: GuildState, seq: int | None) -> tuple[Change, Outcome]:
    """Redo the undone change that has an event with that seq, or the one that was undone last.

    Raises NothingToRedo, NotYourChange, and what the steps raise.
    """
    changes = _changes(state)
    if seq is None:
        change = next_redo(changes, _user_id(state))
    else:
        change = changes.filter(Q(seq__lte=seq, last_seq__gte=seq) | Q(undone_seq=seq)).first()
        if change is not None and change.undone_seq is None:
            raise NothingToRedo(_("This change is not undone."))
    if change is None:
        raise NothingToRedo
    _check_right(state, change)
    outcome = _take(state, change, redoes=change.seq)
    if not outcome.done:
        raise NothingToRedo(_("Nothing of this change can be redone now."))
    change.undone_seq, change.undone_by, change.undone_at = None, None, None
    change.undone_count, change.left_out = 0, ""
    _keep(change, outcome)
    return change, outcome


def _changes(state: GuildState) -> QuerySet[Change]:
    return reachable(guild_id=state.guild_id, epoch=state.store.epoch, head=state.store.head)


def _user_id(state: GuildState) -> int:
    return state.origin.user.pk if state.origin.user is not None else 0


def _check_right(state: GuildState, change: Change) -> None:
    if not may_undo(change, _user_id(state), dj=state.is_dj):
        if change.requester_id is not None:
            raise NotYourChange(_("A vote skipped this track. Only its requester or a DJ may undo that."))
        raise NotYourChange


def _take(
    state: GuildState, change: Change, *, undoes: int | None = None, redoes: int | None = None
) -> Outcome:
    asked = state.origin
    state.origin = dataclasses.replace(asked, undoes=undoes, redoes=redoes)
    try:
        return take_steps(state, json.loads(change.inverse))
    finally:
        state.origin = asked


def _keep(change: Change, outcome: Outcome) -> None:
    change.inverse = json.dumps(outcome.inverse, separators=(",", ":"))
    change.save(update_fields=["inverse", "undone_seq", "undone_by", "undone_at", "undone_count", "left_out"])
