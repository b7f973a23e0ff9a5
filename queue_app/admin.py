"""Django admin for the queue and the players. Its two actions use the same code as everybody's commands."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import ReadOnlyAdmin
from accounts.errors import Refusal
from accounts.models import User
from queue_app.commands import execute
from queue_app.domain.requeue import requeue
from queue_app.models import Change, Play, Player, QueueItem
from realtime.models import Via
from realtime.origin import Origin


def _origin(request: HttpRequest) -> Origin:
    assert isinstance(request.user, User)
    return Origin(user=request.user, via=Via.ADMIN, operator=True)


@admin.register(QueueItem)
class QueueItemAdmin(ReadOnlyAdmin):
    list_display = (
        "track",
        "guild",
        "state",
        "requested_by",
        "added_at",
        "started_at",
        "ended_at",
        "error_detail",
    )
    list_filter = ("state", "guild", "added_at")
    search_fields = ("track__title", "track__uri", "requested_by__username", "guild__name", "guild__id")
    list_select_related = ("track", "guild", "requested_by")
    ordering = ("-added_at",)
    actions = ("put_back",)

    @admin.action(description=gettext_lazy("Move back to the front of the queue"), permissions=["view"])
    def put_back(self, request: HttpRequest, queryset: QuerySet[QueueItem]) -> None:
        for item in queryset:
            try:
                requeue(item.guild_id, item_id=str(item.pk), origin=_origin(request))
                self.message_user(
                    request, _("%(track)s is at the front again.") % {"track": item.track}, messages.SUCCESS
                )
            except Refusal as error:
                self.message_user(request, f"{item.track}: {error}", messages.WARNING)


@admin.register(Player)
class PlayerAdmin(ReadOnlyAdmin):
    list_display = (
        "guild",
        "status",
        "item",
        "voice_channel_id",
        "connected_channel_id",
        "error_detail",
        "leased",
    )
    list_filter = ("paused", "stopped", "sounding")
    search_fields = ("guild__name", "guild__id")
    list_select_related = ("guild", "item__track")
    actions = ("skip",)

    @admin.display(boolean=True, description=gettext_lazy("bot present"))
    def leased(self, player: Player) -> bool:
        return player.leased

    @admin.action(description=gettext_lazy("Skip the current track"), permissions=["view"])
    def skip(self, request: HttpRequest, queryset: QuerySet[Player]) -> None:
        for player in queryset:
            try:
                execute(player.guild_id, "Skip", {}, origin=_origin(request))
                self.message_user(
                    request, _("%(guild)s: skipped.") % {"guild": player.guild}, messages.SUCCESS
                )
            except Refusal as error:
                self.message_user(request, f"{player.guild}: {error}", messages.WARNING)


@admin.register(Play)
class PlayAdmin(ReadOnlyAdmin):
    list_display = ("track", "guild", "requested_by", "started_at", "ended_at", "outcome", "heard_ms")
    list_filter = ("outcome", "guild", "started_at")
    search_fields = ("track__title", "track__uri", "requested_by__username", "guild__name", "guild__id")
    list_select_related = ("track", "guild", "requested_by")
    ordering = ("-started_at", "-pk")
    show_full_result_count = False


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    list_display = ("guild", "seq", "last_seq", "actor", "count", "undone_seq", "undone_by", "created_at")
    list_filter = ("guild", "created_at")
    search_fields = ("guild__name", "guild__id", "actor__username")
    list_select_related = ("guild", "actor", "undone_by")
    ordering = ("-created_at",)
    show_full_result_count = False
