"""Discord for the tests of guilds: one sandbox per module, reset for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.core.cache import cache

from sandbox import seed
from tests.accounts.conftest import Discord
from tests.discord import keep_credentials, taken_for_discord


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Discord]:
    folder = keep_credentials(tmp_path_factory.mktemp("discord"), django_settings)
    with Discord(folder, django_settings.DISCORD_REDIRECT_URI) as one:
        yield one


@pytest.fixture
def sandbox(running: Discord, settings: LazySettings) -> Iterator[Discord]:
    """The sandbox in its initial state, without faults, and with the program's caches cleared."""
    world = running.sandbox.world

    def renew() -> None:
        for rows in (
            world.guilds,
            world.channels,
            world.roles,
            world.members,
            world.users,
            world.voice_states,
        ):
            rows.clear()
        world.unavailable.clear()
        seed.plant(world)
        running.sandbox.faults.standing.clear()

    running.act(renew)
    cache.clear()
    with taken_for_discord(running.sandbox, settings):
        yield running
    cache.clear()
