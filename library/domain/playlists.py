"""Create, rename, delete and restore playlists.

A deleted playlist stays in the trash for KEPT, so that deleting it can be undone. Each change of a guild's playlist
appends an event to the guild's log, so that open pages show it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from accounts.models import User
from guilds.permissions import require_member
from library.errors import InvalidName, PlaylistNotFound, TooManyPlaylists
from library.events import PlaylistChanged, PlaylistCreated, PlaylistDeleted, PlaylistEvent
from library.models import Playlist, PlaylistEntry
from library.playlist_rights import Access, Reader, require_access
from library.playlist_serializers import MAX_NAME, one_line
from realtime.domain.append import append, lock_store
from realtime.errors import Conflict
from realtime.models import Store
from realtime.origin import Origin

MAX_PER_PERSON = 200
MAX_PER_GUILD = 200
KEPT = timedelta(days=1)
PURGED = 5_000  # entries in one transaction
_NAMESPACE = uuid.UUID("5d3c6a52-9f62-4d7e-8f0b-0d2f5a3f2a61")


@dataclass
class OpenPlaylist:
    """A playlist that is locked, with its guild's store if it is a guild's."""

    playlist: Playlist
    origin: Origin
    store: Store | None

    @property
    def user(self) -> User:
        assert self.origin.user is not None
        return self.origin.user

    def save(self, *fields: str) -> None:
        """Save these fields and the time of the change."""
        self.playlist.updated_at = timezone.now()
        self.playlist.save(update_fields=[*fields, "updated_at"])

    def note(self, event: type[PlaylistEvent], **args: str) -> None:
        """Append an event to the log of the playlist's guild, if it is a guild's."""
        if self.store is not None:
            append(self.store, event(playlist=self.playlist, **args), origin=self.origin)


@contextmanager
def opened(
    playlist_id: uuid.UUID, needed: Access, *, origin: Origin, deleted: bool = False
) -> Iterator[OpenPlaylist]:
    """Lock a playlist in a transaction, after the store of its guild. `deleted`: also one in the trash.

    Raises PlaylistNotFound and PlaylistForbidden.
    """
    assert origin.user is not None
    reader = Reader(origin.user)
    with transaction.atomic():
        found = reader.find(playlist_id, deleted=deleted)
        if found is None:
            raise PlaylistNotFound
        store = lock_store(f"guild:{found.guild_id}") if found.guild_id is not None else None
        Playlist.objects.select_for_update().filter(pk=found.pk).first()  # waits for another writer
        playlist = require_access(reader, reader.find(found.pk, deleted=deleted), needed)
        yield OpenPlaylist(playlist, origin, store)


def id_for(origin: Origin, *about: object) -> uuid.UUID:
    """Return the id of what a command creates. It depends only on the command's id, so a repetition is recognized."""
    if not origin.command_id:
        return uuid.uuid4()
    user_id = origin.user.pk if origin.user else ""
    return uuid.uuid5(_NAMESPACE, ":".join(map(str, (user_id, origin.command_id, *about))))


def create_playlist(name: str, *, origin: Origin, guild_id: str | None = None) -> Playlist:
    """Create an empty playlist of the person who asks, or of a guild in which they are.

    A repetition of the command returns the same playlist. Raises InvalidGuildId, GuildNotFound, TooManyPlaylists, and
    Conflict if the command's id was used for another playlist.
    """
    with transaction.atomic():
        playlist, is_new = begin_playlist(name, origin=origin, guild_id=guild_id)
        if is_new:
            end_playlist(playlist, origin=origin)
    return playlist


def begin_playlist(name: str, *, origin: Origin, guild_id: str | None) -> tuple[Playlist, bool]:
    """Write an empty playlist as `create_playlist` does, in a transaction that ends with `end_playlist`.

    Returns whether it is new, or that of an earlier run of the command.
    """
    assert origin.user is not None
    if guild_id is not None:
        require_member(origin.user, guild_id)
        lock_store(f"guild:{guild_id}")
    _lock_person(origin.user)  # before looking, so that two runs of one command do not both write
    known = Playlist.objects.filter(pk=id_for(origin)).first()
    if known is None:
        return make_playlist(name, origin=origin, guild_id=guild_id), True
    if (known.name, known.guild_id) != (name, guild_id):
        raise Conflict
    return known, False


