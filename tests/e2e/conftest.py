"""One installation for all tests here, because a program takes seconds to start and keeps its state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from library.starter import fill
from sandbox.seed import LOUNGE
from tests.e2e.program import Backline, Person

type Measured = Callable[[str, float], None]


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Measured:
    """Record how many seconds something took. The figures are shown at the end of the run."""
    return lambda what, seconds: record_property(what, f"{seconds:.1f} s")


@pytest.fixture(scope="package")
def backline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backline]:
    """An installation that has not been started yet."""
    installation = Backline(tmp_path_factory.mktemp("installation"))
    try:
        yield installation
    finally:
        if installation.serve.running:
            installation.serve.kill()


@pytest.fixture(scope="package")
def music(backline: Backline) -> Path:
    """The installation's library. Tests share it, because generating the tracks takes seconds."""
    folder = backline.folder / "library"
    fill(folder)  # generates what a first start has not generated yet
    return folder


@pytest.fixture
def running(backline: Backline) -> Backline:
    """The installation, serving."""
    if not backline.serve.running:
        backline.start()
    return backline


@pytest.fixture
def owner(running: Backline) -> Iterator[Person]:
    person = running.log_in("owner")
    yield person
    person.browser.close()
    person.api.close()


@pytest.fixture
def tone(running: Backline, owner: Person) -> Person:
    """`owner` is in voice and hears 440 Hz, and another track is queued."""
    clear(owner)
    running.sit("owner", "Stage left")
    before = running.heard_frames()
    owner.add("440 Hz Tone")
    owner.add("Sawdust Waltz")
    running.hear(440, after=before + 60)
    return owner


def clear(person: Person) -> None:
    """Clear the queue and skip the current track."""
    for item in person.queue():
        person.do("DELETE", f"queue/{item['id']}")
    person.api.post(f"/api/guilds/{LOUNGE}/player/skip")  # 409 when nothing plays
    if person.player()["status"] in {"paused", "stopped"}:
        person.do("PATCH", "player", json={"paused": False})
