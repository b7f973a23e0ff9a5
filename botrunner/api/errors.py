"""The Bot API's error responses outside its views. They are always JSON, because it has no pages."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse({"code": "NOT_FOUND", "detail": _("Not found.")}, status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return JsonResponse(
        {"code": "FORBIDDEN", "detail": _("You do not have permission to do this.")}, status=403
    )


def server_error(request: HttpRequest) -> JsonResponse:
    detail = _("Something went wrong on the server. The error was logged.")
    return JsonResponse({"code": "INTERNAL_ERROR", "detail": detail}, status=500)


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse({"code": "BAD_REQUEST", "detail": _("The request is malformed.")}, status=400)
