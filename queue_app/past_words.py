"""What the pages of the history and the activity say about one entry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy, pgettext_lazy
from django_stubs_ext import StrPromise

from library.clock import clock
from queue_app.bidi import isolated
from queue_app.left_out import Restoring
from queue_app.models import ItemState
from realtime.models import Via

HOUR_MS = 3_600_000

# Commands of pages arrive over REST and over `/sync`, as those of other programs do.
SURFACES: dict[str, tuple[StrPromise, str]] = {
    Via.SYNC: (gettext_lazy("Web or API"), "monitor"),
    Via.REST: (gettext_lazy("Web or API"), "monitor"),
    Via.DISCORD: (gettext_lazy("Discord"), "headphones"),
    Via.ADMIN: (gettext_lazy("Admin"), "shield-check"),
    Via.BOT: (gettext_lazy("Backline"), "bot"),
}
# The surfaces to choose from, by the word in the address.
CHOICES: dict[str, tuple[StrPromise, tuple[Via, ...]]] = {
    "web": (gettext_lazy("Web or API"), (Via.SYNC, Via.REST)),
    "discord": (gettext_lazy("Discord"), (Via.DISCORD,)),
    "admin": (gettext_lazy("Admin"), (Via.ADMIN,)),
    "bot": (gettext_lazy("Backline itself"), (Via.BOT,)),
}
OUTCOMES: dict[str, StrPromise] = {
    ItemState.PLAYED: pgettext_lazy("a track", "Played"),
    ItemState.SKIPPED: pgettext_lazy("a track", "Skipped"),
    ItemState.FAILED: pgettext_lazy("a track", "Failed"),
}
_LEFT_OUT: dict[str, Callable[[int], str]] = {
    Restoring.ALREADY_QUEUED: lambda n: ngettext("%(n)s is in the queue", "%(n)s are in the queue", n),
    Restoring.ALREADY_PLAYED: lambda n: ngettext("%(n)s had already played", "%(n)s had already played", n),
    Restoring.ALREADY_REMOVED: lambda n: ngettext("%(n)s was removed", "%(n)s were removed", n),
    Restoring.ALREADY_FAILED: lambda n: ngettext("%(n)s had failed", "%(n)s had failed", n),
    Restoring.GONE: lambda n: ngettext("%(n)s no longer exists", "%(n)s no longer exist", n),
    Restoring.QUEUE_FULL: lambda n: ngettext(
        "%(n)s did not fit into the queue", "%(n)s did not fit into the queue", n
    ),
    Restoring.WOULD_INTERRUPT: lambda n: ngettext("%(n)s plays next instead", "%(n)s play next instead", n),
    Restoring.CHANGED_SINCE: lambda n: ngettext(
        "%(n)s had been changed since", "%(n)s had been changed since", n
    ),
}
_CAME_BACK = ngettext_lazy("%(count)s came back", "%(count)s came back", "count")


def name_of(person: dict[str, Any] | None) -> str:
    return isolated(str(person["display_name"] or person["username"])) if person else _("Someone")


def outcome_words(play: dict[str, Any]) -> str:
    """Return how a play ended, and who ended it."""
    values = {"position": clock(play["heard_ms"]), "name": name_of(play["skipped_by"])}
    match play["state"]:
        case ItemState.PLAYING:
            return _("Playing now")
        case ItemState.QUEUED:
            return _("Waits to continue")
        case ItemState.SKIPPED if play["by_vote"]:
            return _("Skipped by vote at %(position)s") % values
        case ItemState.SKIPPED if play["skipped_by"]:
            return _("Skipped by %(name)s at %(position)s") % values
        case ItemState.SKIPPED:
            return _("Skipped at %(position)s") % values
    return str(OUTCOMES[play["state"]])


def undone_words(undone: dict[str, Any]) -> str:
    """Return who undid a change and when, and what did not come back."""
    at = datetime.fromisoformat(undone["at"]) if undone["at"] else None
    values = {
        "name": name_of(undone["user"]),
        "time": date_format(timezone.localtime(at), "H:i") if at else "",
    }
    words = _("Undone by %(name)s at %(time)s") if at else _("Undone by %(name)s")
    parts = [words % values]
    if undone["left_out"]:
        rest = [
            _LEFT_OUT[each["reason"]](each["count"]) % {"n": each["count"]} for each in undone["left_out"]
        ]
        parts.append(", ".join([str(_CAME_BACK % {"count": undone["count"]}), *rest]))
    return " · ".join(parts)


def day_words(day: date) -> str:
    """Return a day of the current time zone in words."""
    today = timezone.localdate()
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return date_format(day, "DATE_FORMAT")


def long_duration(milliseconds: int) -> str:
    """Return a length such as `24 min` or `2 h 41 min`."""
    minutes = round(milliseconds / 60_000)
    values = {"hours": minutes // 60, "minutes": minutes % 60}
    if minutes < 60:
        return _("%(minutes)s min") % values
    return (_("%(hours)s h %(minutes)s min") if values["minutes"] else _("%(hours)s h")) % values
