"""Sentences for people about what happened in a guild. The event classes have the words (`sentence`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from queue_app.events import ItemsEvent, MusicEvent, QueueRenumbered, TrackStarted
from queue_app.models import Change
from realtime.events import TypedEvent, event_class
from realtime.models import Event, Via


def event_sentence(name: str, args: Mapping[str, Any], actor: User | None, *, via: str = Via.BOT) -> str:
    """Return the sentence of an event, such as "Ines added Blue Train.", in the active language.

    `actor` and `via` are those of the event. Without an actor, it was the bot or a person whose account was deleted.
    Never raises: an event of another version gets a neutral sentence.
    """
    by_bot = actor is None and via == Via.BOT
    who = str(actor) if actor is not None else "Backline" if by_bot else _("Someone")
    return _sentence(name, args, who, by_bot=by_bot)


def change_sentence(change: Change) -> str:
    """Return the sentence of a change, such as "Ines cleared 12 tracks.". At most two queries.

    `change.actor` should be loaded.
    """
    return change_sentences([change])[0]


def change_sentences(changes: Sequence[Change]) -> list[str]:
    """Return the sentence of each of several changes of one guild. At most two queries.

    Their `actor` should be loaded.
    """
    if not changes:
        return []
    events = Event.objects.filter(store__name=f"guild:{changes[0].guild_id}")
    ranges = (Q(seq__gte=change.seq, seq__lte=change.last_seq) for change in changes)
    names = list(events.filter(reduce(or_, ranges)).order_by("seq").values_list("seq", "name"))
    main = [
        min(
            (each for each in names if change.seq <= each[0] <= change.last_seq),
            key=_importance,
            default=None,
        )
        for change in changes
    ]
    said = [each[0] for each in main if each is not None and not _is_counted(each[1])]
    args = dict(events.filter(seq__in=said).values_list("seq", "args")) if said else {}
    return [_main_sentence(change, each, args) for change, each in zip(changes, main, strict=True)]


def _main_sentence(change: Change, event: tuple[int, str] | None, args: Mapping[int, str]) -> str:
    """Return the sentence of a change's main event. None if the retention of events has deleted it."""
    if change.actor is not None:
        who = str(change.actor)
    else:
        who = _("A vote") if change.requester_id is not None else _("Someone")
    if event is None:
        return _sentence("", {}, who)
    seq, name = event
    kind = event_class(MusicEvent.log, name)
    if kind is not None and _is_counted(name):
        return kind.sentence % {"who": who, "count": change.count}
    return _sentence(name, json.loads(args[seq]), who)


def _is_counted(name: str) -> bool:
    """Whether the sentence of an event only needs the number of tracks of the whole change."""
    kind = event_class(MusicEvent.log, name)
    return kind is not None and issubclass(kind, ItemsEvent)


def _importance(event: tuple[int, str]) -> tuple[int, int]:
    """Return the sort key of a change's events. The best one comes first: one about several tracks, or a start."""
    seq, name = event
    kind = event_class(MusicEvent.log, name)
    if kind is None or kind is QueueRenumbered:
        return 2, seq
    # A command starts a track only when it goes back to it.
    return 0 if issubclass(kind, ItemsEvent) or kind is TrackStarted else 1, seq


def _sentence(name: str, args: Mapping[str, Any], who: str, *, by_bot: bool = False) -> str:
    event = event_class(MusicEvent.log, name)
    try:
        if event is not None:
            return _filled(event, args, who, by_bot=by_bot)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass  # args of another version
    return _("%(who)s changed something.") % {"who": who}


def _filled(event: type[TypedEvent], args: Mapping[str, Any], who: str, *, by_bot: bool) -> str:
    return event.words(args, by_bot=by_bot) % {"who": who, **event.placeholders(args)}
