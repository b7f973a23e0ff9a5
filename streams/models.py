"""Streams with their grants, their presence, and the pictures of their alerts."""

from __future__ import annotations

import re
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# The pattern of stream ids, which devices choose. They appear in paths, log names and channel-layer groups.
STREAM_ID = TYPE = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
stream_id_validator = RegexValidator(
    STREAM_ID.pattern,
    gettext_lazy(
        "Must be 1 to 64 letters, digits, dots, dashes and underscores, and begin with a letter or digit."
    ),
)
type_validator = RegexValidator(
    TYPE.pattern,
    gettext_lazy(
        "A type must be 1 to 64 letters, digits, dots, dashes and underscores, and begin with a letter or digit."
    ),
)
# The protocol of `/ws` uses these types itself, so clients cannot.
RESERVED_TYPES = frozenset(
    {
        "register", "registered", "unregister", "unregistered", "auth", "authed", "ack", "ping", "pong",
        "error", "notice", "presence",
    }
)  # fmt: skip
MAX_DURABLE_TYPES = 16


def validate_type(value: object) -> None:
    """Raises ValidationError if the value cannot be a message type."""
    if not isinstance(value, str):
        raise ValidationError(type_validator.message)
    type_validator(value)
    if value in RESERVED_TYPES:
        raise ValidationError(
            _("The protocol uses the type %(type)s itself. Choose another one.") % {"type": value}
        )


def default_durable_types() -> list[str]:
    return ["alert"]


class Stream(models.Model):
    """Messages and frames between devices and services.

    The owner and those with a grant may use it. Every user may read a public stream. Messages of `durable_types` are
    stored in the log `stream:<id>`. All others are live only.
    """

    id = models.CharField(primary_key=True, max_length=64, validators=[stream_id_validator])
    name = models.CharField(max_length=100, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="streams")
    public = models.BooleanField(default=False)
    durable_types = models.JSONField(default=default_durable_types, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "id"]

    def __str__(self) -> str:
        return self.name or self.id

    def clean(self) -> None:
        """Refuse invalid `durable_types`: the admin accepts any JSON, and a bad value would break the rights poll."""
        types = self.durable_types
        if not isinstance(types, list) or len(types) > MAX_DURABLE_TYPES:
            sentence = _("Must be a list of at most %(limit)s types.")
            raise ValidationError({"durable_types": sentence % {"limit": MAX_DURABLE_TYPES}})
        try:
            for type_ in types:
                validate_type(type_)
        except ValidationError as error:
            raise ValidationError({"durable_types": error.messages}) from error

    @property
    def log(self) -> str:
        """The name of its store."""
        return f"stream:{self.pk}"


class StreamGrant(models.Model):
    """A grant of access to a stream: to a person, to all members of a guild, or to those with a role.

    guilds/ is above this app, so a guild and its role are stored by their snowflakes.
    """

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    guild_id = models.CharField(max_length=20, blank=True)
    role_id = models.CharField(
        max_length=20, blank=True, help_text=gettext_lazy("Empty for every member of the guild.")
    )
    write = models.BooleanField(default=False, help_text=gettext_lazy("May publish as well as read."))
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["stream", "user"], name="streamgrant_stream_user"),
            models.UniqueConstraint(
                fields=["stream", "guild_id", "role_id"],
                condition=models.Q(user=None),
                name="streamgrant_stream_guild_role",
            ),
            models.CheckConstraint(
                condition=models.Q(user=None) ^ models.Q(guild_id=""), name="streamgrant_person_or_guild"
            ),
        ]

    def __str__(self) -> str:
        whom = str(self.user) if self.user else f"guild {self.guild_id}"
        return f"{whom} {'writes' if self.write else 'reads'} {self.stream_id}"


class AlertFrame(models.Model):
    """The stream's picture at the time of a durable message. Only the newest KEPT_FRAMES are kept."""

    event = models.OneToOneField(
        "realtime.Event", on_delete=models.CASCADE, related_name="frame", primary_key=True
    )
    content_type = models.CharField(max_length=20)
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.content_type} of event {self.event_id}"


class StreamPresence(models.Model):
    """One registration of one socket. Its process keeps updating `seen_at`; if not, the row is stale."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="presence")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    connection_id = models.CharField(max_length=32)
    process = models.CharField(max_length=32, db_index=True)
    client_type = models.CharField(max_length=32)
    produces = models.JSONField(default=list)
    consumes = models.JSONField(default=list)
    since = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["since", "pk"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["stream", "connection_id"], name="streampresence_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.stream_id}"
