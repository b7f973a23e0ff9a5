"""Django admin for alert rules and their outbox. It changes rules through `change_rule`, like all other code."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin import ReadOnlyAdmin
from accounts.models import User
from alerts.domain.rules import change_rule, check_choices, check_rule, remove_rule
from alerts.domain.settle import try_again
from alerts.models import AlertPost, AlertRule
from guilds.changes_form import ChangesForm
from guilds.setting_fields import settings_in
from realtime.models import Via
from realtime.origin import Origin


class AlertRuleForm(ChangesForm[AlertRule]):
    class Meta:
        model = AlertRule
        fields = tuple(field.name for field in settings_in(AlertRule))

    def check(self, changes: dict[str, object]) -> dict[str, object]:
        changes = check_rule(changes, whole=False)
        check_choices(self.instance.guild_id, changes)
        return changes


def _operator(request: HttpRequest) -> Origin:
    assert isinstance(request.user, User)
    return Origin(user=request.user, via=Via.ADMIN, operator=True)


@admin.register(AlertRule)
class AlertRuleAdmin(admin.ModelAdmin[AlertRule]):
    form = AlertRuleForm
    list_display = (
        "guild", "stream_id", "channel_id", "min_level", "enabled", "author", "problem_code", "problem_at",
    )  # fmt: skip
    list_filter = ("enabled", "min_level", "problem_code")
    search_fields = ("guild__name", "guild__id", "stream_id", "author__username")
    list_select_related = ("guild", "author")
    # Whoever chooses a rule's stream becomes its author, so an operator cannot change the stream here.
    readonly_fields = (
        "guild", "stream_id", "author", "quiet_hours", "problem_code",
        "problem_detail", "problem_at", "held_until", "created_at",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a rule's author must be able to read its stream

    def save_model(self, request: HttpRequest, obj: AlertRule, form: AlertRuleForm, change: bool) -> None:
        change_rule(obj.guild_id, obj.pk, origin=_operator(request), **form.changes)

    def delete_model(self, request: HttpRequest, obj: AlertRule) -> None:
        remove_rule(obj.guild_id, obj.pk, origin=_operator(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AlertRule]) -> None:
        for rule in queryset:
            self.delete_model(request, rule)

    def get_deleted_objects(
        self, objs: Sequence[AlertRule] | QuerySet[AlertRule], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Allow deleting a rule's posts with the rule, although posts cannot be deleted on their own."""
        rows, counts, _, protected = super().get_deleted_objects(objs, request)
        return rows, counts, set(), protected


@admin.register(AlertPost)
class AlertPostAdmin(ReadOnlyAdmin):
    """Posts that are pending, were posted or failed, with the reason."""

    list_display = (
        "rule", "guild", "state", "error_code", "alerts", "digest", "due_at", "attempts", "posted_at", "message_id",
    )  # fmt: skip
    list_filter = ("state", "error_code", "digest", "created_at")
    search_fields = ("rule__guild__name", "rule__guild__id", "rule__stream_id", "message_id", "nonce")
    list_select_related = ("rule__guild",)
    actions = ("post_again",)

    @admin.display(description=_("guild"))
    def guild(self, post: AlertPost) -> str:
        return str(post.rule.guild)

    @admin.action(description=_("Retry (may post twice)"), permissions=["view"])
    def post_again(self, request: HttpRequest, queryset: QuerySet[AlertPost]) -> None:
        again = sum(try_again(post) for post in queryset)
        sentence = ngettext("%(count)s post will be retried.", "%(count)s posts will be retried.", again)
        self.message_user(request, sentence % {"count": again}, messages.SUCCESS)
