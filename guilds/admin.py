"""Django admin for guilds and their members. The data comes from Discord, so most of it is read-only."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnlyAdmin
from accounts.models import User
from guilds.domain.settings import change_settings
from guilds.domain.shards import MEMBERS_REMEDY
from guilds.freshness import is_up
from guilds.models import BotShard, Channel, Guild, GuildSettings, Membership, Role
from guilds.settings_form import GuildSettingsForm
from realtime.models import Via
from realtime.origin import Origin


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
    """Saves through `change_settings`, like the command ChangeSettings, so that an event records who changed what."""

    form = GuildSettingsForm
    list_display = ("guild", "may_add", "may_skip", "may_move", "may_clear", "fair_order", "max_per_person")
    list_filter = ("fair_order", "stay_in_channel")
    search_fields = ("guild__name", "guild__id")
    list_select_related = ("guild",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # created with the guild

    def has_delete_permission(self, request: HttpRequest, obj: GuildSettings | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: GuildSettings, form: GuildSettingsForm, change: bool
    ) -> None:
        assert isinstance(request.user, User)
        origin = Origin(user=request.user, via=Via.ADMIN, operator=True)
        change_settings(obj.pk, origin=origin, **form.changes)


@admin.register(BotShard)
class BotShardAdmin(ReadOnlyAdmin):
    """The bot's gateway connections, and whether Discord grants each the Server Members intent."""

    list_display = ("__str__", "state", "members", "guilds", "latency_ms", "ready_at", "seen_at", "process")
    list_filter = ("connected", "members_intent")

    @admin.display(description=_("state"))
    def state(self, shard: BotShard) -> str:
        return gettext("connected") if is_up(shard, now=timezone.now()) else gettext("not connected")

    @admin.display(description=_("Server Members intent"))
    def members(self, shard: BotShard) -> str:
        return (
            gettext("granted")
            if shard.members_intent
            else gettext("refused: %(remedy)s") % {"remedy": MEMBERS_REMEDY}
        )
