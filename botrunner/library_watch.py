"""Keeps the library's index in step with its folder."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from watchfiles import Change, awatch

from library.domain.scan import scan_folders, scan_library
from library.domain.scan_request import is_scan_wanted
from library.domain.watching import LIMIT, MISSING, folder_problem, note_problem
from library.sources.cue_files import CUE_SUFFIX
from library.sources.library import SUFFIXES, stored_path
from realtime.db import in_thread

log = logging.getLogger(__name__)

SCAN_SECONDS = 600.0  # between two scans of everything
LOOK_SECONDS = 2.0  # between two looks for a requested scan, or for a folder that is missing
DEBOUNCE_MS = 1000  # waits for more changes, so that a copied album is scanned once


async def watch_library(stop: asyncio.Event) -> None:
    """Scan the folder at the start, after each change, when somebody asks for it, and every 10 minutes."""
    watch = Watch(Path(settings.MEDIA_LIBRARY))
    watching = asyncio.create_task(watch.run(stop), name="watch the library")
    scanned_at: float | None = None
    try:
        while not stop.is_set():
            try:
                wanted = await in_thread(is_scan_wanted)()
                if wanted or scanned_at is None or time.monotonic() - scanned_at > SCAN_SECONDS:
                    scanned_at = time.monotonic()
                    _report(await in_thread(scan_library)(everything=wanted))
                elif folders := watch.take():
                    result = await in_thread(scan_folders)(folders)
                    _report(result or (0, 0))
                    watch.folders |= folders if result is None else set()  # another process scans now
            except Exception:
                log.exception("Could not scan the library, retrying")
            await watch.wait(LOOK_SECONDS)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _report(result: tuple[int, int]) -> None:
    read, gone = result
    if read or gone:
        log.info("Scanned the library: %s tracks read, %s removed", read, gone)


class Watch:
    """Collects the folders whose content has changed (`stored_path`)."""

    def __init__(self, root: Path) -> None:
        self.folders: set[str] = set()
        self._root = root
        self._changed = asyncio.Event()
        self._problem: str | None = None

    def take(self) -> set[str]:
        taken, self.folders = self.folders, set()
        self._changed.clear()
        return taken

    async def wait(self, seconds: float) -> None:
        """Wait for a change, at most this long."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def run(self, stop: asyncio.Event) -> None:
        """Watch the folder until `stop`. A folder that cannot be watched is tried again."""
        while not stop.is_set():
            problem = await asyncio.to_thread(folder_problem, self._root)
            if not problem:
                try:
                    await self._follow(stop)
                except OSError as error:
                    problem = LIMIT if "limit" in str(error).lower() else MISSING
                    log.warning("Cannot watch %s, so it is scanned every 10 minutes: %s", self._root, error)
            await self._note(problem)
            try:
                async with asyncio.timeout(SCAN_SECONDS if problem == LIMIT else LOOK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                pass

    async def _follow(self, stop: asyncio.Event) -> None:
        """Collect changes until the folder is removed. Raises OSError."""
        root = await asyncio.to_thread(self._root.resolve)
        changes = awatch(
            root, stop_event=stop, debounce=DEBOUNCE_MS, rust_timeout=int(LOOK_SECONDS * 1000),
            yield_on_timeout=True, watch_filter=None,
        )  # fmt: skip
        self._add({""})  # for changes before the watch began
        async for changed in changes:
            await self._note("")
            self._add(await asyncio.to_thread(folders_of, root, changed))
            if await asyncio.to_thread(folder_problem, root):
                self._add({""})
                return

    def _add(self, folders: set[str]) -> None:
        if folders:
            self.folders |= folders
            self._changed.set()

    async def _note(self, problem: str) -> None:
        if problem != self._problem:
            try:
                await in_thread(note_problem)(problem)
                self._problem = problem
            except Exception:
                log.exception("Could not note how the library is watched")


def folders_of(root: Path, changes: Iterable[tuple[Change, str]]) -> set[str]:
    """Return the folders to scan. A renamed folder is reported without its files, so it is scanned itself."""
    found: set[str] = set()
    for _, name in changes:
        path = Path(name)
        if path == root:
            found.add("")
        elif path.is_relative_to(root) and not any(
            part.startswith(".") for part in path.relative_to(root).parts
        ):
            is_file = path.is_file() or path.suffix.lower() in {*SUFFIXES, CUE_SUFFIX}
            found.add(
                stored_path((path.parent if is_file else path).relative_to(root).as_posix()).removeprefix(".")
            )
    return found
