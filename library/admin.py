"""Django admin for tracks."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from library.models import Track


@admin.register(Track)
class TrackAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "artist", "source", "duration_ms", "available", "resolved_at")
    list_filter = ("source", "available", "is_live")
    search_fields = ("title", "artist", "album", "uri")
