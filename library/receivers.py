"""Answers to signals of the apps below."""

from __future__ import annotations

from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts.models import User
from accounts.signals import departing, exporting, housekeeping
from guilds.models import Membership
from guilds.signals import listing_sources
from library.domain.collaborators import end_sharing, pass_on_playlists
from library.domain.playlists import empty_trash
from library.domain.uploads import delete_abandoned, delete_stray_parts, delete_uploads_of
from library.playlist_queries import (
    export_collaborations,
    export_entries,
    export_favorites,
    export_playlists,
)
from library.sources import SOURCES
from library.upload_queries import export_uploads


@receiver(listing_sources)
def list_sources(sender: object, **kwargs: object) -> dict[str, str]:
    return {source.name: source.label for source in SOURCES}


@receiver(exporting)
def export_lists(sender: object, user: User, **kwargs: object) -> dict[str, object]:
    return {
        "playlists": export_playlists(user),
        "playlist_entries": export_entries(user),
        "playlist_collaborations": export_collaborations(user),
        "favorites": export_favorites(user),
    }


@receiver(exporting)
def export_files(sender: object, user: User, **kwargs: object) -> dict[str, object]:
    return {"uploads": export_uploads(user)}


@receiver(departing)
def delete_their_uploads(sender: object, user: User, **kwargs: object) -> None:
    delete_uploads_of(user)


@receiver(departing)
def pass_on(sender: object, user: User, **kwargs: object) -> None:
    pass_on_playlists(user)


@receiver(post_delete, sender=Membership)
def end_sharing_there(sender: object, instance: Membership, **kwargs: object) -> None:
    end_sharing(instance.user_id, instance.guild_id)


@receiver(housekeeping)
def delete_removed(sender: object, **kwargs: object) -> dict[str, int]:
    return empty_trash() | delete_abandoned() | delete_stray_parts()
