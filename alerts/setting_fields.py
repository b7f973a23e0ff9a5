"""Setting fields that only alert rules have; `guilds/setting_fields.py` has the others."""

from __future__ import annotations

from django.db import models

from guilds.setting_fields import Setting


class StreamField[Set, Get](Setting[Set, Get], models.CharField[Set, Get]):
    """The id of a stream, which may be deleted at any time."""

    def kind(self) -> str:
        return "the id of a stream that the caller may watch"


class QuietHoursField[Set, Get](Setting[Set, Get], models.JSONField[Set, Get]):
    """`{from, until, timezone}`, as `QuietHours.of` reads it, or None for no quiet hours."""

    def kind(self) -> str:
        return '`{"from": "22:00", "until": "07:00", "timezone": "Europe/Berlin"}`, or null'
