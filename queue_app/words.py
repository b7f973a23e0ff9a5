"""Sentences for people about what happened in a guild. The event classes have the words (`sentence`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

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
    if change.actor is not None:
        who = str(change.actor)
    else:
        who = _("A vote") if change.requester_id is not None else _("Someone")
    events = Event.objects.filter(
        store__name=f"guild:{change.guild_id}", seq__gte=change.seq, seq__lte=change.last_seq
    )
    names = list(events.order_by("seq").values_list("seq", "name"))
    if not names:  # deleted by the retention of events
        return _sentence("", {}, who)
    seq, name = min(names, key=_importance)
    event = event_class(MusicEvent.log, name)
    if event is not None and issubclass(event, ItemsEvent):
        return event.sentence % {"who": who, "count": change.count}
    return _sentence(name, json.loads(events.values_list("args", flat=True).get(seq=seq)), who)


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