def _lock_person(user: User) -> None:
    """Let a person create one playlist after another, because two at once could exceed the limit."""
    User.objects.select_for_update().filter(pk=user.pk).first()


def end_playlist(playlist: Playlist, *, origin: Origin) -> None:
    """Append the event of a new playlist, if it is a guild's."""
    store = lock_store(f"guild:{playlist.guild_id}") if playlist.guild_id is not None else None
    OpenPlaylist(playlist, origin, store).note(PlaylistCreated)


def make_playlist(name: str, *, origin: Origin, guild_id: str | None) -> Playlist:
    """Write a new playlist, in a transaction that has locked the store of its guild. The caller appends the event.

    Raises TooManyPlaylists.
    """
    user = origin.user
    assert user is not None
    _lock_person(user)
    _check_room(user, guild_id)
    return Playlist.objects.create(
        pk=id_for(origin),
        name=name,
        owner=user if guild_id is None else None,
        guild_id=guild_id,
        created_by=user,
    )


def _check_room(user: User, guild_id: str | None) -> None:
    """Raises TooManyPlaylists."""
    kept = Playlist.objects.filter(deleted_at=None)
    if guild_id is not None:
        if kept.filter(guild=guild_id).count() >= MAX_PER_GUILD:
            sentence = _("This server has reached the limit of %(limit)s playlists.")
            raise TooManyPlaylists(sentence % {"limit": number_format(MAX_PER_GUILD)})
    elif kept.filter(owner=user).count() >= MAX_PER_PERSON:
        sentence = _("You have reached the limit of %(limit)s playlists. Delete one that you no longer need.")
        raise TooManyPlaylists(sentence % {"limit": number_format(MAX_PER_PERSON)})


def clean_name(text: str) -> str:
    """Return a name on one line, without surrounding space, cut to MAX_NAME. Raises InvalidName if it is empty."""
    name = one_line(text)[:MAX_NAME]
    if not name:
        raise InvalidName
    return name


def rename_playlist(playlist_id: uuid.UUID, name: str, *, origin: Origin) -> Playlist:
    with opened(playlist_id, Access.MANAGE, origin=origin) as state:
        if state.playlist.name != name:
            state.playlist.name = name
            state.save("name")
            state.note(PlaylistChanged, change="name")
        return state.playlist


def delete_playlist(playlist_id: uuid.UUID, *, origin: Origin) -> Playlist:
    """Move a playlist to the trash."""
    with opened(playlist_id, Access.MANAGE, origin=origin) as state:
        state.playlist.deleted_at = timezone.now()
        state.save("deleted_at")
        state.note(PlaylistDeleted)
        return state.playlist


def restore_playlist(playlist_id: uuid.UUID, *, origin: Origin) -> Playlist:
    """Take a playlist out of the trash. Does nothing if it is not there. Raises TooManyPlaylists."""
    with opened(playlist_id, Access.MANAGE, origin=origin, deleted=True) as state:
        if state.playlist.deleted_at is not None:
            _check_room(state.user, state.playlist.guild_id)
            state.playlist.deleted_at = None
            state.save("deleted_at")
            state.note(PlaylistCreated)
        return state.playlist


def empty_trash() -> dict[str, int]:
    """Delete what has been in the trash for longer than KEPT. No transaction takes long."""
    before = timezone.now() - KEPT
    entries = PlaylistEntry.objects.filter(removed_at__lt=before)
    playlists = Playlist.objects.filter(deleted_at__lt=before)
    removed = deleted = 0
    while keys := list(entries.order_by("removed_at").values_list("pk", flat=True)[:PURGED]):
        removed += entries.filter(pk__in=keys).delete()[0]
    while (playlist := playlists.first()) is not None:  # has up to PLAYLIST_MAX_TRACKS
        playlist.delete()
        deleted += 1
    return {"playlists": deleted, "playlist entries": removed}
