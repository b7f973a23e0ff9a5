"""Django admin for tracks, albums, artists and uploads, and for the scan of the library's folder."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from library.domain.health import source_health
from library.domain.scan_request import request_scan
from library.domain.uploads import delete_upload
from library.models import Album, Artist, ScanLease, Track, Upload


@admin.register(Track)
class TrackAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "artist", "album", "source", "duration_ms", "available", "resolved_at")
    list_filter = ("source", "available", "is_live")
    search_fields = ("title", "artist", "album", "uri", "path")


@admin.register(Album)
class AlbumAdmin(ReadOnlyAdmin):
    list_display = ("title", "artist", "year", "track_count", "is_compilation", "source")
    list_filter = ("source", "is_compilation")
    search_fields = ("title", "artist__name")
    list_select_related = ("artist",)


@admin.register(Artist)
class ArtistAdmin(ReadOnlyAdmin):
    list_display = ("name", "track_count", "source")
    list_filter = ("source",)
    search_fields = ("name",)


@admin.register(ScanLease)
class ScanAdmin(ReadOnlyAdmin):
    """How the sources are, and how far the scan of the folder is. There is one row."""

    change_list_template = "library/admin_sources.html"

    list_display = (
        "__str__",
        "total",
        "done",
        "read",
        "skipped",
        "gone",
        "problem",
        "started_at",
        "finished_at",
    )
    actions = ("rescan",)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """Show the sources above the scan."""
        shown = {"title": _("Sources"), "sources": source_health()}
        return super().changelist_view(request, (extra_context or {}) | shown)

    @admin.action(description=_("Read all files again"), permissions=["view"])
    def rescan(self, request: HttpRequest, queryset: QuerySet[ScanLease]) -> None:
        request_scan()
        self.message_user(
            request, _("The scan begins within seconds if the bot's process is running."), messages.SUCCESS
        )


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    """Operators may delete uploads, with their files."""

    list_display = ("__str__", "user", "guild", "size", "received", "track", "created_at")
    list_filter = ("guild",)
    search_fields = ("name", "user__username")
    list_select_related = ("user", "guild", "track")

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(request.user.is_staff)

    def delete_model(self, request: HttpRequest, obj: Upload) -> None:
        delete_upload(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Upload]) -> None:
        for upload in list(queryset):
            delete_upload(upload)
