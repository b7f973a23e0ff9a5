"""The sandbox in the place of Discord."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import LazySettings
from pytest_django import Settings

from accounts import discord
from sandbox.server import Sandbox


def keep_credentials(folder: Path, settings: LazySettings) -> Path:
    """Give a sandbox in that folder the credentials from the settings, as when the program runs."""
    folder.mkdir(exist_ok=True)
    credentials = {
        "client_id": settings.DISCORD_CLIENT_ID,
        "client_secret": settings.DISCORD_CLIENT_SECRET,
        "bot_token": settings.DISCORD_BOT_TOKEN,
        "application_public_key": "00" * 32,
    }
    (folder / "credentials.json").write_text(json.dumps(credentials))
    return folder


@contextmanager
def taken_for_discord(sandbox: Sandbox, settings: LazySettings | Settings) -> Iterator[None]:
    """Point the program at a running sandbox, and clear what it has cached from another one."""
    settings.DISCORD_API_URL = sandbox.api_url
    settings.DISCORD_AUTHORIZE_URL = sandbox.authorize_url
    settings.DISCORD_CDN_URL = sandbox.url
    settings.DISCORD_CA_FILE = str(sandbox.ca_file)
    settings.DISCORD_CLIENT_ID = sandbox.credentials.client_id
    settings.DISCORD_BOT_TOKEN = sandbox.credentials.bot_token
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    discord.tls_context.cache_clear()
    discord._transport.cache_clear()
