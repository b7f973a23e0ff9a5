"""What the Bot API answers outside its views. It has no pages, so it is always JSON."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse({"code": "NOT_FOUND", "detail": "There is nothing here."}, status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return JsonResponse({"code": "FORBIDDEN", "detail": "You may not do this."}, status=403)


def server_error(request: HttpRequest) -> JsonResponse:
    detail = "Something went wrong on our side. It has been logged."
    return JsonResponse({"code": "INTERNAL_ERROR", "detail": detail}, status=500)


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    return JsonResponse({"code": "BAD_REQUEST", "detail": "This request makes no sense to us."}, status=400)
