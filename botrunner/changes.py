"""The changes among which people choose in /undo and /redo."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from nextcord.utils import escape_markdown

from accounts.models import User
from botrunner.labels import cut, length
from botrunner.picking import LONGEST, MOST
from guilds.models import Membership
from guilds.permissions import is_dj
from queue_app.audit import read_changes
from queue_app.errors import NothingToRedo, NothingToUndo
from queue_app.models import Change
from realtime.models import Store


def find_changes(guild_id: str, discord_id: str, typed: str, *, redo: bool) -> dict[str, Change]:
    """Return the changes that a person may undo, or redo, by unique names with the typed words, newest first."""
    user = User.objects.filter(discord_id=discord_id).first()
    if user is None:
        return {}
    membership = (
        Membership.objects.select_related("guild__settings").filter(guild=guild_id, user=user).first()
    )
    dj = membership is not None and is_dj(membership)
    found: dict[str, Change] = {}
    for change, sentence in read_changes(user, guild_id, dj=dj, redo=redo, limit=MOST):
        found[_name(change, sentence, found)] = change
    words = typed.casefold().split()
    return {name: change for name, change in found.items() if all(word in name.casefold() for word in words)}


def _name(change: Change, sentence: str, taken: dict[str, Change]) -> str:
    """Return the name under which a change is suggested: what it did, and how long ago that was."""
    if timezone.now() - change.created_at < timedelta(minutes=1):
        when = _("just now")
    else:
        when = _("%(time)s ago") % {"time": timesince(change.created_at, depth=1)}
    number, more = 1, f" · {when}"
    while (name := cut(sentence.removesuffix("."), LONGEST - length(more)) + more) in taken:
        number += 1
        more = f" · {when} · #{number}"
    return name


def named_change(guild_id: str, pk: str) -> Change | None:
    """Return the change with the primary key that a button or a suggestion contains. None: it cannot be undone."""
    known = pk.isascii() and pk.isdecimal() and len(pk) < 19
    change = Change.objects.filter(guild_id=guild_id, pk=int(pk)).first() if known else None
    if change is not None and Store.objects.filter(name=f"guild:{guild_id}", epoch=change.epoch).exists():
        return change
    return None


def pick_change(guild_id: str, discord_id: str, typed: str, *, redo: bool) -> Change:
    """Return the change that is meant by a suggestion's value, or by words of its name.

    Raises NothingToUndo or NothingToRedo, whose text says what to do.
    """
    nothing = NothingToRedo if redo else NothingToUndo
    text = typed.strip()
    if text.isdecimal():
        change = named_change(guild_id, text)
        if change is None:
            raise nothing
        return change
    found = list(find_changes(guild_id, discord_id, text, redo=redo).values())
    if len(found) == 1:
        return found[0]
    words = {"typed": escape_markdown(cut(" ".join(text.split()), 80))}
    if found:
        raise nothing(_("Several changes match “%(typed)s”. Choose a suggestion.") % words)
    raise nothing(_("No change that you may choose matches “%(typed)s”. Choose a suggestion.") % words)
