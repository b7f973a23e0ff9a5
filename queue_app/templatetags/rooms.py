"""The cards of the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from accounts.zones import zone_of
from guilds.models import Membership
from guilds.pages import on_page
from library.clock import clock
from queue_app.past_words import day_words, long_duration
from queue_app.rooms import read_rooms
from realtime.models import Event

register = template.Library()
SHOWN_LISTENERS = 5


@register.inclusion_tag("queue_app/cards.html", takes_context=True)
def room_cards(context: dict[str, Any], memberships: Sequence[Membership]) -> dict[str, Any]:
    """Show a card for each guild: what plays, who listens, and who did something last."""
    request = context["request"]
    with timezone.override(zone_of(request)):
        rooms = [_card(room) for room in read_rooms(memberships)]
    playing = [room for room in rooms if room.get("look") == "sound"]
    return {
        "rooms": rooms,
        "playing": len(playing),
        "listening": sum(len(room["listeners"]) for room in playing),
        "user": request.user,
    }


def _card(room: dict[str, Any]) -> dict[str, Any]:
    card = room | {"guild": on_page(room["membership"])}
    if "player" not in room:
        return card
    track, evening = room["track"], room["evening"]
    length = track["duration_ms"] or 0 if track else 0
    listeners = room["listeners"]
    return card | {
        "length": length,
        "clock": clock(room["position_ms"]),
        "length_clock": clock(length) if length else "",
        "share": min(1000, 1000 * room["position_ms"] // length) if length else 0,
        "faces": listeners[:SHOWN_LISTENERS],
        "evening": evening
        and evening | {"words": day_words(evening["day"]), "heard": long_duration(evening["heard_ms"])},
        "deed_ago": _ago(room["deed"]) if room["deed"] else "",
    }


def _ago(event: Event) -> str:
    age = timesince(event.created_at, depth=1)
    recent = (timezone.now() - event.created_at).total_seconds() < 60
    return _("just now") if recent else _("%(age)s ago") % {"age": age}
