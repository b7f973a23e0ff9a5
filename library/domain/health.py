"""How the sources are, for the page of the library, for the admin, and for `doctor`.

Only the database and the local folder of uploads are read: a page must not wait for a network folder. The bot's process
looks at the music folder, and notes what is wrong with it (`watching.note_problem`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Count, Sum
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from database.owners import is_free
from library.domain.configured import options_for
from library.domain.watching import LIMIT, MISSING, NETWORK, UNREADABLE
from library.models import ScanLease, Track, Upload
from library.sources import SOURCES
from library.sources.discord import DiscordSource
from library.sources.http import HttpSource
from library.sources.library import LibrarySource
from library.sources.upload import UploadSource

GOOD, WAIT, BAD, OFF = "good", "wait", "bad", "off"
_LABELS = {
    GOOD: gettext_lazy("Good"),
    WAIT: gettext_lazy("Limited"),
    BAD: gettext_lazy("Broken"),
    OFF: gettext_lazy("Off"),
}
OVERDUE = timedelta(minutes=30)  # the bot's process scans the folder every 10 minutes
MB = 1_000_000
_PROBLEMS = {
    MISSING: (
        BAD,
        gettext_noop(
            "The folder is missing, so its tracks cannot be played. Backline looks for it every few seconds."
        ),
    ),
    UNREADABLE: (
        BAD,
        gettext_noop("Backline has no permission to read the folder. It tries again every few seconds."),
    ),
    LIMIT: (
        WAIT,
        gettext_noop(
            "The folder has more subfolders than the system can watch, so it is scanned every 10 minutes."
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Health:
    """A source with its number of available tracks. `state`: good, wait, bad or off. `detail` says in words what is
    wrong and what happens next, or when it was last scanned. It may be empty."""

    name: str
    label: str
    tracks: int
    state: str
    detail: str
    scanned_at: datetime | None = None

    @property
    def state_label(self) -> str:
        return str(_LABELS[self.state])


def source_health() -> list[Health]:
    """Return all sources, in the order of `SOURCES`."""
    counts = dict(Track.objects.filter(available=True).order_by().values_list("source").annotate(Count("pk")))
    found = []
    for source in SOURCES:
        state, detail, scanned_at = _READ[source.name]()
        tracks = counts.get(source.name, 0)
        found.append(Health(source.name, _(source.label), tracks, state, detail, scanned_at))
    return found


def _grouped(number: int) -> str:
    return number_format(number, force_grouping=True)


type _State = tuple[str, str, datetime | None]


def _folder() -> _State:
    lease, now = ScanLease.objects.first(), timezone.now()
    if lease is None or (lease.started_at is None and not lease.problem):
        return WAIT, _("Not scanned yet. The bot's process scans it when it starts."), None
    scanned_at = lease.finished_at
    if lease.problem in _PROBLEMS:
        state, sentence = _PROBLEMS[lease.problem]
        return state, _(sentence), scanned_at
    if scanned_at is None and not is_free(lease.owner, lease.expires_at, now=now):
        counts = {"done": _grouped(lease.done), "total": _grouped(lease.total)}
        return WAIT, _("Being scanned: %(done)s of %(total)s files.") % counts, None
    if scanned_at is None:
        return WAIT, _("The last scan was interrupted. It continues when the bot's process runs."), None
    ago = {"time": timesince(scanned_at, now)}
    if now - scanned_at > OVERDUE:
        return (
            BAD,
            _("Not scanned for %(time)s. Scans continue when the bot's process runs.") % ago,
            scanned_at,
        )
    is_new = now - scanned_at < timedelta(minutes=1)
    sentences = [_("Scanned a moment ago.") if is_new else _("Scanned %(time)s ago.") % ago]
    if lease.problem == NETWORK:
        sentences.append(_("It is on a network, so it is scanned every 10 minutes."))
    if lease.skipped:
        sentence = ngettext(
            "%(count)s new file cannot be played.", "%(count)s new files cannot be played.", lease.skipped
        )
        sentences.append(sentence % {"count": _grouped(lease.skipped)})
    return GOOD, " ".join(sentences), scanned_at


def _uploads() -> _State:
    if not settings.UPLOADS:
        return (
            OFF,
            _("Turned off on this installation. Files that were uploaded before can still be played."),
            None,
        )
    if not can_write(options_for("").uploads):
        return BAD, _("Backline cannot write to the folder of uploads, so new files are refused."), None
    used = int(Upload.objects.aggregate(sum=Sum("size"))["sum"] or 0) // MB
    room = {"used": _grouped(used), "limit": _grouped(settings.UPLOADS_MAX_MB)}
    if used >= settings.UPLOADS_MAX_MB:
        return (
            BAD,
            _("Full: %(used)s of %(limit)s MB. New files are refused until some are deleted.") % room,
            None,
        )
    return GOOD, _("%(used)s of %(limit)s MB used.") % room, None


def can_write(folder: Path) -> bool:
    """Return whether files can be created in a folder, or the folder itself."""
    there = next((each for each in (folder, *folder.parents) if each.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _links() -> _State:
    return GOOD, "", None  # each leads to another server, and is read when it is added


def _attachments() -> _State:
    if not can_write(options_for("").attachments):
        return BAD, _("Backline cannot write to the folder of files from Discord, so they are refused."), None
    return GOOD, "", None


_READ: dict[str, Callable[[], _State]] = {
    LibrarySource.name: _folder,
    UploadSource.name: _uploads,
    HttpSource.name: _links,
    DiscordSource.name: _attachments,
}
