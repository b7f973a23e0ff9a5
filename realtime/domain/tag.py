"""Assign an author to events from before logins were required."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from realtime.models import Event, Via


def find_untagged(*, before: datetime, store: str = "", departed: bool = False) -> QuerySet[Event]:
    """Return events without an author from before that moment, except the bot's.

    These are anonymous events: written by `dev`, or imported without a user. `departed` adds events whose author
    deleted their account. Their rows have no user either, but giving them to somebody else is rarely right.
    """
    nobody = Q(actor=None) | Q(actor__discord_id=None, actor__username="dev")
    events = Event.objects.filter(nobody, created_at__lt=before).exclude(via=Via.BOT)
    if not departed:
        events = events.filter(auth="anonymous")
    return events.filter(store__name=store) if store else events


def count_by_store(events: QuerySet[Event]) -> list[tuple[str, int]]:
    return list(events.order_by().values_list("store__name").annotate(Count("pk")).order_by("store__name"))


def tag(events: QuerySet[Event], user: User) -> int:
    """Make the user the author of the events. `auth` stays `anonymous`, because it records how they were written."""
    return events.update(actor=user)
