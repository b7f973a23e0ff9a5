"""The pages of what happened in a guild: its history, its activity, and its statistics."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode

from accounts.errors import InvalidInput
from accounts.models import User
from accounts.pages import PersonRequest, page
from accounts.zones import zone_of
from guilds.domain.settings import load_settings
from guilds.models import Membership
from guilds.pages import on_page
from guilds.permissions import can_manage, require_member
from guilds.queries import my_memberships
from queue_app.arguments import Arguments
from queue_app.audit import read_audit
from queue_app.charts import bars, shares
from queue_app.event_kinds import Kind
from queue_app.history import read_history, read_statistics
from queue_app.models import ItemState
from queue_app.past_words import (
    CHOICES,
    OUTCOMES,
    SURFACES,
    day_words,
    long_duration,
    name_of,
    outcome_words,
    undone_words,
)
from queue_app.reading_serializers import (
    AuditQuery,
    HistoryQuery,
    StatisticsQuery,
    read_query,
)
from queue_app.rights import rights

SHOWN_PEOPLE = 300
RANGES = (7, 30, 90, 366)
DEFAULT_DAYS = 30


@page
def history(request: PersonRequest, guild_id: str) -> HttpResponse:
    membership = require_member(request.user, guild_id)
    with timezone.override(zone_of(request)):
        asked = _asked(request, HistoryQuery(), membership)
        limit = asked.pop("limit")
        plays = read_history(guild_id, limit=limit + 1, **asked)
        rows = [_play_row(play) for play in plays[:limit]]
        context = {
            "days": _by_day(rows),
            "older": _older(request, plays, limit, "id"),
            "outcomes": OUTCOMES,
            "can_add": rights(membership, load_settings(guild_id))["add"],
        }
        return _show(request, membership, "history", asked, context)


def _play_row(play: dict[str, Any]) -> dict[str, Any]:
    return play | {
        "at": _moment(play["started_at"]),
        "outcome": outcome_words(play),
        "ended": play["state"] not in (ItemState.PLAYING, ItemState.QUEUED),
    }


@page
def activity(request: PersonRequest, guild_id: str) -> HttpResponse:
    membership = require_member(request.user, guild_id)
    with timezone.override(zone_of(request)):
        asked = _asked(request, AuditQuery(), membership, kind=Kind.CHANGES)
        limit, place = asked.pop("limit"), request.GET.get("surface", "")
        if place in CHOICES:
            asked["vias"] = CHOICES[place][1]
            if place == "bot" and not request.GET.get("kind"):
                del asked["kind"]
        entries = read_audit(membership, limit=limit + 1, **asked)
        rows = [_entry_row(entry, entries) for entry in entries[:limit]]
        context = {
            "days": _by_day(rows),
            "older": _older(request, entries, limit, "seq"),
            "kinds": [kind for kind in Kind if can_manage(membership) or kind in _FOR_MEMBERS],
            "surfaces": [(name, label) for name, (label, _vias) in CHOICES.items()],
            "surface": place,
        }
        return _show(request, membership, "activity", asked, context)


_FOR_MEMBERS = (Kind.CHANGES, Kind.QUEUE, Kind.PLAYER)


def _entry_row(entry: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    turned = entry["undoes"] or entry["redoes"]
    label, icon = SURFACES[entry["via"]]
    who = name_of(entry["user"]) if entry["user"] else "Backline"
    named = entry["sentence"].startswith(who)
    return entry | {
        "who": who if named else "",
        "rest": entry["sentence"].removeprefix(who) if named else entry["sentence"],
        "at": _moment(entry["at"]),
        "surface": label,
        "icon": icon,
        "undone_words": undone_words(entry["undone"]) if entry["undone"] else "",
        "turned": next((each["sentence"] for each in others if each["seq"] == turned), ""),
        "failed": entry["name"] == "TrackFailed",
    }


@page
def statistics(request: PersonRequest, guild_id: str) -> HttpResponse:
    membership = require_member(request.user, guild_id)
    with timezone.override(zone_of(request)):
        asked = _asked(request, StatisticsQuery(), membership)
        found = read_statistics(guild_id, **asked)
        context = {
            "found": found,
            "heard": long_duration(found["heard_ms"]),
            "skipped_share": round(100 * found["skipped"] / found["plays"]) if found["plays"] else 0,
            "by_day": bars([day["plays"] for day in found["by_day"]]),
            "days_table": list(reversed(found["by_day"])),
            "since": datetime.fromisoformat(found["since"]).date(),
            "by_hour": bars(found["by_hour"]),
            "hours_table": list(enumerate(found["by_hour"])),
            "tops": [
                ("tracks", shares(found["top_tracks"])),
                ("artists", shares(found["top_artists"])),
                ("people", shares(found["top_requesters"])),
            ],
            "ranges": RANGES,
            "mine": "user_id" in asked,
        }
        return _show(request, membership, "statistics", asked, context)


def _asked(
    request: PersonRequest, query: Arguments, membership: Membership, **defaults: str
) -> dict[str, Any]:
    """Return the filters in the address. Those that are invalid are ignored, and so is `limit`."""
    asked = {name: value for name, value in request.GET.dict().items() if value and name != "limit"}
    given = defaults | asked
    try:
        return read_query(query, given, user_id=membership.user_id)
    except InvalidInput as error:
        valid = {name: value for name, value in given.items() if name not in error.errors}
        return read_query(query, valid, user_id=membership.user_id)


def _by_day(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"day": day, "words": day_words(day), "rows": list(each)}
        for day, each in groupby(rows, key=lambda row: timezone.localdate(row["at"]))
    ]


def _older(request: PersonRequest, found: list[dict[str, Any]], limit: int, key: str) -> str:
    """Return the address of the next page, empty on the last one."""
    if len(found) <= limit:
        return ""
    kept = {name: value for name, value in request.GET.items() if value and name != "before"}
    return f"{request.path}?{urlencode(kept | {'before': found[limit - 1][key]})}"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _show(
    request: PersonRequest,
    membership: Membership,
    room: str,
    asked: dict[str, Any],
    context: dict[str, Any],
) -> HttpResponse:
    guild_id = membership.guild_id
    people = User.objects.filter(
        is_active=True, pk__in=Membership.objects.filter(guild=guild_id).values("user_id")
    )
    filters = {
        name: value for name, value in request.GET.items() if value and name not in ("before", "limit")
    }
    shared = {
        "guild": on_page(membership),
        "guilds": [on_page(each) for each in my_memberships(request.user, everything=True)],
        "room": room,
        "asked": asked,
        "people": people.order_by("display_name", "pk")[:SHOWN_PEOPLE],
        "filtered": bool(filters),
        "first": "before" not in asked,
    }
    return render(request, f"queue_app/{room}.html", shared | context)
