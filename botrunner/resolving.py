"""Reads the metadata of queued links before their turn to play."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from uuid import UUID

from botrunner.failures import Failures
from botrunner.opening_lists import put_in_place, read_list
from botrunner.threads import in_daemon
from library.domain.configured import configured_source
from library.sources import SourceError, TrackInfo
from queue_app.domain import playback
from queue_app.errors import LeaseLost
from queue_app.queries import next_unresolved
from realtime.db import in_thread

log = logging.getLogger(__name__)


async def resolve_queued(
    guild_id: str,
    *,
    owner: str,
    failures: Failures,
) -> None:
    """Resolve one queued track after another until none is left.

    A permanent error fails the item now. An item with a temporary error is left until its turn to play. `failures`
    is told of each item that fails, and of playlists.
    """
    passed_over: set[UUID] = set()

    def read(uri: str) -> TrackInfo:
        return configured_source(uri).resolve(uri)

    async def fail(item_id: UUID, code: str, detail: str) -> None:
        if await in_thread(playback.fail_queued)(
            guild_id, item_id=item_id, code=code, detail=detail, owner=owner
        ):
            failures.report(item_id, detail)

    while found := await in_thread(next_unresolved)(guild_id):
        item_id, uri = found
        if item_id in passed_over:
            return
        try:
            try:
                info = await in_daemon(partial(read, uri), name=f"resolve {item_id}")
            except SourceError as error:
                if error.code != "PLAYLIST":
                    raise
                listed = await in_daemon(partial(read_list, uri), name=f"list {item_id}")
                await put_in_place(
                    guild_id, item_id, listed, owner=owner, told=failures.report_list, fail=fail
                )
            else:
                await in_thread(playback.resolve_track)(guild_id, item_id=item_id, info=info, owner=owner)
        except SourceError as error:
            if error.permanent:
                await fail(item_id, error.code, error.detail)
            else:
                passed_over.add(item_id)
        except LeaseLost:
            raise
        except Exception:
            # A retry would fail the same way, forever.
            log.exception("Guild %s: could not resolve %s", guild_id, uri.partition("?")[0])
            await fail(item_id, "UNREADABLE", "This track could not be read.")


class Resolving:
    """Runs `resolve_queued`, at most once at a time per guild."""

    def __init__(self, guild_id: str, *, owner: str, failures: Failures) -> None:
        self._guild_id = guild_id
        self._owner = owner
        self._failures = failures
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"resolve {self._guild_id}")

    async def _run(self) -> None:
        try:
            await resolve_queued(self._guild_id, owner=self._owner, failures=self._failures)
        except LeaseLost:
            log.debug("Guild %s: stopped resolving, another process plays there", self._guild_id)
        except Exception:
            log.exception("Guild %s: could not resolve the queue", self._guild_id)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
