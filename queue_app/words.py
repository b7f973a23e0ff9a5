"""Sentences for people about what happened in a guild. The event classes have the words (`sentence`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from queue_app.events import ItemsEvent, MusicEvent, QueueCleared, QueueRenumbered, TrackStarted, VoiceLeft
from queue_app.models import Change
from realtime.events import TypedEvent, event_class
from realtime.models import Event, Via

Named = tuple[int, str]  # seq and name of an event


def author_name(actor: User | None, via: str) -> str:
    """Return the name of an event's author. No actor: the bot, or a person whose account was deleted."""
    return str(actor) if actor is not None else "Backline" if via == Via.BOT else _("Someone")


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
    parts = [[each for each in names if change.seq <= each[0] <= change.last_seq] for change in changes]
    needed = [seq for each in parts if (seq := seq_in_words(each)) is not None]
    args = dict(events.filter(seq__in=needed).values_list("seq", "args")) if needed else {}
    return [
        sentence_of(each, args.get(seq_in_words(each) or 0), change.count, _author(change))
        for change, each in zip(changes, parts, strict=True)
    ]


def _author(change: Change) -> str:
    if change.actor is not None:
        return str(change.actor)
    return _("A vote") if change.requester_id is not None else _("Someone")


def sentence_of(
    events: Sequence[Named], args: str | None, count: int, who: str, *, by_bot: bool = False
) -> str:
    """Return the sentence of a change with these events, which are empty if the retention of events deleted them.

    `args` is the JSON of the event `seq_in_words`. `count` is the number of tracks of the change. Never raises: events
    of another version get a neutral sentence.
    """
    if is_stop(events):
        return _stop_sentence(events, count) % {"who": who, "count": count}
    if not events:
        return _sentence("", {}, who)
    _seq, name = main_event(events)
    kind = event_class(MusicEvent.log, name)
    if kind is not None and is_counted(name):
        return kind.sentence % {"who": who, "count": count}
    return _sentence(name, json.loads(args or "{}"), who, by_bot=by_bot)


def is_stop(events: Sequence[Named]) -> bool:
    """Whether these are the events of `Stop`: it skips the current track, clears the queue and leaves."""
    return len(events) > 1 and events[-1][1] == VoiceLeft.__name__


def _stop_sentence(events: Sequence[Named], count: int) -> str:
    if not any(name == QueueCleared.__name__ for _seq, name in events):
        return _("%(who)s stopped playback.")
    return ngettext(
        "%(who)s stopped playback and cleared %(count)s track.",
        "%(who)s stopped playback and cleared %(count)s tracks.",
        count,
    )


def seq_in_words(events: Sequence[Named]) -> int | None:
    """Return the seq of the event whose args the sentence of a change contains. None if it needs no args."""
    if not events or is_stop(events):
        return None
    seq, name = main_event(events)
    return None if is_counted(name) else seq


def is_counted(name: str) -> bool:
    """Whether the sentence of an event only needs the number of tracks of the whole change."""
    kind = event_class(MusicEvent.log, name)
    return kind is not None and issubclass(kind, ItemsEvent)


def main_event(events: Sequence[Named]) -> Named:
    """Return the event that stands for a change: one about several tracks, or a start, else the first one."""
    return min(events, key=_importance)


def _importance(event: Named) -> tuple[int, int]:
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
