"""Django admin for the event log: read-only, apart from who owns an `app:` store."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import OwnerAdmin, ReadOnlyAdmin
from realtime.domain.stores import delete_store
from realtime.models import Event, Store, StoreMember


class StoreMemberInline(admin.TabularInline[StoreMember, Store]):
    model = StoreMember
    extra = 0
    raw_id_fields = ("user",)


@admin.register(Store)
class StoreAdmin(OwnerAdmin[Store]):
    """Logs are read-only. An `app:` store can get another owner or other members, and it can be deleted."""

    list_display = ("name", "owner", "public", "head", "size_bytes", "epoch", "created_at")
    list_filter = ("public", "created_at")
    search_fields = ("name", "owner__username", "owner__discord_id")
    list_select_related = ("owner",)
    raw_id_fields = ("owner",)
    readonly_fields = ("name", "epoch", "head", "pruned_through", "size_bytes", "created_at")
    inlines = (StoreMemberInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Store | None = None) -> bool:
        return super().has_change_permission(request, obj) and _is_app(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Store | None = None) -> bool:
        return super().has_delete_permission(request, obj) and obj is not None and _is_app(obj)

    def delete_model(self, request: HttpRequest, obj: Store) -> None:
        delete_store(obj)


def _is_app(store: Store | None) -> bool:
    return store is None or store.name.startswith("app:")


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("store", "seq", "name", "actor", "via", "auth", "created_at")
    list_filter = ("name", "via", "auth", "created_at")
    search_fields = ("store__name", "event_id", "actor__username")
    list_select_related = ("store", "actor")
    ordering = ("-created_at",)
    show_full_result_count = False
