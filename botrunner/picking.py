"""Reads which queued tracks a person means: a suggestion's value, a number, a range, or words of the title."""

from __future__ import annotations

import re
from uuid import UUID

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from nextcord.utils import escape_markdown

from botrunner.labels import cut, label
from queue_app.arguments import MAX_ITEMS
from queue_app.errors import ItemNotFound
from queue_app.models import QueueItem
from queue_app.numbers import numbered_items, queued_item, search_queue
from queue_app.queries import load_player

LONGEST = 100  # characters of a suggestion (Discord: Application Commands, Option Choice)
MOST = 25  # suggestions

_NUMBER = re.compile(r"#?([0-9]{1,9})\.?")
_RANGE = re.compile(r"#?([0-9]{1,9}) *[-–—] *#?([0-9]{1,9})")
_NAME = re.compile(r"([0-9]{1,9})\. .+")


def name_item(number: int, item: QueueItem) -> str:
    """Return the name under which an item is suggested. The number makes it unique."""
    return cut(f"{number}. {label(item.track.title or item.track.uri, item.track.artist)}", LONGEST)


def read_range(typed: str) -> tuple[int, int] | None:
    """Return `(first, last)` of a range such as 3-7, None if it is none."""
    found = _RANGE.fullmatch(typed.strip())
    return (min(ends), max(ends)) if found and (ends := [int(end) for end in found.groups()]) else None


def pick_item(guild_id: str, typed: str) -> QueueItem:
    """Return the one queued item that is meant. Raises ItemNotFound."""
    if read_range(typed) is not None:
        raise ItemNotFound(_("Choose one track: type its number in /queue, such as 3."))
    (item,) = pick_items(guild_id, typed)
    return item


def pick_items(guild_id: str, typed: str) -> list[QueueItem]:
    """Return the queued items that are meant, in order, at least one. Raises ItemNotFound, which says what to do.

    Discord's clients have sent the name of a suggestion instead of its value (discord-api-docs, issue 4467).
    """
    text = typed.strip()
    if (item_id := _uuid(text)) is not None:
        item = queued_item(guild_id, item_id)
        if item is None:
            raise ItemNotFound(_("This track is no longer in the queue."))
        return [item]
    if (ends := read_range(text)) is not None:
        return _numbered(guild_id, *ends)
    if (found := _NUMBER.fullmatch(text)) is not None:
        number = int(found[1])
        return _numbered(guild_id, number, number)
    if (found := _NAME.fullmatch(text)) is not None:
        number = int(found[1])
        named = numbered_items(guild_id, number, number)
        if named and name_item(number, named[0]) == text:
            return named
    return [_titled(guild_id, text)]


def _numbered(guild_id: str, first: int, last: int) -> list[QueueItem]:
    if last - first >= MAX_ITEMS:
        last = first + MAX_ITEMS  # one more than allowed, if the queue is that long
    items = numbered_items(guild_id, first, last) if first > 0 else []
    if not items:
        total = load_player(guild_id).queue_total
        length = ngettext("It has %(count)s track.", "It has %(count)s tracks.", total) % {"count": total}
        missing = _("There is no track number %(number)s in the queue.") % {"number": first}
        raise ItemNotFound(f"{missing} {length}")
    if len(items) > MAX_ITEMS:
        raise ItemNotFound(
            _("Choose at most %(limit)s tracks at a time.")
            % {"limit": number_format(MAX_ITEMS, force_grouping=True)}
        )
    return items


def _titled(guild_id: str, text: str) -> QueueItem:
    found = search_queue(guild_id, text, limit=2) if text else []
    if len(found) == 1:
        return found[0][1]
    words = {"typed": escape_markdown(cut(" ".join(text.split()), 80))}
    if found:
        raise ItemNotFound(
            _("Several tracks in the queue match “%(typed)s”. Choose a suggestion, or type a number.") % words
        )
    raise ItemNotFound(
        _("No track in the queue matches “%(typed)s”. Choose a suggestion, or type a number in /queue.")
        % words
    )


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None
