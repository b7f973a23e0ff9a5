"""Save the queue as a playlist."""

from __future__ import annotations

from typing import Any

from library.domain.playlist_entries import fill
from library.domain.playlists import make_playlist
from library.events import PlaylistCreated
from library.models import PlaylistEntry
from library.playlist_shapes import summary_shape
from queue_app.domain.guild_state import GuildState
from queue_app.domain.rank import queued
from queue_app.errors import NothingQueued
from queue_app.events import QueueSaved


def save_queue(state: GuildState, name: str, *, shared: bool) -> dict[str, Any]:
    """Save the current track and the queue, as described in SaveQueue. Returns the result of that command.

    Reads the whole queue. Raises NothingQueued, TooManyPlaylists and PlaylistFull.
    """
    entries = _entries(state)
    if not entries:
        raise NothingQueued
    guild_id = state.guild_id if shared else None
    playlist = make_playlist(name, origin=state.origin, guild_id=guild_id)
    fill(playlist, entries, origin=state.origin)
    # The name of a person's own playlist is nobody else's business.
    state.append(QueueSaved(count=len(entries)))
    if shared:
        state.append(PlaylistCreated(playlist=playlist))
    state.undo.steps.append({"do": "DeleteSaved", "playlist_id": str(playlist.pk), "count": len(entries)})
    state.undo.count = len(entries)
    return {"playlist": summary_shape(playlist), "saved": len(entries)}


def _entries(state: GuildState) -> list[PlaylistEntry]:
    """Return a new entry for each track, the current one first. Stand-ins for failed searches are left out."""
    columns = ("uri", "title", "artist", "album", "duration_ms")
    rows = queued(state.guild_id).exclude(track__source="none").order_by("rank")
    words = list(rows.values_list(*(f"track__{name}" for name in columns)))
    if (item := state.player.item) is not None:
        words.insert(0, tuple(getattr(item.track, name) for name in columns))
    return [PlaylistEntry(**dict(zip(columns, each, strict=True))) for each in words]
