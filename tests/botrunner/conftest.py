"""A stage with a library of tones that differ in pitch."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from pytest_django import Settings

import library.sources.http_media as http_media
from accounts.models import User
from botrunner.audio import TrackSource
from guilds.domain import shards
from library.sources import FileSection, SourceOptions
from library.sources.http import HttpSource
from sandbox.seed import LOUNGE, OWNER
from sandbox.server import Sandbox
from tests.botrunner.stage import Stage, stage_on
from tests.discord import taken_for_discord
from tests.factories import GuildFactory
from tests.library.audio_files import tone, write
from tests.library.audio_server import AudioServer, running_server
from tests.library.links import LOOPBACK

# title -> (hertz, seconds)
TONES = {"Long A": (440.0, 60.0), "Long C": (523.0, 60.0), "Short E": (659.0, 1.5), "Short G": (784.0, 1.5)}


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    for title, (hz, seconds) in TONES.items():
        write(
            folder / f"{title}.opus", tone(seconds, hz=hz), tags={"title": title, "artist": "The Generators"}
        )
    return folder


@pytest.fixture
def library(tones: Path, tmp_path: Path) -> Path:
    """A separate folder for this test."""
    folder = tmp_path / "library"
    shutil.copytree(tones, folder)
    return folder


@asynccontextmanager
async def running_stage(
    tmp_path: Path, library: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    """A running sandbox with a scanned library and a guild row. The test starts the bots."""
    sandbox = Sandbox(data_dir=tmp_path / "discord", port=0)
    # Tests restart bots more often than Discord allows.
    sandbox.gateway.IDENTIFY_SECONDS = 0.0
    monkeypatch.setattr(shards, "IDENTIFY_EVERY", timedelta(0))
    await sandbox.start()
    settings.MEDIA_LIBRARY = library
    settings.ALLOW_PRIVATE_MEDIA = (ip_network("127.0.0.0/8"),)
    with taken_for_discord(sandbox, settings):
        async with stage_on(sandbox) as stage:
            await stage.scan()
            yield stage


@pytest.fixture
async def stage(
    tmp_path: Path,
    library: Path,
    settings: Settings,
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path, library, settings, monkeypatch) as stage:
        yield stage


@pytest.fixture
async def playing(stage: Stage) -> Stage:
    """A stage whose bot plays 440 Hz to `member` and `owner`, with 523 Hz queued."""
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Long A")
    await stage.slash("owner", "play", query="Long C")
    await stage.hear(440)
    return stage


@pytest.fixture
def guild(transactional_db: None) -> str:
    """The Lounge's row, for tests without a bot."""
    return str(GuildFactory.create(guild_id=LOUNGE).pk)


@pytest.fixture
def audio_server() -> Iterator[AudioServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_media, "RETRY_SECONDS", (0.01, 0.02, 0.02))


@pytest.fixture
def play() -> Iterator[Callable[..., TrackSource]]:
    """Creates sources, and checks that every source and its thread end."""
    made: list[TrackSource] = []

    def make(media: Path | FileSection | str, **arguments: int) -> TrackSource:
        opened = HttpSource(SourceOptions(Path(), LOOPBACK)).open(media) if isinstance(media, str) else media
        made.append(TrackSource(opened, **arguments))
        return made[-1]

    yield make
    for source in made:
        source.cleanup()
        assert source.join(5)


async def owner_of(stage: Stage) -> User:
    """The sandbox's `owner`, as after a login."""
    return await stage.join_program(OWNER, "owner")
