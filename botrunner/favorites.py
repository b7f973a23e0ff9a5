"""Adds tracks to the favorites of the person who asks, and removes them. Only that person is told."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from botrunner.embeds import title_of_track
from botrunner.reply import Asked
from botrunner.running import origin_of, read
from library.domain.favorites import add_favorite, remove_favorite
from library.models import Track
from queue_app.errors import ItemNotFound, NothingPlaying
from queue_app.models import QueueItem
from queue_app.queries import load_player


def current_track(guild_id: str) -> Track:
    """Return the track that plays. Raises NothingPlaying."""
    item = load_player(guild_id).item
    if item is None:
        raise NothingPlaying
    return item.track


def track_of_item(guild_id: str, item_id: str) -> Track:
    """Return the track of an item, in any state. Raises ItemNotFound."""
    try:
        pk = UUID(item_id)
    except ValueError as error:
        raise ItemNotFound from error
    item = QueueItem.objects.filter(guild_id=guild_id, pk=pk).select_related("track").first()
    if item is None:
        raise ItemNotFound
    return item.track


async def toggle_current(asked: Asked) -> None:
    """Raises NothingPlaying, PlaylistFull and NothingFound."""
    await toggle_favorite(asked, await read(asked, current_track, str(asked.guild_id)))


async def toggle_favorite(asked: Asked, track: Track) -> None:
    """Raises PlaylistFull and NothingFound."""
    added = await read(asked, _toggle, asked, track)
    with asked.own_language():
        words = {"track": f"**{title_of_track(track)}**"}
        if added:
            sentence = _("Added %(track)s to your favorites. Play them with /playlist play.") % words
        else:
            sentence = _("Removed %(track)s from your favorites.") % words
    await asked.reply(sentence, private=True)


def _toggle(asked: Asked, track: Track) -> bool:
    """Returns whether the track is a favorite now."""
    user = origin_of(asked).user
    assert user is not None
    if remove_favorite(user, track.uri):
        return False
    return add_favorite(user, track.uri)
