"""A Discord for the tests of logins: the sandbox, and one that answers what no Discord should."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import LazySettings
from django.test import Client

from accounts import discord
from sandbox.server import Sandbox

LOGIN, CALLBACK = "/api/auth/discord/login", "/api/auth/discord/callback"


class Discord:
    """A sandbox on a loop of its own, so that synchronous views can talk to it."""

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

    def approve(self, location: str, user: str = "owner", *, deny: bool = False) -> str:
        """Answer the consent page as `user`; returns where the browser is sent back to, without the host."""
        url = f"{self.sandbox.authorize_url}?{urlsplit(location).query}"
        form = {"deny": "1"} if deny else {"user": user}
        back = urlsplit(httpx.post(url, data=form).headers["location"])
        return f"{back.path}?{back.query}"

    def fault(self, **order: object) -> None:
        httpx.post(f"{self.sandbox.url}/_sandbox/faults", json=order).raise_for_status()


@pytest.fixture
def there(tmp_path: Path, settings: LazySettings) -> Iterator[Discord]:
    folder = tmp_path / "discord"
    folder.mkdir()
    # The settings already name these credentials, as they do when the program runs.
    credentials = {
        "client_id": settings.DISCORD_CLIENT_ID,
        "client_secret": settings.DISCORD_CLIENT_SECRET,
        "bot_token": settings.DISCORD_BOT_TOKEN,
        "application_public_key": "00" * 32,
    }
    (folder / "credentials.json").write_text(json.dumps(credentials))
    with Discord(folder, settings.DISCORD_REDIRECT_URI) as running:
        settings.DISCORD_API_URL = running.sandbox.api_url
        settings.DISCORD_CA_FILE = str(running.sandbox.ca_file)
        discord.tls_context.cache_clear()
        yield running
    discord.tls_context.cache_clear()


def begin(client: Client, query: str = "") -> str:
    return str(client.get(f"{LOGIN}{query}").headers["Location"])


def log_in(client: Client, there: Discord, user: str = "owner") -> str:
    response = client.get(there.approve(begin(client), user))
    assert response.status_code == 302, response.content
    return str(response.headers["Location"])
