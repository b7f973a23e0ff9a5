"""Django admin for streams. It deletes streams and revokes tokens with the functions of the domain."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin import ReadOnlyAdmin
from realtime.domain.append import ensure_store
from streams.domain.streams import delete_stream, revoke_tokens
from streams.models import Stream, StreamGrant, StreamPresence


class StreamGrantInline(admin.TabularInline[StreamGrant, Stream]):
    model = StreamGrant
    extra = 0
    raw_id_fields = ("user",)


@admin.register(Stream)
class StreamAdmin(admin.ModelAdmin[Stream]):
    list_display = ("id", "name", "owner", "public", "durable_types", "created_at")
    list_filter = ("public", "created_at")
    search_fields = ("id", "name", "owner__username", "owner__discord_id")
    list_select_related = ("owner",)
    raw_id_fields = ("owner",)
    inlines = (StreamGrantInline,)
    actions = ("end_tokens",)

    def get_readonly_fields(self, request: HttpRequest, obj: Stream | None = None) -> list[str]:
        return ["id", "created_at"] if obj else ["created_at"]

    def save_model(self, request: HttpRequest, obj: Stream, form: ModelForm[Stream], change: bool) -> None:
        super().save_model(request, obj, form, change)
        ensure_store(obj.log)

    def delete_model(self, request: HttpRequest, obj: Stream) -> None:
        delete_stream(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Stream]) -> None:
        for stream in queryset:
            delete_stream(stream)

    @admin.action(description=_("Revoke all device tokens"), permissions=["change"])
    def end_tokens(self, request: HttpRequest, queryset: QuerySet[Stream]) -> None:
        for stream in queryset:
            ended = revoke_tokens(stream)
            sentence = ngettext(
                "%(stream)s: %(count)s token revoked.", "%(stream)s: %(count)s tokens revoked.", ended
            )
            self.message_user(request, sentence % {"stream": stream, "count": ended}, messages.SUCCESS)


@admin.register(StreamPresence)
class StreamPresenceAdmin(ReadOnlyAdmin):
    """Who is on which stream. Read-only, because the processes maintain these rows."""

    list_display = ("stream", "user", "client_type", "produces", "consumes", "since", "seen_at")
    list_filter = ("client_type",)
    search_fields = ("stream__id", "user__username")
    list_select_related = ("stream", "user")
