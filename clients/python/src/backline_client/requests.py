"""What was asked and not answered yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from backline_client.errors import BacklineError, ConnectionLost


@dataclass(eq=False, slots=True)
class Request:
    """`about` is the stream it belongs to, empty where there is but one thing to ask about."""

    frame: dict[str, Any]
    answer: asyncio.Future[dict[str, Any]]
    about: str = ""
    again: bool = True  # on the next connection, if this one goes before the answer comes
    reauthenticated: bool = False


class Requests:
    """By the `id` that comes back with the answer, in the order in which they were made."""

    def __init__(self) -> None:
        self._open: dict[str, Request] = {}

    def add(self, frame: dict[str, Any], *, about: str = "", again: bool = True) -> Request:
        """Raises ValueError for an id that is waiting already."""
        if frame["id"] in self._open:
            raise ValueError(f"{frame['id']!r} is on its way already.")
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
        """Returns whether somebody waited for it."""
        request = self.get(frame.get("id"))
        if request is None or request.answer.done():
            return False
        request.answer.set_result(frame)
        return True

    def fail(self, error: BacklineError, *, about: str | None = None) -> None:
        """End all of them, or those of one stream."""
        for request in self._open.values():
            if about in (None, request.about) and not request.answer.done():
                request.answer.set_exception(error)

    def connection_lost(self) -> None:
        """End those that are for one connection only."""
        for request in self._open.values():
            if not request.again and not request.answer.done():
                request.answer.set_exception(
                    ConnectionLost("The connection was lost before the answer came.")
                )
