"""Django admin for the event log: to look at, never to write."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from realtime.models import Event, Store
from realtime.streams import admin as streams_admin  # noqa: F401  registers by being imported


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Store)
class StoreAdmin(ReadOnlyAdmin):
    list_display = ("name", "head", "pruned_through", "epoch", "created_at")
    search_fields = ("name",)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("store", "seq", "name", "actor", "via", "auth", "created_at")
    list_filter = ("name", "via", "auth", "created_at")
    search_fields = ("store__name", "event_id", "actor__username")
    list_select_related = ("store", "actor")
    ordering = ("-created_at",)
    show_full_result_count = False
