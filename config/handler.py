"""Pass requests from the event loop to Django, whose views and middlewares are all synchronous."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from typing import IO, Any, cast

from django.core import signals
from django.core.exceptions import BadRequest, RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix
from django.utils.translation import gettext as _

from config.static_files import StaticFiles
from config.views import bad_request
from realtime.asgi import Message, Receive, Scope, Send
from realtime.db import for_health, for_requests
from realtime.handshake import refusal
from realtime.http_bounds import HEAD_BYTES

BODY_BYTES = 2_000_000


class _Handler(ASGIHandler):
    def create_request(
        self, scope: Mapping[str, Any], body_file: IO[bytes]
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]:
        try:
            return super().create_request(scope, body_file)
        except BadRequest as error:  # Django reads Content-Type at once, and it may be malformed
            return None, bad_request(HttpRequest(), error)


class PooledHandler(_Handler):
    """Runs Django's whole chain in a long-lived thread, which keeps its database connection.

    Django's own handler starts a thread for each request, switches between it and the loop several times, and opens a
    connection. With Django's handler, adding a track took 18.0 ms of CPU in this process, and 12.2 ms with this one.
    PostgreSQL, which forks for each connection, took 19.6 ms and 3.0 ms (`make bench ARGS="queue postgres"`). This
    handler supports only synchronous views, and does not notice when a client disconnects while a view runs.
    """

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        answer = partial(contextvars.copy_context().run, self._answer, scope, body)
        loop = asyncio.get_running_loop()
        threads = for_health if scope["path"] == "/healthz" else for_requests
        response = await loop.run_in_executor(threads, answer)
        if not isinstance(response, StreamingHttpResponse):
            await self.send_response(response, send)
            return
        response.streaming_content = _one_by_one(cast(Iterator[bytes], response.streaming_content))
        try:
            await self.send_response(response, send)
        finally:
            await loop.run_in_executor(for_requests, response.close)

    def _answer(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        response: HttpResponseBase
        request, refused = self.create_request(scope, body)
        if refused is not None:
            body.close()
            response = refused
        else:
            assert request is not None
            response = self.get_response(request)
        if not response.streaming:
            response.close()  # sends request_finished, the rendered content stays
        return response


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Read each piece in a thread once the previous one is sent. Django itself reads all pieces first."""
    loop = asyncio.get_running_loop()
    while (piece := await loop.run_in_executor(for_requests, _next, pieces)) is not None:
        yield piece


def _next(pieces: Iterator[bytes]) -> bytes | None:
    try:
        return next(pieces, None)
    finally:
        close_old_connections()  # of this thread, which may not be the one that ends the request


def _head_size(scope: Scope) -> int:
    target = len(scope["path"]) + len(scope["query_string"])
    return target + sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])


async def _refuse(scope: Scope, send: Send, status: int, code: str, detail: str) -> None:
    for message in refusal(scope, status, code, detail):
        await send(message)


async def _read_body(scope: Scope, receive: Receive, *, keep: bool) -> bytes | None:
    """Return the request's body, None if it is larger than BODY_BYTES. Raises RequestAborted.

    Without `keep` the body is read and discarded.
    """
    headers = dict(scope["headers"])
    if int(headers.get(b"content-length", 0)) > BODY_BYTES:  # h11 has checked that it is a number
        return None
    size, pieces = 0, []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestAborted
        piece = message.get("body", b"")
        size += len(piece)
        if size > BODY_BYTES:
            return None
        if keep:
            pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)


def _replay(body: bytes, receive: Receive) -> Receive:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


class Http:
    """The ASGI application for HTTP: static files, otherwise Django. Refuses requests that are too large."""

    def __init__(self) -> None:
        self._files, self._django = StaticFiles(), PooledHandler()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own_files = "backline.urlconf" not in scope
        if _head_size(scope) > HEAD_BYTES:
            await _refuse(
                scope, send, 431, "HEADERS_TOO_LARGE", _("The headers are too large (limit 64 kB in total).")
            )
            return
        file = self._files.find(scope["path"]) if own_files else None
        try:
            body = await _read_body(
                scope, receive, keep=file is None and scope["method"] not in {"GET", "HEAD"}
            )
        except RequestAborted:
            return
        if body is None:
            detail = _("The request body is too large (limit %(limit)s MB).") % {
                "limit": BODY_BYTES // 1_000_000
            }
            await _refuse(scope, send, 413, "TOO_LARGE", detail)
            return
        if file is not None:
            await self._files.serve(file, scope, send)
        else:
            await self._django(scope, _replay(body, receive), send)
