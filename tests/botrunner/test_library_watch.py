"""Changes of the library's folder are noticed while the bot runs."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pytest_django import Settings
from watchfiles import Change

from botrunner import library_watch
from botrunner.library_watch import folders_of, watch_library
from library.domain import watching
from library.domain.scan_request import request_scan
from library.domain.watching import LIMIT, MISSING, NETWORK, folder_problem, library_state
from library.models import ScanLease, Track
from realtime.db import in_thread
from tests.library.audio_files import tone, write
from tests.waiting import eventually


@pytest.fixture
def root(tmp_path: Path, settings: Settings, transactional_db: None) -> Path:
    settings.DATA_DIR = tmp_path
    settings.MEDIA_LIBRARY = tmp_path / "library"
    write(tmp_path / "tone.flac", tone(0.1), tags={"title": "First"})
    write(tmp_path / "other.flac", tone(0.1, hz=300), tags={"title": "Second"})
    (settings.MEDIA_LIBRARY / "album").mkdir(parents=True)
    shutil.copy(tmp_path / "tone.flac", settings.MEDIA_LIBRARY / "album" / "1.flac")
    return Path(settings.MEDIA_LIBRARY)


@asynccontextmanager
async def running() -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(watch_library(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def shown(*paths: str) -> None:
    """Wait until these are the available tracks."""
    await holds(
        lambda: set(Track.objects.filter(available=True).values_list("path", flat=True)) == set(paths)
    )


async def holds(condition: Callable[[], bool]) -> None:
    await eventually(in_thread(condition))


def problem() -> str:
    return ScanLease.objects.values_list("problem", flat=True).get()


async def test_files_and_folders_are_followed_as_they_come_move_and_go(root: Path, tmp_path: Path) -> None:
    async with running():
        await shown("album/1.flac")
        await holds(lambda: problem() == "")
        uri = await in_thread(Track.objects.values_list("uri", flat=True).get)()
        (root / "new" / "deep").mkdir(parents=True)
        shutil.copy(tmp_path / "other.flac", root / "new" / "deep" / "2.flac")
        await shown("album/1.flac", "new/deep/2.flac")
        (root / "album").rename(root / "renamed")
        await shown("renamed/1.flac", "new/deep/2.flac")
        assert uri == (await in_thread(Track.objects.get)(title="First")).uri
        shutil.rmtree(root / "new")
        await shown("renamed/1.flac")
        root.rename(tmp_path / "unplugged")
        await shown()
        await holds(lambda: problem() == MISSING)
        (tmp_path / "unplugged").rename(root)
        await shown("renamed/1.flac")
        await in_thread(Track.objects.update)(title="Not as in the file")
        await in_thread(request_scan)()
        await holds(lambda: Track.objects.filter(title="First").exists())
        assert await in_thread(Track.objects.count)() == 2


async def test_a_folder_that_cannot_be_watched_is_scanned_and_doctor_says_why(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> AsyncIterator[set[tuple[Change, str]]]:
        raise OSError("OS file watch limit reached. (os error 28)")

    monkeypatch.setattr(library_watch, "awatch", refuse)
    monkeypatch.setattr(library_watch, "SCAN_SECONDS", 0.1)
    async with running():
        await shown("album/1.flac")
        await holds(lambda: problem() == LIMIT)
        state, remedy = await in_thread(library_state)()
        assert "more folders than the system watches" in state
        assert "sysctl fs.inotify.max_user_watches" in remedy
        shutil.copy(tmp_path / "other.flac", root / "2.flac")
        await shown("album/1.flac", "2.flac")


def test_a_folder_on_a_network_is_recognized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"rootfs / ext4 rw 0 0\nserver:/music {tmp_path}/My\\040Music nfs4 rw 0 0\n"
        f"rclone {tmp_path}/cloud fuse.rclone rw 0 0\nbroken\n"
    )
    monkeypatch.setattr(watching, "_MOUNTS", mounts)
    for name in ("My Music/deep", "cloud", "local"):
        (tmp_path / name).mkdir(parents=True)
    found = {name: folder_problem(tmp_path / name) for name in ("My Music/deep", "cloud", "local", "absent")}
    assert found == {"My Music/deep": NETWORK, "cloud": NETWORK, "local": "", "absent": MISSING}
    monkeypatch.setattr(watching, "_MOUNTS", tmp_path / "no such file")
    assert folder_problem(tmp_path / "local") == ""


def test_changes_lead_to_the_folders_to_scan(tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "cover.jpg").touch()
    names = [
        "album/1.flac",
        "album/cover.jpg",
        "album",
        "gone.mp3",
        ".hidden/1.mp3",
        "album/.1.part",
        "gone folder",
    ]
    changes = [(Change.modified, str(tmp_path / name)) for name in names]
    assert folders_of(tmp_path, changes) == {"album", "", "gone folder"}
    assert folders_of(tmp_path, [(Change.deleted, str(tmp_path)), (Change.added, "/elsewhere")]) == {""}
