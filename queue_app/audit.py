"""The log of a guild in sentences for people, and which of its changes can be undone."""

from __future__ import annotations

from typing import Any

import orjson
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts.models import User
from accounts.shapes import user_shape
from guilds.models import Membership
from guilds.permissions import can_manage, is_dj
from queue_app.domain.undo import (
    is_reachable,
    may_undo,
    next_redo,
    next_undo,
    reachable,
    redoable,
    undoable,
)
from queue_app.events import MusicEvent, TracksAdded
from queue_app.models import Change
from queue_app.shapes import iso
from queue_app.words import change_sentence, change_sentences, event_sentence
from realtime.events import event_classes
from realtime.models import Event, Store

# Events that every member may read. Other events are for managers.
FOR_MEMBERS = frozenset(
    event.__name__ for event in event_classes(MusicEvent.log) if issubclass(event, MusicEvent)
)


def read_audit(
    membership: Membership,
    *,
    limit: int,
    before: int | None = None,
    user_id: int | None = None,
    event: str = "",
    via: str = "",
) -> list[dict[str, Any]]:
    """Return up to `limit` events that the member may read, in the shape of AuditEntrySerializer, newest first.

    With `before`, only events before that seq. At most four queries.
    """
    store = Store.objects.get(name=f"guild:{membership.guild_id}")
    events = Event.objects.filter(store=store)
    if before is not None:
        events = events.filter(seq__lt=before)
    if user_id is not None:
        events = events.filter(actor=user_id)
    if via:
        events = events.filter(via=via)
    if event:
        events = events.filter(name=event)
    if not can_manage(membership):
        events = events.filter(name__in=FOR_MEMBERS)
    page = list(_with_change(events, store).select_related("actor").order_by("-seq")[:limit])
    changes = Change.objects.defer("inverse").in_bulk({each.change_id for each in page if each.change_id})
    asker = Asker(store, membership)
    return [_entry(each, changes.get(each.change_id), asker) for each in page]


def _with_change(events: QuerySet[Event], store: Store) -> QuerySet[Any]:
    """Annotate each event with `change_id`, the newest change that began at or before it. It may be over by then."""
    changes = Change.objects.filter(
        guild_id=store.name.partition(":")[2], epoch=store.epoch, seq__lte=OuterRef("seq")
    )
    return events.annotate(change_id=Subquery(changes.order_by("-seq").values("pk")[:1]))


class Asker:
    """A member, and what they may undo as of now."""

    def __init__(self, store: Store, membership: Membership) -> None:
        self._user, self._dj = membership.user, is_dj(membership)
        self._head, self._now = store.head, timezone.now()

    def may_undo(self, change: Change) -> bool:
        reachable = is_reachable(change, head=self._head, now=self._now)
        return reachable and change.undone_seq is None and may_undo(change, self._user.pk, dj=self._dj)


def _entry(event: Any, change: Change | None, asker: Asker) -> dict[str, Any]:
    if change is not None and event.seq > change.last_seq:
        change = None
    return {
        "seq": event.seq,
        "name": event.name,
        "sentence": event_sentence(event.name, _args(event), event.actor, via=event.via),
        "user": user_shape(event.actor) if event.actor else None,
        "via": event.via,
        "at": iso(event.created_at),
        "undoable": change is not None and asker.may_undo(change),
        "undone_by": change.undone_seq if change is not None else None,
        "undoes": event.undoes,
        "redoes": event.redoes,
    }


def _args(event: Event) -> Any:
    """Return the args of an event. For TracksAdded, items are only counted, because parsing 200 takes a millisecond.

    The name that is counted cannot be part of a text in the JSON, where its quotes would be escaped.
    """
    if event.name == TracksAdded.__name__:
        return {"items": range(event.args.count('"requested_by":'))}
    return orjson.loads(event.args)


def read_undo(user: User, guild_id: str) -> dict[str, dict[str, Any] | None]:
    """Return what Undo and Redo would do for this person now (see NextUndoSerializer). At most seven queries."""
    store = Store.objects.get(name=f"guild:{guild_id}")
    changes = reachable(guild_id=guild_id, epoch=store.epoch, head=store.head)
    changes = changes.defer("inverse").select_related("actor")
    return {
        "undo": _change_shape(next_undo(changes, user.pk)),
        "redo": _change_shape(next_redo(changes, user.pk)),
    }


def read_changes(user: User, guild_id: str, *, dj: bool, redo: bool, limit: int) -> list[tuple[Change, str]]:
    """Return up to `limit` changes that a person may undo, or redo, newest first, each with its sentence."""
    store = Store.objects.get(name=f"guild:{guild_id}")
    changes = reachable(guild_id=guild_id, epoch=store.epoch, head=store.head).select_related("actor")
    found = (redoable if redo else undoable)(changes, user.pk, dj=dj, limit=limit)
    return list(zip(found, change_sentences(found), strict=True))


def _change_shape(change: Change | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {"seq": change.seq, "sentence": change_sentence(change), "at": iso(change.created_at)}
