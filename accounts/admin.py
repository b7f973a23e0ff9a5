"""Django admin for people and their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.domain.departure import delete_account
from accounts.domain.sessions import revoke_all_sessions, revoke_session
from accounts.models import AuthSession, User


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows that only the program writes; the admin shows them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class OwnerAdmin[M: Model](admin.ModelAdmin[M]):
    """Rows whose related rows cannot be deleted on their own, but are deleted with their owner."""

    def get_deleted_objects(
        self, objs: Sequence[M] | QuerySet[M], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        rows, counts, _, protected = super().get_deleted_objects(objs, request)
        return rows, counts, set(), protected


@admin.register(User)
class UserAdmin(OwnerAdmin[User]):
    list_display = (
        "username",
        "display_name",
        "discord_id",
        "is_active",
        "staff",
        "last_login",
        "created_at",
    )
    list_filter = ("is_active", "last_login")
    search_fields = ("username", "display_name", "discord_id")
    fields = (
        "username",
        "display_name",
        "discord_id",
        "avatar_hash",
        "is_active",
        "last_login",
        "created_at",
    )
    readonly_fields = ("username", "display_name", "discord_id", "avatar_hash", "last_login", "created_at")

    @admin.display(boolean=True, description=_("admin"))
    def staff(self, user: User) -> bool:
        return user.is_staff

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # people come from Discord

    def save_model(self, request: HttpRequest, obj: User, form: object, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not obj.is_active:  # so that no old session works again when the account is reopened
            revoke_all_sessions(obj)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete_account(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            delete_account(user)


@admin.register(AuthSession)
class AuthSessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "device", "store", "address", "created_at", "last_seen_at", "revoked_at")
    list_filter = ("created_at", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("user__username", "user__discord_id", "address", "store")
    list_select_related = ("user",)
    actions = ("revoke",)

    @admin.action(description=_("Revoke these sessions"), permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[AuthSession]) -> None:
        for session in queryset:
            revoke_session(session)
        count = len(queryset)
        sentence = ngettext("%(count)s session revoked.", "%(count)s sessions revoked.", count) % {
            "count": count
        }
        self.message_user(request, sentence, messages.SUCCESS)


@admin.register(Authenticator)
class AuthenticatorAdmin(admin.ModelAdmin[Authenticator]):
    """Second factors. Delete one to let a person who lost both the app and the recovery codes log in again."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__username", "user__discord_id")
    list_select_related = ("user",)
    exclude = ("data",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return False
