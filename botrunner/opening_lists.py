"""Reads the playlists that queued links lead to, and replaces the links by their tracks."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from django.utils.translation import gettext_noop

from library.domain.signed_links import networks_for
from library.sources.remote_lists import RemoteList, read_remote_list
from queue_app.domain.open_list import open_list
from queue_app.errors import LeaseLost
from realtime.db import in_thread

log = logging.getLogger(__name__)

UNREADABLE = gettext_noop("This playlist cannot be read.")
INSIDE = gettext_noop("This playlist comes from another playlist, so it was not read.")
NOTHING = gettext_noop("None of the tracks in this playlist can be added here.")

type Told = Callable[[UUID, int, int], None]
"""Takes an item, how many tracks were added in its place, and how many could not be."""


def read_list(uri: str) -> RemoteList:
    """Blocking, for a worker thread. Raises SourceError."""
    return read_remote_list(uri, allow_private=networks_for(uri))


async def put_in_place(
    guild_id: str,
    item_id: UUID,
    found: RemoteList,
    *,
    owner: str,
    told: Told,
    fail: Callable[[UUID, str, str], Awaitable[None]],
) -> None:
    """Replace an item by the tracks of the playlist that was read. `fail` fails the item with a code and a reason.

    Raises LeaseLost.
    """
    try:
        opened = await in_thread(open_list)(guild_id, owner=owner, item_id=item_id, lines=found.lines)
    except LeaseLost:
        raise
    except Exception:  # otherwise this item would be tried for ever, and nothing else would play
        log.exception("Guild %s: the playlist of item %s cannot be opened", guild_id, item_id)
        await fail(item_id, "PLAYLIST", UNREADABLE)
        return
    if opened is None:
        await fail(item_id, "PLAYLIST", INSIDE)
        return
    added, left_out = opened
    if added == 0:
        await fail(item_id, "PLAYLIST", NOTHING)
        return
    left_out += found.surplus + len(found.unread)
    log.info("Guild %s: item %s was a playlist of %s tracks", guild_id, item_id, added)
    told(item_id, added, left_out)
