"""Playlists as REST and events show them."""

from __future__ import annotations

from typing import Any

from accounts.shapes import user_shape
from library.models import Collaborator, KeptTrack, Playlist
from library.playlist_rights import Access


def summary_shape(playlist: Playlist) -> dict[str, Any]:
    return {
        "id": str(playlist.pk),
        "uri": playlist.uri,
        "name": playlist.name,
        "guild_id": playlist.guild_id,
        "length": playlist.length,
    }


def playlist_shape(playlist: Playlist, access: Access) -> dict[str, Any]:
    """Return a playlist as REST shows it to a person with this access. Its people should be loaded."""
    by = playlist.owner or playlist.created_by
    return summary_shape(playlist) | {
        "owner": user_shape(by) if by is not None else None,
        "shared": playlist.guild_id is not None or bool(playlist.collaborators.all()),
        "access": access.name.lower(),
        "created_at": playlist.created_at.isoformat(),
        "updated_at": playlist.updated_at.isoformat(),
    }


def collaborator_shape(collaborator: Collaborator) -> dict[str, Any]:
    return {
        "id": collaborator.pk,
        "user": user_shape(collaborator.user) if collaborator.user else None,
        "guild_id": collaborator.guild_id,
        "role_id": collaborator.role_id or None,
    }


def words_shape(kept: KeptTrack) -> dict[str, Any]:
    """Return a track as its kept words describe it."""
    scheme = kept.uri.partition(":")[0]
    is_link = scheme in ("http", "https")
    return {
        "uri": kept.uri,
        "title": kept.title,
        "artist": kept.artist,
        "album": kept.album,
        "url": kept.uri if is_link else None,
        "duration_ms": kept.duration_ms,
        "artwork_url": None,
        "source": "http" if is_link else scheme,
        "is_live": False,
    }
