"""Alert rules, which post the alerts of a stream to a channel, and the outbox of their posts.

| state of a post | becomes | by whom |
| --- | --- | --- |
| `pending` | `posted`, `failed`, `unknown` | the bot |
| `failed`, `unknown` | `pending` | an operator, in the admin |

A `failed` post is certainly not in Discord, an `unknown` one may be. Code that changes a rule and its posts in one
transaction locks the rule's row first.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alerts.quiet import QuietHours
from alerts.setting_fields import QuietHoursField, StreamField
from guilds.choices import TEXT_TYPES
from guilds.setting_fields import ChannelField, ChoiceField, NumberField, RoleField, SwitchField

MAX_PER_MINUTE = 30


class Level(models.TextChoices):
    """The severity of an alert, in rising order."""

    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")


class AlertRule(models.Model):
    """A rule that posts the alerts of a stream to a channel. Only `domain/rules.py` writes it.

    Its settings are declared here and nowhere else, as in GuildSettings. `note_alert` applies them. Stream, channel and
    role are stored by id, because they may be deleted at any time. `author` vouches for the stream: the rule works
    while that person may read the stream and manages the guild.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    guild = models.ForeignKey("guilds.Guild", on_delete=models.CASCADE, related_name="alert_rules")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="alert_rules"
    )

    stream_id = StreamField(
        _("Stream"), max_length=64, db_index=True, help_text=_("Alerts of this stream are posted.")
    )
    channel_id = ChannelField(
        _("Post to"),
        types=TEXT_TYPES,
        called="text",
        help_text=_("The text or announcement channel to post to."),
    )
    mention_role_id = RoleField(
        _("Mention"), empty=_("Nobody"), null=True, blank=True, help_text=_("Each post mentions this role.")
    )
    min_level = ChoiceField(
        _("Minimum level"),
        choices=Level,
        max_length=8,
        default=Level.LOW,
        help_text=_("Alerts below this level are not posted."),
    )
    max_per_minute = NumberField(
        _("Single posts, at most"),
        low=1,
        high=MAX_PER_MINUTE,
        unit=_("a minute"),
        default=5,
        help_text=_(
            "How many alerts a minute are posted one by one. Further alerts are combined into a digest."
        ),
    )
    quiet_hours = QuietHoursField(
        _("Quiet hours"),
        null=True,
        blank=True,
        help_text=_("Alerts in these hours are combined into a digest, which is posted when the hours end."),
    )
    enabled = SwitchField(
        _("On"), default=True, help_text=_("If off, nothing is posted, and pending posts are deleted.")
    )

    problem_code = models.CharField(
        max_length=32, blank=True, help_text=_("Why the last post failed or was incomplete.")
    )
    problem_detail = models.CharField(max_length=300, blank=True)
    problem_at = models.DateTimeField(null=True, blank=True)
    held_until = models.DateTimeField(
        null=True, blank=True, help_text=_("Discord rejected the last post. Alerts are held until then.")
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar[list[str]] = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.stream_id} to {self.channel_id}"

    def quiet_end(self, at: datetime) -> datetime | None:
        """Return when the quiet hours end if `at` is in them, otherwise None."""
        hours = QuietHours.of(self.quiet_hours) if self.quiet_hours else None
        return hours.end(at) if hours and hours.include(at) else None


class PostState(models.TextChoices):
    PENDING = "pending", _("Pending")
    POSTED = "posted", _("Posted")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Possibly posted")


def new_nonce() -> str:
    return secrets.token_hex(12)  # 24 characters; Discord accepts up to 25


class AlertPost(models.Model):
    """One message to post, about one alert or a digest of several. `domain/outbox.py` and `domain/settle.py` write it.

    A bot first tries to send it at `handed_at`; no more alerts are added from then on. While `doubt_since` is set, it
    may be in Discord, so its channel does not change.
    """

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="posts")
    state = models.CharField(max_length=8, choices=PostState, default=PostState.PENDING)
    digest = models.BooleanField(default=False)
    event_ids = models.JSONField(
        default=list, help_text=_("Ids of events in the stream's log. A digest keeps only the newest.")
    )
    levels = models.JSONField(default=dict, help_text=_("Number of alerts by level."))
    last_at = models.DateTimeField(help_text=_("When the newest alert was raised."))
    due_at = models.DateTimeField()
    nonce = models.CharField(max_length=25, unique=True, default=new_nonce)
    channel_id = models.CharField(max_length=20, blank=True, help_text=_("The channel it was sent to."))
    handed_at = models.DateTimeField(null=True, blank=True, help_text=_("When a bot first tried to send it."))
    doubt_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("Since when the message may be in Discord. Empty if it is certainly not."),
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
