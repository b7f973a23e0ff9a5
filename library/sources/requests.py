"""The requests for one file: how many there may be, and how long a busy server is waited for."""

from __future__ import annotations

import threading
import time

import httpx

from library.sources.errors import SourceError
from library.sources.exchange import Exchange, Response
from library.sources.responses import retry_after

ANSWER_SECONDS = 20.0  # from connecting to the end of the headers, including all redirects
RETRY_AFTER_SECONDS = 10.0  # the longest wait that a busy server may ask for
# A file whose parts are far apart needs a request for each. Without a limit, such a file could make this program attack
# the server.
MAX_REQUESTS = 200
MAX_REQUESTS_PER_SECOND = 5

HEADERS = {
    "User-Agent": "Backline (+music for Discord)",
    "Accept": "audio/*, application/ogg, */*;q=0.5",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


class Requests:
    def __init__(self, url: httpx.URL, exchange: Exchange, closed: threading.Event) -> None:
        """`closed` ends a wait."""
        self._url = url
        self._exchange = exchange
        self._closed = closed
        self._count = 0
        self._begun_at = time.monotonic()

    def send(self, headers: dict[str, str], *, until: float) -> Response:
        """Return the server's response, at the latest at `until` (monotonic seconds). If the server asks for a short
        wait, request again after it. Raises SourceError, Nonsense, OSError."""
        response = self._follow(headers, until)
        wait = retry_after(response.headers) if response.status in {429, 503} else None
        if wait is None or wait > RETRY_AFTER_SECONDS:
            return response
        response.close()
        self._closed.wait(wait)
        return self._follow(headers, until)

    def _follow(self, headers: dict[str, str], until: float) -> Response:
        self._count += 1
        if self._count > MAX_REQUESTS + MAX_REQUESTS_PER_SECOND * (time.monotonic() - self._begun_at):
            raise SourceError("UNREADABLE", "Reading this file takes too many requests.", permanent=True)
        deadline = min(time.monotonic() + ANSWER_SECONDS, until)
        return self._exchange.follow(self._url, HEADERS | headers, deadline=deadline)
