"""Which alerts of which stream go to which channel, and the outbox of the messages that come of it.

| state of a post | becomes | by whom |
| --- | --- | --- |
| `pending` | `posted`, `failed`, `unknown` | the bot |
| `failed`, `unknown` | `pending` | an operator, in the admin |

`failed` is surely not in Discord, `unknown` perhaps. Whoever changes a rule and its posts in one transaction locks the
rule's row first.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from alerts.quiet import QuietHours
from alerts.setting_fields import QuietHoursField, StreamField
from guilds.models import TEXT_TYPES
from guilds.setting_fields import ChannelField, ChoiceField, NumberField, RoleField, SwitchField

MAX_PER_MINUTE = 30


class Level(models.TextChoices):
    """How much an alert matters; in rising order."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class AlertRule(models.Model):
    """Post the alerts of a stream to a channel. Written by `domain/rules.py` only.

    What people choose is declared here and nowhere else, as with GuildSettings. `note_alert` judges by it.
    Stream, channel and role are kept by id: they may vanish any time. `author` vouches for the stream: the rule works
    while that person may read it and manages the guild.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    guild = models.ForeignKey("guilds.Guild", on_delete=models.CASCADE, related_name="alert_rules")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="alert_rules"
    )

    stream_id = StreamField(
        "Stream", max_length=64, db_index=True, help_text="The stream whose alerts are posted."
    )
    channel_id = ChannelField(
        "Post to", types=TEXT_TYPES, called="text", help_text="The text or announcement channel to post to."
    )
    mention_role_id = RoleField(
        "Mention", empty="Nobody", null=True, blank=True, help_text="The one role that each post mentions."
    )
    min_level = ChoiceField(
        "From level",
        choices=Level,
        max_length=8,
        default=Level.LOW,
        help_text="Alerts below this level are not posted.",
    )
    max_per_minute = NumberField(
        "One by one, at most",
        low=1,
        high=MAX_PER_MINUTE,
        unit="a minute",
        default=5,
        help_text="The alerts that are posted one by one in a minute. The rest of that minute comes as one digest.",
    )
    quiet_hours = QuietHoursField(
        "Quiet hours",
        null=True,
        blank=True,
        help_text="Alerts of these hours come as one digest when they end.",
    )
    enabled = SwitchField(
        "On", default=True, help_text="When off, nothing is posted, and what waited is dropped."
    )

    problem_code = models.CharField(
        max_length=32, blank=True, help_text="Why the last post did not go out, or not whole."
    )
    problem_detail = models.CharField(max_length=300, blank=True)
    problem_at = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(
        null=True, blank=True, help_text="Discord refused for good: alerts wait until then."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.stream_id} to {self.channel_id}"

    def quiet_end(self, at: datetime) -> datetime | None:
        """Return when the quiet hours end that `at` is in, null outside of them."""
        hours = QuietHours.of(self.quiet_hours) if self.quiet_hours else None
        return hours.end(at) if hours and hours.include(at) else None


class PostState(models.TextChoices):
    PENDING = "pending"
    POSTED = "posted"
    FAILED = "failed"
    UNKNOWN = "unknown", "perhaps posted"


def new_nonce() -> str:
    return secrets.token_hex(12)  # Discord takes 25 characters


class AlertPost(models.Model):
    """One message to be posted: of one alert, or a digest of several. Written by `domain/outbox.py` only.

    From `handed_at` on, when a bot first set out to send it, nothing joins it any more. While `doubt_since` is set,
    Discord may have it, and it goes nowhere else.
    """

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="posts")
    state = models.CharField(max_length=8, choices=PostState, default=PostState.PENDING)
    digest = models.BooleanField(default=False)
    event_ids = models.JSONField(default=list, help_text="Rows of the stream's log; of a digest the newest.")
    levels = models.JSONField(default=dict, help_text="How many alerts of which level.")
    last_at = models.DateTimeField(help_text="When the newest alert was raised.")
    due_at = models.DateTimeField()
    nonce = models.CharField(max_length=25, unique=True, default=new_nonce)
    channel_id = models.CharField(max_length=20, blank=True, help_text="Where it was sent.")
    handed_at = models.DateTimeField(null=True, blank=True, help_text="When a bot first set out to send it.")
    doubt_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when Discord may have it; empty: it surely has not."
    )
    attempts = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=32, blank=True)
    error_detail = models.CharField(max_length=300, blank=True)
    message_id = models.CharField(max_length=20, blank=True)
    posted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state", "due_at"], name="alertpost_due"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["rule"],
                condition=models.Q(digest=True, state="pending", handed_at=None),
                name="alertpost_one_open_digest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.rule}"

    @property
    def alerts(self) -> int:
        return sum(self.levels.values())
