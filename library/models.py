"""The catalog (tracks, albums, artists and their words), the state of the scan, playlists and favorites."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from guilds.models import Guild
from library.fields import OrderedTextField

MAX_FOLDER = 500  # characters; PostgreSQL does not index more than 2,704 bytes


class Artist(models.Model):
    """An artist of one source. `uid` is a hash of its source and folded name, so a rescan finds the same id.

    `track_count` counts the available tracks by the artist or on the artist's albums. An artist without any is not
    listed.
    """

    uid = models.CharField(max_length=16, unique=True)
    source = models.CharField(max_length=20)
    name = models.CharField(max_length=300)
    sort_key = OrderedTextField(max_length=300)
    artwork = models.CharField(max_length=80, blank=True, help_text=_("File name in the artwork folder."))
    track_count = models.PositiveIntegerField(default=0, db_default=0)
    title_key = OrderedTextField(max_length=300, editable=False)
    title_words = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["sort_key", "id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["sort_key", "id"], name="artist_sorted"),
            models.Index(fields=["title_key", "id"], name="artist_title_key"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def uri(self) -> str:
        return f"artist:{self.uid}"


class Album(models.Model):
    """An album of one source. All its discs are one album.

    `uid` is a hash of what identifies it: its source, its title, and its album artist. If the files name no album
    artist, their folder takes its place. `folder` is empty otherwise. `track_count` counts the available tracks.
    """

    uid = models.CharField(max_length=16, unique=True)
    source = models.CharField(max_length=20)
    title = models.CharField(max_length=300)
    artist = models.ForeignKey(Artist, on_delete=models.PROTECT, null=True, blank=True, related_name="albums")
    is_compilation = models.BooleanField(default=False, db_default=False)
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    folder = OrderedTextField(max_length=MAX_FOLDER, blank=True)
    sort_key = OrderedTextField(max_length=300)
    artwork = models.CharField(max_length=80, blank=True, help_text=_("File name in the artwork folder."))
    track_count = models.PositiveIntegerField(default=0, db_default=0)
    title_key = OrderedTextField(max_length=300, editable=False)
    title_words = models.TextField(blank=True, editable=False)
    artist_words = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["sort_key", "id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["sort_key", "id"], name="album_sorted"),
            models.Index(fields=["title_key", "id"], name="album_title_key"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def uri(self) -> str:
        return f"album:{self.uid}"


class Track(models.Model):
    """Something that can be played, named by its `uri` (`library:<id>`, `https://…`).

    Fields are None until the source has been read (`resolved_at`). `available` is False when the file is gone.

    A file of the library is known by its `path` below the folder. If it was moved or renamed, `audio_hash` recognizes
    it, so its track keeps its uri. The uri therefore says nothing about the path. `file_mtime_ns` and `file_size` let a
    scan skip unchanged files. `artist` and `album` are the words of the tags. `by_artist` and `in_album` are where the
    catalog lists the track.

    A file with a cue sheet has several tracks with the same `path`. Their `section` counts from 1. The track of the
    whole file, with the section 0, is then not available.
    """

    uri = models.CharField(max_length=2000, unique=True)
    source = models.CharField(max_length=20)
    title = models.CharField(max_length=300, null=True, blank=True)
    artist = models.CharField(max_length=300, null=True, blank=True)
    album = models.CharField(max_length=300, null=True, blank=True)
    album_artist = models.CharField(max_length=300, null=True, blank=True)
    by_artist = models.ForeignKey(
        Artist, on_delete=models.SET_NULL, null=True, blank=True, related_name="tracks"
    )
    in_album = models.ForeignKey(
        Album, on_delete=models.SET_NULL, null=True, blank=True, related_name="tracks"
    )
    disc = models.PositiveSmallIntegerField(null=True, blank=True)
    number = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("Number of the track on its disc.")
    )
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    genre = models.CharField(max_length=100, blank=True, default="", db_default="")
    url = models.CharField(max_length=2000, null=True, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)
    artwork = models.CharField(max_length=80, blank=True, help_text=_("File name in the artwork folder."))
    is_live = models.BooleanField(default=False)
    available = models.BooleanField(default=True)
    path = models.TextField(
        blank=True, default="", db_default="", help_text=_("The file below the library's folder.")
    )
    section = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text=_("Which track of the file's cue sheet this is. 0 for a whole file."),
    )
    start_ms = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text=_("Where the track begins in the file.")
    )
    end_ms = models.PositiveBigIntegerField(
        null=True, blank=True, help_text=_("Where the track ends in the file. Empty for the file's end.")
    )
    folder = OrderedTextField(max_length=MAX_FOLDER, blank=True, default="", db_default="")
    audio_hash = models.CharField(max_length=26, blank=True, default="", db_default="", editable=False)
    play_count = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text=_("How often it was played on this installation.")
    )
    search_text = models.TextField(blank=True, editable=False)
    title_key = OrderedTextField(max_length=300, blank=True, default="", db_default="", editable=False)
    title_words = models.TextField(blank=True, default="", db_default="", editable=False)
    artist_words = models.TextField(blank=True, default="", db_default="", editable=False)
    album_words = models.TextField(blank=True, default="", db_default="", editable=False)
    file_mtime_ns = models.BigIntegerField(null=True, blank=True, editable=False)
    file_size = models.BigIntegerField(null=True, blank=True, editable=False)
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["title", "id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["source", "available"], name="track_source"),
            models.Index(
                fields=["id"], condition=Q(resolved_at=None) & ~Q(source="none"), name="track_unresolved"
            ),
            models.Index(fields=["title_key", "id"], name="track_title_key"),
            models.Index(fields=["folder", "available"], name="track_by_folder"),
            models.Index(fields=["audio_hash"], name="track_by_audio"),
            models.Index(fields=["genre", "title_key", "id"], name="track_by_genre"),
        ]

    def __str__(self) -> str:
        return self.title or self.uri


class SearchWord(models.Model):
    """A word of the catalog, for forgiving typing mistakes. Words of deleted tracks stay until the next full scan."""

    word = OrderedTextField(max_length=40, unique=True)

    def __str__(self) -> str:
        return str(self.word)


class SearchVariant(models.Model):
    """A word, or the word without one letter. Two words that are one mistake apart share a variant."""

    pk = models.CompositePrimaryKey("variant", "word_id")
    variant = OrderedTextField(max_length=40)
    word = models.ForeignKey(SearchWord, on_delete=models.CASCADE, db_index=False, related_name="variants")

    def __str__(self) -> str:
        return str(self.variant)


class ScanLease(models.Model):
    """Which process scans the library's folder now, and how far it is. Two at once would read each file twice.

    There is one row. A killed process is detected by its name or by `expires_at`. The last scan is complete if
    `finished_at` is set. `problem` is a code of `library/domain/watching.py`, and empty if there is none.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    owner = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    requested_at = models.DateTimeField(null=True, blank=True, help_text=_("When a full scan was requested."))
    total = models.PositiveIntegerField(default=0, db_default=0, help_text=_("Files found."))
    done = models.PositiveIntegerField(default=0, db_default=0, help_text=_("Files compared or read."))
    read = models.PositiveIntegerField(default=0, db_default=0, help_text=_("New and changed files."))
    skipped = models.PositiveIntegerField(
        default=0, db_default=0, help_text=_("Files that cannot be played.")
    )
    gone = models.PositiveIntegerField(default=0, db_default=0, help_text=_("Tracks whose file is gone."))
    problem = models.CharField(max_length=30, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return f"scan by {self.owner}" if self.owner else "no scan"


class Playlist(models.Model):
    """An ordered list of tracks. It belongs to a person, or to a guild, whose members may then read it.

    Both have collaborators. A person's list without any is private. `created_by` of a guild's list is None once that
    person has deleted their account. A deleted list can be restored for a while (`domain/playlists.py`).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="playlists"
    )
    guild = models.ForeignKey(
        Guild, on_delete=models.CASCADE, null=True, blank=True, related_name="playlists"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    length = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("Number of entries, counted under the playlist's lock.")
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(owner=None, guild__isnull=False) | Q(owner__isnull=False, guild=None),
                name="playlist_of_person_or_guild",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def uri(self) -> str:
        return f"playlist:{self.pk}"


class KeptTrack(models.Model):
    """A track's `uri` and its words, so that the track can be shown and found again after its file has moved."""

    uri = models.CharField(max_length=2000)
    title = models.CharField(max_length=300, null=True, blank=True)
    artist = models.CharField(max_length=300, null=True, blank=True)
    album = models.CharField(max_length=300, null=True, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title or self.uri


class PlaylistEntry(KeptTrack):
    """A track in a playlist. Entries are sorted by `position`, which may have gaps.

    A removed entry keeps its position and can be restored for a while.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    playlist = models.ForeignKey(Playlist, on_delete=models.CASCADE, related_name="entries")
    position = models.BigIntegerField()
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    added_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["playlist", "position", "id"],
                condition=Q(removed_at=None),
                name="playlistentry_order",
            ),
            models.Index(
                fields=["removed_at"], condition=Q(removed_at__isnull=False), name="playlistentry_removed"
            ),
        ]


class Collaborator(models.Model):
    """Somebody who may change the entries of a playlist: a person, all members of a guild, or those with a role."""

    playlist = models.ForeignKey(Playlist, on_delete=models.CASCADE, related_name="collaborators")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    role_id = models.CharField(max_length=20, blank=True, help_text=_("Empty for every member of the guild."))
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["created_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["playlist", "user"], name="collaborator_playlist_user"),
            models.UniqueConstraint(
                fields=["playlist", "guild", "role_id"],
                condition=Q(user=None),
                name="collaborator_playlist_guild_role",
            ),
            models.CheckConstraint(
                condition=Q(user=None, guild__isnull=False) | Q(user__isnull=False, guild=None),
                name="collaborator_person_or_guild",
            ),
        ]

    def __str__(self) -> str:
        return str(self.user) if self.user else f"guild {self.guild_id}"


class Favorite(KeptTrack):
    """A track that a person likes. Only they can see it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="favorites")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "uri"], name="favorite_user_uri"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-id"], name="favorite_newest"),
        ]


class Upload(models.Model):
    """A file that a person uploads, and its track once it is whole.

    receiving → kept        its last part came, and it is audio
              → deleted     it is cancelled, abandoned, or no audio

    Several people may have uploaded the same file, which is kept once. `size` is what the client says at first.
    `received` bytes are on the disk.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    guild = models.ForeignKey(
        Guild,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The server for which it was uploaded, whose limit it counts against."),
    )
    track = models.ForeignKey(Track, on_delete=models.PROTECT, null=True, blank=True, related_name="uploads")
    name = models.CharField(max_length=200, help_text=_("Name of the file."))
    size = models.PositiveBigIntegerField(help_text=_("Size in bytes."))
    received = models.PositiveBigIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-created_at"], name="upload_of_person"),
            models.Index(fields=["changed_at"], condition=Q(track=None), name="upload_receiving"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(received__lte=models.F("size")), name="upload_received_at_most_size"
            ),
            models.UniqueConstraint(
                fields=["user", "track"], condition=~Q(track=None), name="upload_once_for_each_person"
            ),
        ]

    def __str__(self) -> str:
        return self.name
