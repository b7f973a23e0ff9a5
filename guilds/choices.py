"""Values that models and settings choose from."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ChannelType(models.IntegerChoices):
    """The channel types that matter here (Discord: Channel Types)."""

    TEXT = 0
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    STAGE = 13


TEXT_TYPES = (ChannelType.TEXT, ChannelType.ANNOUNCEMENT)
VOICE_TYPES = (ChannelType.VOICE, ChannelType.STAGE)


class Who(models.TextChoices):
    """Who may do something in a guild. Each value includes the people of those after it."""

    EVERYONE = "everyone", _("Everyone")
    DJ = "dj", _("DJs")
    MANAGERS = "managers", _("Managers")


class Section(models.TextChoices):
    """The sections of the settings page, in order."""

    PEOPLE = "people", _("Permissions")
    QUEUE = "queue", _("Queue")
    VOICE = "voice", _("Voice")
    DISCORD = "discord", _("In Discord")
