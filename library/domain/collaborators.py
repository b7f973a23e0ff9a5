"""Share playlists, stop sharing when people leave, and pass playlists on when an account is deleted."""

from __future__ import annotations

import uuid

from accounts.models import User
from guilds.audience import check_sharing
from guilds.queries import known_people
from library.domain.playlists import OpenPlaylist, opened
from library.errors import CollaboratorNotFound, PlaylistForbidden, TooManyCollaborators
from library.events import PlaylistChanged
from library.models import Collaborator, Playlist
from library.playlist_rights import Access, Reader
from realtime.origin import Origin

MAX_COLLABORATORS = 50


def add_person(playlist_id: uuid.UUID, person: User, *, origin: Origin) -> Collaborator:
    """Let a person change the entries. They must share a guild with the person who asks.

    Raises CollaboratorNotFound and TooManyCollaborators.
    """
    with opened(playlist_id, Access.MANAGE, origin=origin) as state:
        if not known_people(state.user).filter(pk=person.pk).exists():
            raise CollaboratorNotFound
        return _add(state, user=person)


def add_guild(playlist_id: uuid.UUID, guild_id: str, role_id: str, *, origin: Origin) -> Collaborator:
    """Let the members of a guild, or those with a role, change the entries. A guild's list takes only its own roles.

    Raises InvalidGuildId, GuildNotFound, RoleNotFound, PlaylistForbidden and TooManyCollaborators.
    """
    with opened(playlist_id, Access.MANAGE, origin=origin) as state:
        if state.playlist.guild_id not in (None, guild_id):
            raise PlaylistForbidden
        if role_id == guild_id:  # Discord's @everyone
            role_id = ""
        check_sharing(state.user, guild_id, role_id)
        return _add(state, guild_id=guild_id, role_id=role_id)


def remove_collaborator(playlist_id: uuid.UUID, collaborator_id: int, *, origin: Origin) -> None:
    """Remove a collaborator. People may also remove themselves. Does nothing if there is no such collaborator.

    Raises PlaylistNotFound and PlaylistForbidden.
    """
    mine = Collaborator.objects.filter(pk=collaborator_id, playlist=playlist_id, user=origin.user).exists()
    with opened(playlist_id, Access.EDIT if mine else Access.MANAGE, origin=origin) as state:
        if Collaborator.objects.filter(pk=collaborator_id, playlist=state.playlist).delete()[0]:
            state.note(PlaylistChanged, change="collaborators")


def _add(state: OpenPlaylist, **whom: object) -> Collaborator:
    known = Collaborator.objects.filter(playlist=state.playlist, **whom).first()
    if known is not None:
        return known
    if state.playlist.collaborators.count() >= MAX_COLLABORATORS:
        raise TooManyCollaborators
    added = Collaborator.objects.create(playlist=state.playlist, **whom)
    state.note(PlaylistChanged, change="collaborators")
    return added


def end_sharing(user_id: int, guild_id: str) -> None:
    """Stop sharing a person's playlists with a guild that the person has left."""
    Collaborator.objects.filter(playlist__owner=user_id, guild=guild_id).delete()


def pass_on_playlists(user: User) -> None:
    """Give each playlist of a person whose account is being deleted to the person added first as a collaborator.

    Playlists without such a person are deleted with the account.
    """
    for playlist in Playlist.objects.filter(owner=user, deleted_at=None):
        heirs = playlist.collaborators.filter(user__isnull=False).exclude(user=user).select_related("user")
        heir = heirs.order_by("created_at", "pk").first()
        if heir is None:
            continue
        playlist.owner = heir.user
        playlist.save(update_fields=["owner"])
        heir.delete()
        _drop_lost(playlist)


def _drop_lost(playlist: Playlist) -> None:
    """Stop sharing with guilds in which the new owner is not a member."""
    assert playlist.owner is not None
    theirs = Reader(playlist.owner).memberships
    playlist.collaborators.filter(guild__isnull=False).exclude(guild__in=list(theirs)).delete()
