"""What happens in each of a person's guilds now, for the cards of the dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from guilds.models import Guild, Membership
from library.shapes import track_shape
from queue_app.history import bounds_of
from queue_app.listeners import listeners_of
from queue_app.models import Play, Player
from queue_app.player_states import NOWHERE, PAUSED, STOPPED, PlayerStatus
from realtime.models import Event, Store

LOOKED_AT = 1_000  # events, for the last thing that a person did


def read_rooms(memberships: Sequence[Membership]) -> list[dict[str, Any]]:
    """Return what the cards show, in the order of the memberships. At most nine queries for any number of guilds.

    Guilds without the bot have only their `membership`. Days are those of the current time zone.
    """
    installed = [each for each in memberships if each.guild.bot_installed]
    ids = [each.guild_id for each in installed]
    players = {
        player.pk: player
        for player in Player.objects.select_related("item__track", "item__requested_by").filter(pk__in=ids)
    }
    listening = listeners_of(installed, players.values())
    stores = {store.name.partition(":")[2]: store for store in _stores(ids)}
    deeds = _last_deeds(stores.values())
    quiet = [pk for pk in ids if pk not in players or players[pk].item_id is None]
    evenings = _last_evenings(quiet)
    return [
        {"membership": each}
        | (
            _room(players.get(each.guild_id, Player(pk=each.guild_id)), listening.get(each.guild_id))
            | {"deed": deeds.get(each.guild_id), "evening": evenings.get(each.guild_id)}
            | {"store": stores.get(each.guild_id)}
            if each.guild.bot_installed
            else {}
        )
        for each in memberships
    ]


def _room(player: Player, listening: Mapping[str, Any] | None) -> dict[str, Any]:
    people = listening["items"] if listening else []
    hearing = [each for each in people if not each["deafened"]]
    track = player.item.track if player.item else None
    return {
        "player": player,
        "look": look_of(player),
        "track": track_shape(track) if track else None,
        "position_ms": player.shown_position_ms if track else 0,
        "moves": player.status is PlayerStatus.PLAYING,
        "channel": listening["channel"] if listening else None,
        "listeners": hearing,
        "waiting": player.queue_total,
    }


def look_of(player: Player) -> str:
    """Return `sound`, `paused`, `nowhere`, `away`, `trouble` or `quiet`: what the card's lamp and words say."""
    code = player.silence[0] if player.silence else ""
    if player.status is PlayerStatus.PLAYING:
        return "sound"
    if code in (PAUSED, STOPPED):
        return "paused" if player.item_id or player.queue_total else "quiet"
    if not player.item_id and not player.queue_total:
        return "quiet"
    if code == NOWHERE:
        return "nowhere"
    return "trouble" if player.status is PlayerStatus.ERROR else "away"


def _stores(ids: list[str]) -> Iterable[Any]:
    """Return the guilds' stores, each with `newest`: its newest event by a person, among the last LOOKED_AT."""
    by_people = Event.objects.filter(store=OuterRef("pk"), actor__isnull=False)
    recent = by_people.filter(seq__gt=OuterRef("head") - LOOKED_AT).order_by("-seq")
    names = [f"guild:{pk}" for pk in ids]
    return Store.objects.filter(name__in=names).annotate(newest=Subquery(recent.values("pk")[:1]))


def _last_deeds(stores: Iterable[Any]) -> dict[str, Event]:
    """Return the newest events by people, by guild. Their args are not read."""
    found = Event.objects.filter(pk__in=[store.newest for store in stores if store.newest])
    events = found.defer("args").select_related("actor", "store")
    return {event.store.name.partition(":")[2]: event for event in events}


def _last_evenings(ids: list[str]) -> dict[str, dict[str, Any]]:
    """Return `{day, plays, heard_ms}` of the last day with plays, by guild. Two queries."""
    newest = Play.objects.filter(guild=OuterRef("pk")).order_by("-started_at", "-pk").values("started_at")
    guilds = Guild.objects.filter(pk__in=ids).order_by().annotate(last=Subquery(newest[:1]))
    last = dict(guilds.exclude(last=None).values_list("pk", "last"))
    days = {pk: timezone.localdate(at) for pk, at in last.items()}
    if not days:
        return {}
    plays = Play.objects.filter(reduce(or_, (_on(pk, day) for pk, day in days.items()))).order_by()
    counted = plays.values_list("guild_id").annotate(Count("pk"), Sum("heard_ms"))
    return {pk: {"day": days[pk], "plays": count, "heard_ms": heard} for pk, count, heard in counted}


def _on(guild_id: str, day: date) -> Q:
    since, until = bounds_of(day)
    return Q(guild=guild_id, started_at__gte=since, started_at__lt=until)
