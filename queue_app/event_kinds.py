"""Kinds of events of a guild's log, by which the audit log is filtered."""

from __future__ import annotations

from functools import cache

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from queue_app.events import MusicEvent, PlayerEvent, QueueEvent, QueueSaved
from realtime.events import event_classes


class Kind(TextChoices):
    CHANGES = "changes", _("All changes")
    QUEUE = "queue", _("Queue")
    PLAYER = "player", _("Player")
    PLAYLISTS = "playlists", _("Playlists")
    SERVER = "server", _("Server and settings")
    ALERTS = "alerts", _("Alerts")


# Steps of the bot that follow by themselves from what people did.
ROUTINE = frozenset(
    {
        "GuildUpdated", "PlayerErrorChanged", "QueueRenumbered", "RightsChanged", "SkipVoted", "TrackAdded",
        "TrackFinished", "TrackResolved", "TrackStarted", "TracksAdded", "VoiceChanged", "VoiceChannelsChanged",
    }
)  # fmt: skip
_APPS = {"library": Kind.PLAYLISTS, "alerts": Kind.ALERTS, "guilds": Kind.SERVER}


@cache
def names_of(kind: Kind) -> list[str]:
    """Return the names of the events of a kind."""
    return [event.__name__ for event in event_classes(MusicEvent.log) if kind in _kinds(event)]


def _kinds(event: type) -> set[Kind]:
    if not issubclass(event, MusicEvent):
        return {_APPS[event.__module__.partition(".")[0]]}
    if event is QueueSaved:
        return {Kind.PLAYLISTS}
    found = {Kind.QUEUE} if issubclass(event, QueueEvent) else set()
    return found | {Kind.PLAYER} if issubclass(event, PlayerEvent) or not found else found
