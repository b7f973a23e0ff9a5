"""Give every REST error the same shape: `{"code", "detail"}`, and `errors` by field for invalid input."""

from __future__ import annotations

import logging
import math

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from accounts.errors import Refusal

log = logging.getLogger(__name__)


def answer(error: Exception, context: dict[str, object]) -> Response:
    """Return the response for any exception of a view, including unexpected ones. DRF calls it (EXCEPTION_HANDLER)."""
    if isinstance(error, Refusal):
        set_rollback()
        return _refuse(error)
    if isinstance(error, RequestDataTooBig):
        return _body(413, "TOO_LARGE", _("The request body is too large (limit 2 MB)."))
    if isinstance(error, exceptions.ValidationError):
        set_rollback()
        errors = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
        return Response(
            {"code": "INVALID_INPUT", "detail": _("Some fields are invalid."), "errors": errors},
            status=status.HTTP_400_BAD_REQUEST,
        )
    if isinstance(error, OperationalError | InterfaceError):
        log.exception("Database unavailable for %s", _named(context))
        return _body(503, "UNAVAILABLE", _("The database is not responding. Try again in a moment."))
    response = exception_handler(error, context)
    if response is None:
        set_rollback()
        log.error("Unexpected error in %s", _named(context), exc_info=error)
        return _body(500, "INTERNAL_ERROR", _("Something went wrong on our side. It has been logged."))
    response.data = {"code": _code(error), "detail": _sentence(error)}
    return response


def _named(context: dict[str, object]) -> str:
    """Return the request's method and path, for the log."""
    request = context["request"]
    assert isinstance(request, Request)
    return f"{request.method} {request.path}"


def _body(code: int, name: str, detail: str) -> Response:
    headers = {"WWW-Authenticate": 'Bearer realm="backline"'} if code == 401 else None
    return Response({"code": name, "detail": detail}, status=code, headers=headers)


def _refuse(error: Refusal) -> Response:
    response = _body(error.status, error.code, str(error))
    if error.errors:
        response.data["errors"] = error.errors
    if error.retry_after is not None:
        response["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    return response


def _code(error: Exception) -> str:
    if isinstance(error, exceptions.NotAuthenticated):
        return "AUTH_REQUIRED"
    if isinstance(error, exceptions.AuthenticationFailed):
        return str(error.get_codes()).upper()
    if isinstance(error, exceptions.PermissionDenied) and str(error.detail).startswith("CSRF"):
        return "CSRF_FAILED"
    if isinstance(error, exceptions.PermissionDenied | PermissionDenied):
        return "FORBIDDEN"
    if isinstance(error, exceptions.NotFound | Http404):
        return "NOT_FOUND"
    if isinstance(error, exceptions.APIException):
        return str(error.default_code).upper()
    return "ERROR"


def _sentence(error: Exception) -> str:
    if isinstance(error, Http404):
        return _("Not found.")
    if isinstance(error, exceptions.NotAuthenticated):
        return _("Log in first.")
    return str(getattr(error, "detail", _("You do not have permission to do this.")))
