"""Discord for the tests of logins: the sandbox, and a server with malformed responses."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client

from accounts import discord
from sandbox.seed import OWNER
from sandbox.server import Sandbox
from tests.discord import keep_credentials, taken_for_discord

LOGIN, CALLBACK = "/api/auth/discord/login", "/api/auth/discord/callback"


class Discord:
    """A sandbox on its own event loop, so that synchronous views can talk to it."""

    def __init__(self, folder: Path, redirect_uri: str) -> None:
        self.sandbox = Sandbox(data_dir=folder, port=0, redirect_uris=[redirect_uri])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Discord:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.sandbox.start(), self._loop).result(20)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.sandbox.stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def act(self, change: Callable[[], object]) -> None:
        """Change the sandbox on its own loop: it may be saving its world at this moment."""

        async def call() -> None:
            change()

        asyncio.run_coroutine_threadsafe(call(), self._loop).result(20)

    def approve(self, location: str, user: str = "owner", *, deny: bool = False) -> str:
        """Submit the consent page as `user`. Returns the path and query of the redirect."""
        url = f"{self.sandbox.authorize_url}?{urlsplit(location).query}"
        form = {"deny": "1"} if deny else {"user": user}
        back = urlsplit(httpx.post(url, data=form).headers["location"])
        return f"{back.path}?{back.query}"

    def fault(self, **order: object) -> None:
        httpx.post(f"{self.sandbox.url}/_sandbox/faults", json=order).raise_for_status()


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    """Forget how often codes and logins were tried."""
    cache.clear()


@pytest.fixture
def there(tmp_path: Path, settings: LazySettings) -> Iterator[Discord]:
    folder = keep_credentials(tmp_path / "discord", settings)
    with (
        Discord(folder, settings.DISCORD_REDIRECT_URI) as running,
        taken_for_discord(running.sandbox, settings),
    ):
        yield running


def begin(client: Client, query: str = "") -> str:
    return str(client.get(f"{LOGIN}{query}").headers["Location"])


def log_in(client: Client, there: Discord, user: str = "owner") -> str:
    response = client.get(there.approve(begin(client), user))
    assert response.status_code == 302, response.content
    return str(response.headers["Location"])


class Gibberish:
    """A Discord whose responses a test sets: `answers[path] = (status, headers, body)`."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []  # path, headers
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.path, dict(self.headers)))
                status, headers, body = outer.answers[urlsplit(self.path).path]
                self.send_response_only(status)  # without a Date of its own
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *args: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def say(self, path: str, body: object, *, status: int = 200, **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = (status, headers, raw)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def gibberish(settings: LazySettings) -> Iterator[Gibberish]:
    server = Gibberish()
    settings.DISCORD_API_URL = server.url
    settings.DISCORD_CA_FILE = ""
    discord.tls_context.cache_clear()
    server.say(
        "/oauth2/token", {"access_token": "a", "refresh_token": "r", "expires_in": 60, "scope": "identify"}
    )
    server.say("/users/@me", {"id": OWNER, "username": "owner"})
    server.say("/users/@me/guilds", [])
    yield server
    server.stop()
    discord.tls_context.cache_clear()
