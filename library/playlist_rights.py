"""Who may read and change a playlist.

| | its entries | its name and collaborators, deleting it |
| --- | --- | --- |
| a person's playlist | the owner and collaborators | the owner |
| a guild's playlist | the creator, DJs and collaborators | the creator and DJs |

Collaborators may read a person's playlist, and all members of a guild may read that guild's playlists. People lose
these rights when they leave the guild.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from guilds.models import Membership
from guilds.permissions import is_dj
from library.errors import PlaylistForbidden, PlaylistNotFound
from library.models import Collaborator, Playlist


class Access(IntEnum):
    """What a person may do with a playlist. Each includes the ones before."""

    READ = 1
    EDIT = 2
    MANAGE = 3


class Reader:
    """A person, with the guilds and roles through which they may read playlists."""

    def __init__(self, user: User) -> None:
        self.user = user
        self._is_dj: dict[str, bool] = {}

    @cached_property
    def memberships(self) -> dict[str, Membership]:
        """By guild id. One query, at the first use."""
        mine = Membership.objects.select_related("guild", "guild__settings").filter(user=self.user)
        return {each.guild_id: each for each in mine}

    def visible(self) -> QuerySet[Playlist]:
        """Return the playlists that the person may read, without deleted ones, ready for `playlist_shape`."""
        return self._loaded().filter(
            Q(owner=self.user)
            | Q(guild__in=list(self.memberships))
            | Q(guild=None, pk__in=self._collaborations().values("playlist"))
        )

    def find(self, playlist_id: UUID, *, deleted: bool = False) -> Playlist | None:
        """Return a playlist that the person may read. With `deleted`, it may be in the trash."""
        found = self._loaded(deleted=deleted).filter(pk=playlist_id).first()
        return found if found is not None and self.access(found) is not None else None

    def access(self, playlist: Playlist) -> Access | None:
        """Return what the person may do with a playlist whose collaborators are loaded. None: they may not read it."""
        if playlist.owner_id is not None and playlist.owner_id == self.user.pk:
            return Access.MANAGE
        if playlist.guild_id is not None:
            member = self.memberships.get(playlist.guild_id)
            if member is None:
                return None
            if playlist.created_by_id == self.user.pk or self._dj(member):
                return Access.MANAGE
            return Access.EDIT if self._collaborates(playlist) else Access.READ
        return Access.EDIT if self._collaborates(playlist) else None

    def _dj(self, membership: Membership) -> bool:
        known = self._is_dj.get(membership.guild_id)
        if known is None:
            known = self._is_dj[membership.guild_id] = is_dj(membership)
        return known

    def _collaborates(self, playlist: Playlist) -> bool:
        return any(
            each.user_id == self.user.pk or (each.guild_id is not None and self._has_role(each))
            for each in playlist.collaborators.all()
        )

    def _has_role(self, collaborator: Collaborator) -> bool:
        member = self.memberships.get(str(collaborator.guild_id))
        return member is not None and (not collaborator.role_id or collaborator.role_id in member.role_ids)

    def _collaborations(self) -> QuerySet[Collaborator]:
        roles = {role for member in self.memberships.values() for role in member.role_ids}
        in_guilds = Q(guild__in=list(self.memberships)) & (Q(role_id="") | Q(role_id__in=roles))
        return Collaborator.objects.filter(Q(user=self.user) | in_guilds)

    def _loaded(self, *, deleted: bool = False) -> QuerySet[Playlist]:
        playlists = Playlist.objects.select_related("owner", "created_by").prefetch_related("collaborators")
        return playlists if deleted else playlists.filter(deleted_at=None)


def require_access(reader: Reader, playlist: Playlist | None, needed: Access) -> Playlist:
    """Return the playlist. Raises PlaylistNotFound and PlaylistForbidden."""
    access = reader.access(playlist) if playlist is not None else None
    if playlist is None or access is None:
        raise PlaylistNotFound
    if access >= needed:
        return playlist
    if needed is Access.MANAGE and playlist.guild_id is not None:
        raise PlaylistForbidden(_("Only the person who created this playlist and DJs may do this."))
    if needed is Access.MANAGE:
        raise PlaylistForbidden(_("Only the owner of this playlist may do this."))
    raise PlaylistForbidden(
        _("Only the person who created this playlist, its collaborators and DJs may change its tracks.")
    )
