"""Answer a request for a device token. A repeated request with the same Idempotency-Key gets the same token.

A token is shown once. Without the key, a client that lost the response to `rotate` and repeated the request would
revoke its first new token, which another part of it may already use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller
from accounts.domain.once import StepSpent, take_once
from accounts.models import AuthSession
from accounts.serializers import NewDeviceTokenSerializer, TokenRequestSerializer
from accounts.shapes import token_shape
from accounts.tokens import issue_sync
from realtime.errors import Conflict

describe_new_token = extend_schema(
    parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    request=TokenRequestSerializer,
    responses={201: NewDeviceTokenSerializer},
)


class Issue(Protocol):
    def __call__(self, *, device: str, address: str | None) -> AuthSession: ...


def new_token(request: Request, issue: Issue) -> Response:
    """Return a response with a token for the session that `issue` returns. Raises ValidationError, Conflict."""
    body = TokenRequestSerializer(data=request.data)
    body.is_valid(raise_exception=True)
    device, key = body.validated_data["device"], request.headers.get("Idempotency-Key", "")

    def begin() -> AuthSession:
        return issue(device=device, address=request.META.get("REMOTE_ADDR"))

    session = _begun_once(request, begin, device, key) if key else begin()
    return Response(token_shape(session) | {"token": issue_sync(session)}, status=status.HTTP_201_CREATED)


def _begun_once(request: Request, begin: Callable[[], AuthSession], device: str, key: str) -> AuthSession:
    step = ("token", request.path, str(caller(request).pk), key)
    try:
        sid, _ = take_once(*step, proof=(device,), act=lambda: str(begin().pk))
    except StepSpent as error:
        raise Conflict from error
    session = AuthSession.objects.select_related("user").filter(pk=sid, revoked_at=None).first()
    if session is None:  # revoked since
        raise Conflict
    return session
