"""The bot's messages in Discord."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from guilds.models import Guild


def new_nonce() -> str:
    return secrets.token_hex(12)  # Discord accepts up to 25 characters


class Card(models.Model):
    """The message that shows a guild's player.

    A bot process claims the row for each call to Discord (botrunner/card/life.py), and may die between any two steps.
    `nonce` and `doubt_since` are stored before a message is posted, so that the next process finds the message instead
    of posting a second one. `old_message_id` is a replaced card that was not deleted yet.
    """

    guild = models.OneToOneField(Guild, on_delete=models.CASCADE, related_name="card", primary_key=True)
    home_channel_id = models.CharField(
        max_length=20, blank=True, help_text=_("Where someone last added a track in Discord.")
    )
    channel_id = models.CharField(max_length=20, blank=True)
    message_id = models.CharField(max_length=20, blank=True)
    posted_at = models.DateTimeField(null=True, blank=True)
    shown = models.CharField(max_length=64, blank=True, help_text=_("Digest of what the message shows."))
    picture = models.CharField(
        max_length=80, blank=True, help_text=_("File name of the artwork that it shows.")
    )
    picture_id = models.CharField(max_length=20, blank=True, help_text=_("Id of that attachment."))
    buried = models.BooleanField(
        default=False, help_text=_("Too many messages followed it, so it is replaced.")
    )

    nonce = models.CharField(max_length=25, default=new_nonce)
    doubt_since = models.DateTimeField(
        null=True, blank=True, help_text=_("Since when a message with this nonce may be in the channel.")
    )
    old_channel_id = models.CharField(max_length=20, blank=True)
    old_message_id = models.CharField(max_length=20, blank=True)

    began_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the first track since the last end of the queue began.")
    )
    last_began_at = models.DateTimeField(
        null=True, blank=True, help_text=_("The same of the queue that ended last.")
    )
    problem_code = models.CharField(max_length=40, blank=True)
    problem_detail = models.CharField(max_length=300, blank=True)
    not_before = models.DateTimeField(
        null=True, blank=True, help_text=_("Discord is not asked again until then.")
    )
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"card of {self.guild_id}"

    @property
    def folded(self) -> bool:
        """Whether the card that is to be replaced is one that says that the queue has finished."""
        return not self.message_id and self.began_at is None and self.doubt_since is None

    def set(self, **fields: object) -> None:
        """Change these fields and save them."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.save(update_fields=list(fields))


class ToldLack(models.Model):
    """Permissions that the bot lacks for a feature in a channel, of which somebody was told in Discord.

    The row is deleted when the bot has all of them, so that people are told if they are missing again.
    """

    guild = models.ForeignKey(Guild, on_delete=models.CASCADE, related_name="told_lacks")
    feature = models.CharField(max_length=20)
    channel_id = models.CharField(max_length=20)
    bits = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["guild", "feature", "channel_id"], name="toldlack_guild_feature_channel"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.feature} in channel {self.channel_id}"
