"""Authenticate a socket's handshake. The first credential present decides, and an Origin must be one of ours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import parse_qs

from django.conf import settings
from django.http import parse_cookie

from accounts.authentication import bearer_token
from accounts.domain.sessions import (
    Principal,
    authenticate_access,
    authenticate_sync,
    find_live_session,
    nobody,
    touch_session,
)
from accounts.errors import Unauthenticated
from accounts.session_store import SessionStore
from accounts.tokens import claims_sync
from realtime.asgi import Message, Scope


def header(scope: Scope, name: bytes) -> str:
    """Return a request header of a socket's scope, empty when absent."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def origin_allowed(scope: Scope) -> bool:
    """Programs send no Origin and are allowed. Browsers always send one, which must be in ALLOWED_ORIGINS."""
    origin = header(scope, b"origin")
    return not origin or origin in settings.ALLOWED_ORIGINS


def offered_token(scope: Scope) -> tuple[str | None, str | None]:
    """Return `(token, subprotocol to answer)`, each None if the client did not send it.

    Raises TokenInvalid for an `Authorization: Bearer` without a token.
    """
    authorization = header(scope, b"authorization")
    if authorization and (token := bearer_token(authorization)) is not None:
        return token, None
    protocols: list[str] = scope.get("subprotocols") or _offered_protocols(scope)
    if "bearer" in protocols[:1]:
        return (protocols[1] if len(protocols) > 1 else ""), "bearer"
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    if "token" in query:
        return query["token"][0], None
    return None, None


def _offered_protocols(scope: Scope) -> list[str]:
    """Return the subprotocols that an HTTP request for a socket offers. A socket's own scope has them parsed."""
    return [name.strip() for name in header(scope, b"sec-websocket-protocol").split(",")]


def authenticate_token(raw: str, *, grace_seconds: int, sync_tokens: bool = False) -> Principal:
    """Return the principal of an access token or, with `sync_tokens`, of a sync token.

    A caller that passes `sync_tokens` must check the principal's `store`. Grace is for access tokens only. With
    REQUIRE_AUTH off, a bad token gives the anonymous principal. Raises Unauthenticated.
    """
    try:
        if sync_tokens and claims_sync(raw):
            principal = authenticate_sync(raw)
        else:
            principal = authenticate_access(raw, grace_seconds=grace_seconds)
    except Unauthenticated:
        if settings.REQUIRE_AUTH:
            raise
        return nobody()
    if principal.session is not None:
        touch_session(principal.session)
    return principal


def authenticate_scope(scope: Scope, *, grace_seconds: int, sync_tokens: bool = False) -> Principal | None:
    """Return who opens the socket. Without a credential: None, or with REQUIRE_AUTH off the anonymous principal.
    Uses the ORM.

    A cookie without a live session counts as no credential: browsers send stale cookies by themselves, and the
    first message may still authenticate. Raises Unauthenticated.
    """
    token, _ = offered_token(scope)
    if token is not None:
        return authenticate_token(token, grace_seconds=grace_seconds, sync_tokens=sync_tokens)
    return _of_cookie(scope) or (None if settings.REQUIRE_AUTH else nobody())


def _of_cookie(scope: Scope) -> Principal | None:
    key = parse_cookie(header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME, "")
    sid = SessionStore(key).get("sid")
    try:
        session = find_live_session(sid)
    except Unauthenticated:
        return None
    touch_session(session)
    return Principal(session.user, session)


def refusal(
    scope: Scope, status: int, code: str, detail: str, more: Iterable[tuple[bytes, bytes]] = ()
) -> list[Message]:
    """Return the ASGI messages that refuse an upgrade, or an HTTP request for one, with the usual error body.

    `more` has further headers. A server without the `websocket.http.response` extension can only accept and close
    (ASGI specification, WebSocket Denial Response).
    """
    answer = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    if scope["type"] == "websocket" and answer not in scope.get("extensions", {}):
        return [
            {"type": "websocket.accept"},
            {"type": "websocket.close", "code": 4000 + status},  # such as 4401 for HTTP 401
        ]
    body = json.dumps({"code": code, "detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="backline"'))
    return [
        {"type": f"{answer}.start", "status": status, "headers": headers},
        {"type": f"{answer}.body", "body": body},
    ]
