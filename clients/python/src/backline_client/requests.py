"""Requests without a response yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from backline_client.errors import BacklineError, ConnectionLost


@dataclass(eq=False, slots=True)
class Request:
    """A request. `about` is the id of its stream. It is empty on `/sync`, where a connection has one log."""

    frame: dict[str, Any]
    answer: asyncio.Future[dict[str, Any]]
    about: str = ""
    again: bool = True  # repeat it on the next connection if this one is lost before the response
    reauthenticated: bool = False


class Requests:
    """Open requests by `id`, which the response repeats, oldest first."""

    def __init__(self) -> None:
        self._open: dict[str, Request] = {}

    def add(self, frame: dict[str, Any], *, about: str = "", again: bool = True) -> Request:
        """Add a request. Raises ValueError when its id is already in use."""
        if frame["id"] in self._open:
            raise ValueError(f"The id {frame['id']!r} is already in use.")
        request = Request(frame, asyncio.get_running_loop().create_future(), about, again)
        self._open[frame["id"]] = request
        return request

    def forget(self, request: Request) -> None:
        self._open.pop(request.frame["id"], None)

    def get(self, request_id: object) -> Request | None:
        return self._open.get(request_id) if isinstance(request_id, str) else None

    def waiting(self, about: str = "") -> list[Request]:
        return [
            request for request in self._open.values() if request.about == about and not request.answer.done()
        ]

    def answered(self, frame: dict[str, Any]) -> bool:
        """Pass a response to its request. Returns False when there is no such request."""
        request = self.get(frame.get("id"))
        if request is None or request.answer.done():
            return False
        request.answer.set_result(frame)
        return True

    def fail(self, error: BacklineError, *, about: str | None = None) -> None:
        """End all requests, or those of one stream, with an error."""
        for request in self._open.values():
            if about in (None, request.about) and not request.answer.done():
                request.answer.set_exception(error)

    def connection_lost(self) -> None:
        """End the requests that must not be repeated on another connection."""
        for request in self._open.values():
            if not request.again and not request.answer.done():
                request.answer.set_exception(
                    ConnectionLost("The connection was lost before the server responded.")
                )
