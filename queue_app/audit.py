"""The log of a guild in sentences for people, and which of its changes can be undone."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

import orjson
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User
from accounts.shapes import user_shape
from guilds.models import Membership
from guilds.permissions import can_manage, is_dj
from queue_app.bidi import isolated
from queue_app.domain.undo import (
    is_reachable,
    may_undo,
    next_redo,
    next_undo,
    reachable,
    redoable,
    undoable,
)
from queue_app.event_kinds import ROUTINE, Kind, names_of
from queue_app.events import MusicEvent, QueueCleared, TracksAdded
from queue_app.history import bounds_of
from queue_app.models import Change
from queue_app.shapes import iso
from queue_app.words import (
    Named,
    author_name,
    change_sentence,
    change_sentences,
    is_counted,
    is_stop,
    main_event,
    sentence_of,
    seq_in_words,
)
from realtime.events import event_class, event_classes
from realtime.models import Event, Store, Via

# Events that every member may read. Other events are for managers.
FOR_MEMBERS = frozenset(
    event.__name__ for event in event_classes(MusicEvent.log) if issubclass(event, MusicEvent)
)


# Events read at once for each entry: a command on 10,000 items appends 50.
EVENTS_READ = 20


def read_audit(
    membership: Membership,
    *,
    limit: int,
    before: int | None = None,
    user_id: int | None = None,
    event: str = "",
    kind: str = "",
    vias: Collection[str] = (),
    day: date | None = None,
) -> list[dict[str, Any]]:
    """Return up to `limit` changes that the member may read, in the shape of AuditEntrySerializer, newest first.

    The events of one command are one entry, with the seq of the first of them. With `before`, only entries with a
    smaller seq. With `event` or a `kind`, only those that have such an event. `day` is a date in the current time zone.
    At most five queries.
    """
    store = Store.objects.get(name=f"guild:{membership.guild_id}")
    events = Event.objects.filter(store=store)
    if not can_manage(membership):
        events = events.filter(name__in=FOR_MEMBERS)
    found = events if before is None else events.filter(seq__lt=before)
    if user_id is not None:
        found = found.filter(actor=user_id)
    if vias:
        found = found.filter(via__in=vias)
    if day is not None:
        since, until = bounds_of(day)
        found = found.filter(created_at__gte=since, created_at__lt=until)
    if kind == Kind.CHANGES:
        found = found.exclude(via=Via.BOT, name__in=ROUTINE)
    elif kind:
        found = found.filter(name__in=names_of(Kind(kind)))
    if event:
        found = found.filter(name=event)
    narrowed = event or (kind and kind != Kind.CHANGES)
    first = _seqs_with(found, limit) if narrowed else _first_seqs(found, limit)
    heads = list(_with_change(events.filter(seq__in=first), store).select_related("actor").order_by("-seq"))
    known = Change.objects.defer("inverse").select_related("undone_by")
    changes = known.in_bulk({each.change_id for each in heads if each.change_id})
    parts = _parts(events, first)
    args = _args(events, parts.values(), counted=_to_count(heads, parts, changes))
    asker = Asker(store, membership)
    return [_entry(each, parts[each.seq], args, changes.get(each.change_id), asker) for each in heads]


def _first_seqs(found: QuerySet[Event], limit: int) -> list[int]:
    """Return the first seqs of the newest changes, descending."""
    return list(found.filter(change=None).order_by("-seq").values_list("seq", flat=True)[:limit])


def _seqs_with(found: QuerySet[Event], limit: int) -> list[int]:
    """Return the first seqs of the newest changes that have one of these events, descending."""
    first: list[int] = []
    while len(first) < limit:
        older = found.filter(seq__lt=first[-1]) if first else found
        seqs = older.order_by("-seq").values_list(Coalesce("change", "seq"), flat=True)
        read = list(seqs[: limit * EVENTS_READ])
        first += dict.fromkeys(read)
        if len(read) < limit * EVENTS_READ:
            break
    return first[:limit]


def _with_change(events: QuerySet[Event], store: Store) -> QuerySet[Any]:
    """Annotate each event with `change_id`, the newest change that began at or before it. It may be over by then."""
    changes = Change.objects.filter(
        guild_id=store.name.partition(":")[2], epoch=store.epoch, seq__lte=OuterRef("seq")
    )
    return events.defer("args").annotate(change_id=Subquery(changes.order_by("-seq").values("pk")[:1]))


def _parts(events: QuerySet[Event], first: list[int]) -> dict[int, list[Named]]:
    """Return the seqs and names of the events of each of these changes, ascending."""
    rows = events.filter(Q(seq__in=first) | Q(change__in=first)).order_by("seq")
    found: dict[int, list[Named]] = {}
    for seq, name, change in rows.values_list("seq", "name", "change"):
        found.setdefault(change or seq, []).append((seq, name))
    return found


class Asker:
    """A member, and what they may undo as of now."""

    def __init__(self, store: Store, membership: Membership) -> None:
        self._user, self._dj = membership.user, is_dj(membership)
        self._head, self._now = store.head, timezone.now()

    def may_turn(self, change: Change) -> bool:
        """Return whether they may undo the change, or redo it if it is undone."""
        reachable = is_reachable(change, head=self._head, now=self._now)
        return reachable and may_undo(change, self._user.pk, dj=self._dj)


def _entry(
    event: Event, events: list[Named], args: Mapping[int, str], change: Change | None, asker: Asker
) -> dict[str, Any]:
    if change is not None and event.seq > change.last_seq:
        change = None
    main_seq, name = main_event(events)
    by_bot = event.actor is None and event.via == Via.BOT
    who = isolated(author_name(event.actor, event.via))
    count = change.count if change is not None else _count(events, args)
    may_turn = change is not None and asker.may_turn(change)
    undone = change is not None and change.undone_seq is not None
    return {
        "seq": event.seq,
        "last_seq": events[-1][0],
        "name": name,
        "sentence": sentence_of(events, args.get(main_seq), count, who, by_bot=by_bot),
        "user": user_shape(event.actor) if event.actor else None,
        "via": event.via,
        "at": iso(event.created_at),
        "undoable": may_turn and not undone,
        "redoable": may_turn and undone,
        "undone_by": change.undone_seq if change is not None else None,
        "undone": _undone_shape(change) if change is not None and undone else None,
        "undoes": event.undoes,
        "redoes": event.redoes,
    }


def _undone_shape(change: Change) -> dict[str, Any]:
    left_out = json.loads(change.left_out or "{}")
    return {
        "user": user_shape(change.undone_by) if change.undone_by else None,
        "at": iso(change.undone_at),
        "count": change.undone_count,
        "left_out": [{"reason": reason, "count": count} for reason, count in sorted(left_out.items())],
    }


def _to_count(
    heads: list[Any], parts: Mapping[int, list[Named]], changes: Mapping[int, Change]
) -> list[list[Named]]:
    """Return the events of the changes whose number of tracks is not stored, because they can no longer be undone."""
    return [
        parts[head.seq]
        for head in heads
        if (change := changes.get(head.change_id)) is None or head.seq > change.last_seq
    ]


def _args(
    events: QuerySet[Event], parts: Iterable[list[Named]], *, counted: list[list[Named]]
) -> dict[int, str]:
    """Return the args by seq that the sentences need, in JSON."""
    needed = [seq for each in parts if (seq := seq_in_words(each)) is not None]
    needed += [seq for each in counted for seq, name in each if is_counted(name)]
    return dict(events.filter(seq__in=needed).values_list("seq", "args"))


def _count(events: list[Named], args: Mapping[int, str]) -> int:
    """Return the number of tracks that the events list which a sentence about them counts."""
    counted = {name for _, name in events if is_counted(name)}
    name = QueueCleared.__name__ if is_stop(events) else main_event(events)[1]
    if name not in counted:
        return 1
    return sum(_listed(name, args[seq]) for seq, each in events if each == name)


def _listed(name: str, args: str) -> int:
    """Return the number of tracks that an event lists. TracksAdded is not parsed: 200 items take a millisecond.

    The name that is counted cannot be part of a text in the JSON, where its quotes would be escaped.
    """
    if name == TracksAdded.__name__:
        return args.count('"requested_by":')
    listed = getattr(event_class(MusicEvent.log, name), "listed", "")
    return len(orjson.loads(args).get(listed, ()))


def read_undo(user: User, guild_id: str) -> dict[str, dict[str, Any] | None]:
    """Return what Undo and Redo would do for this person now (see NextUndoSerializer). At most seven queries."""
    store = Store.objects.get(name=f"guild:{guild_id}")
    changes = reachable(guild_id=guild_id, epoch=store.epoch, head=store.head)
    changes = changes.defer("inverse").select_related("actor")
    return {
        "undo": _change_shape(next_undo(changes, user.pk), user),
        "redo": _change_shape(next_redo(changes, user.pk), user),
    }


def read_changes(user: User, guild_id: str, *, dj: bool, redo: bool, limit: int) -> list[tuple[Change, str]]:
    """Return up to `limit` changes that a person may undo, or redo, newest first, each with its sentence."""
    store = Store.objects.get(name=f"guild:{guild_id}")
    changes = reachable(guild_id=guild_id, epoch=store.epoch, head=store.head).select_related("actor")
    found = (redoable if redo else undoable)(changes, user.pk, dj=dj, limit=limit)
    return list(zip(found, change_sentences(found, to=user), strict=True))


def _change_shape(change: Change | None, user: User) -> dict[str, Any] | None:
    if change is None:
        return None
    return {"seq": change.seq, "sentence": change_sentence(change, to=user), "at": iso(change.created_at)}
