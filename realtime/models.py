"""The event log: stores, their events and members, and the answers to commands."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def new_epoch() -> str:
    return secrets.token_hex(8)


class Store(models.Model):
    """One ordered log, named by its instance (`guild:<snowflake>`, `stream:<id>`, `app:<name>`).

    A position in it is `(epoch, seq)`. `head` is the seq of the newest event. It is written only under this row's
    lock, so that events are committed in the order of their seqs. `epoch` changes when the log is restored or
    truncated.

    `owner` and `public` are for `app:` stores; other apps decide who may read their logs. Every user may read a
    public store, but only its owner and its writers may write to it. If the owner deleted their account, the members
    keep their roles.
    """

    name = models.CharField(max_length=200, unique=True)
    epoch = models.CharField(max_length=32, default=new_epoch)
    head = models.BigIntegerField(default=0)
    pruned_through = models.BigIntegerField(default=0, help_text=_("Events up to this seq were deleted."))
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="owned_stores",
    )
    public = models.BooleanField(default=False, help_text=_("Every user may read the store."))
    size_bytes = models.BigIntegerField(
        default=0, editable=False, help_text=_("Approximate size of the events that clients wrote.")
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name


class StoreRole(models.TextChoices):
    """What a member of an `app:` store may do. A writer may also read."""

    READER = "reader", _("Reader")
    WRITER = "writer", _("Writer")


class StoreMember(models.Model):
    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="store_members")
    role = models.CharField(max_length=10, choices=StoreRole)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["created_at", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["store", "user"], name="store_member_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.store}"


class Via(models.TextChoices):
    """The surface a change came through."""

    SYNC = "sync", _("Sync")
    REST = "rest", _("REST")
    DISCORD = "discord", _("Discord")
    ADMIN = "admin", _("Admin")
    BOT = "bot", _("Bot")


class Event(models.Model):
    """Something that happened, never changed afterwards.

    `args` is the exact JSON text, because jsonb refuses NUL and rewrites numbers. It is empty if a client of an
    `app:` store sent no args, which is not the same as the JSON value null. `actor` is None for the bot. `command_id`
    is the client's id for the command. The first event of a command has it as its `event_id` too, so that a client
    recognizes its own.
    """

    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.BigIntegerField()
    parent_seq = models.BigIntegerField()
    event_id = models.CharField(max_length=64)
    command_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=100)
    schema_version = models.PositiveSmallIntegerField(default=1)
    args = models.TextField(blank=True)
    undoes = models.BigIntegerField(
        null=True, blank=True, help_text=_("First seq of the change that this undoes.")
    )
    redoes = models.BigIntegerField(
        null=True, blank=True, help_text=_("First seq of the change that this redoes.")
    )
    change = models.BigIntegerField(
        null=True, blank=True, help_text=_("First seq of its command. Null if it is the first or only event.")
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    via = models.CharField(max_length=10, choices=Via)
    auth = models.CharField(max_length=10, default="valid")
    connection_id = models.CharField(max_length=64, blank=True)
    client_id = models.CharField(max_length=100, blank=True)
    session_id = models.CharField(max_length=100, blank=True)
    client_timestamp = models.BigIntegerField(
        null=True, blank=True, help_text=_("The client's clock, in milliseconds.")
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["store_id", "seq"]
        indexes: ClassVar[list[models.Index]] = [  # the two foreign keys are the first columns of others
            models.Index(fields=["actor", "store", "-seq"], name="event_actor_store_seq"),
            models.Index(fields=["store", "name", "-seq"], name="event_store_name_seq"),
            models.Index(fields=["store", "via", "-seq"], name="event_store_via_seq"),
            models.Index(
                fields=["store", "change"],
                condition=models.Q(change__isnull=False),
                name="event_store_change",
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["store", "seq"], name="event_store_seq"),
            models.UniqueConstraint(fields=["store", "event_id"], name="event_store_event_id"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.name}"


class Command(models.Model):
    """A command that ran, and its answer. The same id gets the same answer again, and the command does not run twice.

    The id is the `eventId` of `/sync` or the `Idempotency-Key` of REST.
    """

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    command_id = models.CharField(max_length=64)
    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="commands")
    request_hash = models.CharField(max_length=64)
    answer = models.TextField(help_text=_("JSON: `{seqs, result}`."))
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["actor", "command_id"], name="command_actor_command_id"),
        ]

    def __str__(self) -> str:
        return self.command_id
