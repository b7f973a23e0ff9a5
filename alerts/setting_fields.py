"""What only alert rules let people set; `guilds/setting_fields.py` has the rest."""

from __future__ import annotations

from django.db import models

from guilds.setting_fields import Setting


class StreamField[Set, Get](Setting[Set, Get], models.CharField[Set, Get]):
    """The id of a stream, which may vanish any time."""

    def kind(self) -> str:
        return "the id of a stream that whoever sets it may watch"


class QuietHoursField[Set, Get](Setting[Set, Get], models.JSONField[Set, Get]):
    """`{from, until, timezone}`, as `QuietHours.of` reads it; null: none."""

    def kind(self) -> str:
        return '`{"from": "22:00", "until": "07:00", "timezone": "Europe/Berlin"}`, or null'
