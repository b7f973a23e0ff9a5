"""A Discord for the tests of guilds: one sandbox a module, as new for each test."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.core.cache import cache

from accounts import discord
from sandbox import seed
from tests.accounts.conftest import Discord
from tests.guilds.outbox import Post


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Discord]:
    folder = tmp_path_factory.mktemp("discord")
    # The settings already name these credentials, as they do when the program runs.
    credentials = {
        "client_id": django_settings.DISCORD_CLIENT_ID,
        "client_secret": django_settings.DISCORD_CLIENT_SECRET,
        "bot_token": django_settings.DISCORD_BOT_TOKEN,
        "application_public_key": "00" * 32,
    }
    (folder / "credentials.json").write_text(json.dumps(credentials))
    with Discord(folder, django_settings.DISCORD_REDIRECT_URI) as one:
        yield one


@pytest.fixture
def sandbox(running: Discord, settings: LazySettings) -> Iterator[Discord]:
    """The sandbox with its newcomer's world, no faults, and nothing that the program learnt about it."""
    settings.DISCORD_API_URL = running.sandbox.api_url
    settings.DISCORD_AUTHORIZE_URL = running.sandbox.authorize_url
    settings.DISCORD_CA_FILE = str(running.sandbox.ca_file)
    world = running.sandbox.world
    for rows in (world.guilds, world.channels, world.roles, world.members, world.users, world.voice_states):
        rows.clear()
    world.unavailable.clear()
    seed.plant(world)
    running.sandbox.faults.standing.clear()
    discord.tls_context.cache_clear()
    discord._transport.cache_clear()
    cache.clear()
    yield running
    discord.tls_context.cache_clear()
    cache.clear()


@pytest.fixture
def post(db: None, sandbox: Discord) -> Post:
    return Post(sandbox)


@pytest.fixture
def post_everywhere(transactional_db: None, sandbox: Discord) -> Post:
    """One whose rows threads see."""
    return Post(sandbox)
