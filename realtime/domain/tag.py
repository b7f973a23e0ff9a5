"""Say whose the events are that were written before anybody had to log in."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from realtime.models import Event, Via


def find_untagged(*, before: datetime, store: str = "", departed: bool = False) -> QuerySet[Event]:
    """Return events from before that moment that nobody's name is on, the bot's aside.

    Those are anonymous ones: written by `dev`, or brought in without a user. With `departed` also those whose author
    deleted their account; their rows lack a user too, and giving them to somebody else is rarely right.
    """
    nobody = Q(actor=None) | Q(actor__discord_id=None, actor__username="dev")
    events = Event.objects.filter(nobody, created_at__lt=before).exclude(via=Via.BOT)
    if not departed:
        events = events.filter(auth="anonymous")
    return events.filter(store__name=store) if store else events


def count_by_store(events: QuerySet[Event]) -> list[tuple[str, int]]:
    return list(events.order_by().values_list("store__name").annotate(Count("pk")).order_by("store__name"))


def tag(events: QuerySet[Event], user: User) -> int:
    """Put the user's name on the events. `auth` stays `anonymous`: it says how they were written."""
    return events.update(actor=user)
