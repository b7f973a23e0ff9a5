"""Sentences for people about what happened in a guild. The event classes have the words (`sentence`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.models import User
from queue_app.bidi import isolated
from queue_app.events import ItemsEvent, MusicEvent, QueueCleared, QueueRenumbered, TrackStarted, VoiceLeft
from queue_app.models import Change
from realtime.events import Deed, TypedEvent, Words, event_class
from realtime.models import Event, Via

Named = tuple[int, str]  # seq and name of an event

_CHANGED = Deed(gettext_lazy("%(who)s changed something."), gettext_lazy("You changed something."))
_STOPPED = Deed(gettext_lazy("%(who)s stopped playback."), gettext_lazy("You stopped playback."))
_STOPPED_AND_CLEARED = Deed(
    ngettext_lazy(
        "%(who)s stopped playback and cleared %(count)s track.",
        "%(who)s stopped playback and cleared %(count)s tracks.",
        "count",
    ),
    ngettext_lazy(
        "You stopped playback and cleared %(count)s track.",
        "You stopped playback and cleared %(count)s tracks.",
        "count",
    ),
)


def author_name(actor: User | None, via: str) -> str:
    """Return the name of an event's author. No actor: the bot, or a person whose account was deleted."""
    return str(actor) if actor is not None else "Backline" if via == Via.BOT else _("Someone")


def change_sentence(change: Change, *, to: User | None = None) -> str:
    """Return the sentence of a change, such as "Ines cleared 12 tracks.". At most two queries.

    `change.actor` should be loaded. `to` is the person to whom it is said, for "You cleared 12 tracks."
    """
    return change_sentences([change], to=to)[0]


def change_sentences(changes: Sequence[Change], *, to: User | None = None) -> list[str]:
    """Return the sentence of each of several changes of one guild, as `change_sentence` does. At most two queries."""
    if not changes:
        return []
    events = Event.objects.filter(store__name=f"guild:{changes[0].guild_id}")
    ranges = (Q(seq__gte=change.seq, seq__lte=change.last_seq) for change in changes)
    names = list(events.filter(reduce(or_, ranges)).order_by("seq").values_list("seq", "name"))
    parts = [[each for each in names if change.seq <= each[0] <= change.last_seq] for change in changes]
    needed = [seq for each in parts if (seq := seq_in_words(each)) is not None]
    args = dict(events.filter(seq__in=needed).values_list("seq", "args")) if needed else {}
    return [
        sentence_of(each, args.get(seq_in_words(each) or 0), change.count, _author(change, to))
        for change, each in zip(changes, parts, strict=True)
    ]


def _author(change: Change, to: User | None) -> str | None:
    if change.actor is not None:
        return None if change.actor == to else str(change.actor)
    return _("A vote") if change.requester_id is not None else _("Someone")


def sentence_of(
    events: Sequence[Named], args: str | None, count: int, who: str | None, *, by_bot: bool = False
) -> str:
    """Return the sentence of a change with these events, which are empty if the retention of events deleted them.

    `who` did it, None if it is the person to whom this is said. `args` is the JSON of the event `seq_in_words`. `count`
    is the number of tracks of the change. Never raises: events of another version get a neutral sentence.
    """
    if is_stop(events):
        stopped = (
            _STOPPED_AND_CLEARED if any(name == QueueCleared.__name__ for _seq, name in events) else _STOPPED
        )
        return _words(stopped, who) % {"who": who, "count": count}
    if not events:
        return _sentence("", {}, who)
    _seq, name = main_event(events)
    kind = event_class(MusicEvent.log, name)
    if kind is not None and is_counted(name):
        return _words(kind.sentence, who) % {"who": who, "count": count}
    return _sentence(name, json.loads(args or "{}"), who, by_bot=by_bot)


def is_stop(events: Sequence[Named]) -> bool:
    """Whether these are the events of `Stop`: it skips the current track, clears the queue and leaves."""
    return len(events) > 1 and events[-1][1] == VoiceLeft.__name__


def _words(sentence: Words, who: str | None) -> Words:
    """Return a sentence, in the words to the person who did it if that is who reads it (None)."""
    return sentence.to_them if who is None and isinstance(sentence, Deed) else sentence


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


def _sentence(name: str, args: Mapping[str, Any], who: str | None, *, by_bot: bool = False) -> str:
    event = event_class(MusicEvent.log, name)
    try:
        if event is not None:
            return _filled(event, args, who, by_bot=by_bot)
    except (AttributeError, KeyError, TypeError, ValueError):
        pass  # args of another version
    return _words(_CHANGED, who) % {"who": who}


def _filled(event: type[TypedEvent], args: Mapping[str, Any], who: str | None, *, by_bot: bool) -> str:
    values = event.placeholders(args)
    plain = {name: isolated(each) if isinstance(each, str) else each for name, each in values.items()}
    return _words(event.words(args, by_bot=by_bot), who) % {"who": who, **plain}
