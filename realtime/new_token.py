"""Answer whoever makes a token for a device; asked again with the same Idempotency-Key, with the same token.

It is shown once: who lost the answer to `rotate` and asked again would have ended what another part of them holds.
"""

from __future__ import annotations

from collections.abc import Callable

from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.domain.once import StepSpent, take_once
from accounts.models import AuthSession
from accounts.shapes import token_shape
from accounts.tokens import issue_sync
from realtime.errors import Conflict

REPEATABLE = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)


def new_token(request: Request, issue: Callable[[str], AuthSession], *, device: str) -> Response:
    """Return the answer with the token of the session that `issue(device)` returns. Raises Conflict."""
    key = request.headers.get("Idempotency-Key", "")
    session = _issued_once(request, issue, device, key) if key else issue(device)
    return Response(token_shape(session) | {"token": issue_sync(session)}, status=status.HTTP_201_CREATED)


def _issued_once(request: Request, issue: Callable[[str], AuthSession], device: str, key: str) -> AuthSession:
    step = ("token", request.path, str(caller(request).pk), key)
    try:
        sid, _ = take_once(*step, proof=(device,), act=lambda: str(issue(device).pk))
    except StepSpent as error:
        raise Conflict from error
    session = AuthSession.objects.select_related("user").filter(pk=sid, revoked_at=None).first()
    if session is None:  # ended since
        raise Conflict
    return session
