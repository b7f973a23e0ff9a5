"""Django admin for guilds and who is in them. Discord owns these facts; here they are looked at."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from guilds.models import Channel, Guild, GuildSettings, Membership, Role
from realtime.admin import ReadOnlyAdmin


@admin.register(Guild)
class GuildAdmin(ReadOnlyAdmin):
    list_display = ("name", "id", "bot_installed", "member_count", "owner_id", "mirrored_at", "left_at")
    list_filter = ("bot_installed", "unavailable", "mirrored_at")
    search_fields = ("name", "id", "owner_id")


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "guild", "owner", "permissions", "updated_at")
    list_filter = ("owner", "guild")
    search_fields = ("user__username", "user__discord_id", "guild__name", "guild__id")
    list_select_related = ("user", "guild")


@admin.register(Channel, Role)
class MirroredAdmin(ReadOnlyAdmin):
    list_display = ("name", "id", "guild", "position")
    list_filter = ("guild",)
    search_fields = ("name", "id")
    list_select_related = ("guild",)


@admin.register(GuildSettings)
class GuildSettingsAdmin(admin.ModelAdmin[GuildSettings]):
    list_display = ("guild", "voice_channel_id", "dj_role_id")
    search_fields = ("guild__name", "guild__id")
    list_select_related = ("guild",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # made with the guild
