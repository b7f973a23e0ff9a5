"""Every kind of file is listed correctly and heard in Discord with the right length and tones."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from django.utils import timezone
from numpy.typing import NDArray

from library.artwork import artwork_folder
from library.models import Track
from library.sources.library import SUFFIXES, file_id
from library.sources.opus import SAMPLE_RATE
from queue_app.commands import execute
from queue_app.models import ItemState, Player, QueueItem
from realtime.db import in_thread
from realtime.models import Via
from realtime.origin import Origin
from sandbox import permissions, snowflake
from sandbox.model import Channel, ChannelType, Member, Role, VoiceState
from sandbox.model import Guild as SandboxGuild
from sandbox.seed import OWNER
from sandbox.world import World
from tests.botrunner.stage import Stage
from tests.factories import MembershipFactory
from tests.library.corpus import CASES, SKIPPED, Made, make
from tests.waiting import eventually

GUILDS = 8
FIRST = 1_300_000_000_000_000_000
BLOCK = 960  # 20 ms
AUDIBLE = 0.05  # the tones have a level of 0.28
PITCH_TOLERANCE_HZ = 6.0
HEARD_TOLERANCE = 0.1
LENGTH_TOLERANCE_MS = 30


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Made]]:
    folder = tmp_path_factory.mktemp("corpus")
    return folder, make(folder)


@pytest.fixture
def library(corpus: tuple[Path, list[Made]]) -> Path:
    return corpus[0]


def test_every_format_of_the_library_is_there_or_a_reason_why_not() -> None:
    assert {Path(case.name).suffix for case in CASES} | SKIPPED.keys() == SUFFIXES
    assert len(CASES) >= 60


def plant(world: World) -> list[str]:
    """Create guilds whose owner is in a voice channel, so that many files can play at once."""
    ids = [str(FIRST + number * 10) for number in range(GUILDS)]
    for guild_id in ids:
        role_id, channel_id = str(int(guild_id) + 1), str(int(guild_id) + 2)
        world.guilds[guild_id] = SandboxGuild(guild_id, f"Room {guild_id[-3:]}", OWNER)
        world.roles[guild_id] = Role(guild_id, guild_id, "@everyone", permissions.EVERYONE, 0)
        world.roles[role_id] = Role(role_id, guild_id, "Backline", 3329024, 1, bot_id=world.bot_id)
        for user_id, roles in ((OWNER, []), (world.bot_id, [role_id])):
            world.members[guild_id, user_id] = Member(guild_id, user_id, snowflake.now(), list(roles))
        world.channels[channel_id] = Channel(channel_id, ChannelType.VOICE, "Stage", guild_id, 0)
        world.voice_states[guild_id, OWNER] = VoiceState(guild_id, channel_id, OWNER, f"session-{guild_id}")
    return ids


async def test_each_file_says_what_it_is_and_is_heard(
    stage: Stage, corpus: tuple[Path, list[Made]], record_property: Callable[[str, object], None]
) -> None:
    folder, made = corpus
    rooms = plant(stage.sandbox.world)
    await stage.start_bot()
    owner = await stage.join_program(OWNER, "owner")

    def looked_after() -> int:
        return Player.objects.filter(guild_id__in=rooms, lease_expires_at__gt=timezone.now()).count()

    async def all_looked_after() -> bool:
        return await in_thread(looked_after)() == GUILDS

    await eventually(all_looked_after, within=30, what="all rooms looked after")

    def queue_all() -> None:
        for room in rooms:
            MembershipFactory.create(user=owner, guild_id=room, guild=None)
        for number, each in enumerate(made):
            query = uri_of(folder, each)
            origin = Origin(user=owner, via=Via.REST)
            execute(rooms[number % GUILDS], "AddTrack", {"query": query}, origin=origin)

    def still_there() -> int:
        states = (ItemState.QUEUED, ItemState.PLAYING)
        return QueueItem.objects.filter(guild_id__in=rooms, state__in=states).count()

    async def all_over() -> bool:
        return await in_thread(still_there)() == 0

    await in_thread(queue_all)()
    await eventually(all_over, within=90, what="all files played")

    heard: dict[str, list[float]] = {}
    for number, room in enumerate(rooms):
        heard |= await asyncio.to_thread(
            listen, stage.sandbox.voice.recording(room) or b"", made[number::GUILDS]
        )
    table = await in_thread(lambda: {each.case.name: described(folder, each, heard) for each in made})()
    wrong = {name: differences for name, differences in table.items() if differences}
    record_property("files that are what they should be", len(table) - len(wrong))
    assert not wrong, "\n".join(f"{name}: {'; '.join(differences)}" for name, differences in wrong.items())


def uri_of(folder: Path, made: Made) -> str:
    return f"library:{file_id(made.path.relative_to(folder))}"


def described(folder: Path, made: Made, heard: dict[str, list[float]]) -> list[str]:
    """Return the differences between a file and what is expected."""
    case = made.case
    track = Track.objects.get(uri=uri_of(folder, made))
    item = QueueItem.objects.get(track=track)
    picture = (artwork_folder() / track.artwork).read_bytes() if track.artwork else None
    wrong = []
    for what, found, wanted in (
        ("title", track.title, case.title or made.path.stem),
        ("artist", track.artist, case.artist),
        ("picture", picture, case.picture),
        ("live", track.is_live, False),
        ("error", item.error_code, ""),
        ("state", item.state, ItemState.PLAYED),
    ):
        if found != wanted:
            wrong.append(f"{what} {found!r}, not {wanted!r}")
    if track.duration_ms is None or abs(track.duration_ms - case.length_ms) > LENGTH_TOLERANCE_MS:
        wrong.append(f"length {track.duration_ms}, not {case.length_ms}")
    for hz, seconds, sounded in zip(made.hz, case.seconds, heard[case.name], strict=False):
        if abs(sounded - seconds) > HEARD_TOLERANCE:
            wrong.append(f"{sounded:.2f} s of {hz:.0f} Hz heard, not {seconds}")
    return wrong


def listen(recording: bytes, made: list[Made]) -> dict[str, list[float]]:
    """Return how many seconds of each file's tones were heard."""
    parts = []
    with av.open(io.BytesIO(recording), "r") as container:
        for frame in container.decode(audio=0):
            parts.append(frame.to_ndarray().mean(axis=0))
    sound = np.concatenate(parts)
    tones = np.array([hz for each in made for hz in each.hz])
    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    seconds = np.zeros(len(tones))
    for first in range(0, len(blocks) - 1, 2):
        pair = blocks[first : first + 2].reshape(-1)
        if np.sqrt(np.mean(np.square(pair))) < AUDIBLE:
            continue
        pitch = pitch_of(pair)
        nearest = int(np.argmin(np.abs(tones - pitch)))
        if abs(tones[nearest] - pitch) < PITCH_TOLERANCE_HZ:
            seconds[nearest] += 2 * BLOCK / SAMPLE_RATE
    return {each.case.name: list(seconds[2 * at : 2 * at + 2]) for at, each in enumerate(made)}


def pitch_of(samples: NDArray[Any]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 14))
    return float(np.argmax(spectrum) * SAMPLE_RATE / (1 << 14))
