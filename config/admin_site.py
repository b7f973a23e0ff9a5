"""The Django admin, with the name Backline and login through Discord."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

# Packages whose admin pages, for e-mail addresses and groups, are left out.
_FOREIGN = ("allauth.", "django.contrib.auth.")


class BacklineAdminSite(admin.AdminSite):
    site_header = site_title = "Backline"
    index_title = _("People, guilds and queues")
    site_url = "/dashboard"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send people to Discord, as there are no passwords. Raises PermissionDenied for those without the right."""
        if request.user.is_authenticated:
            raise PermissionDenied
        target = request.GET.get("next", reverse("admin:index"))
        return redirect_to_login(target, reverse("discord_login"), "next")

    # Any: what Django allows, one model or several with an admin of the same, takes more lines than the method.
    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: object) -> None:
        if admin_class is None or not admin_class.__module__.startswith(_FOREIGN):
            super().register(model_or_iterable, admin_class, **options)
