"""Open sockets by session, so that ending a session ends them, within a second and without any hint.

And by person, because one who opens them by the thousand would leave no room for others.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from django.conf import settings

from accounts.errors import AccountsError, SessionRevoked, UserNotFound
from accounts.models import AuthSession
from realtime import kinds
from realtime.db import in_thread
from realtime.errors import TooManyConnections
from realtime.kinds import Reader

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
ACCESS_SECONDS = 1.0  # leaving a guild closes its sockets within two

OnEnd = Callable[[AccountsError], None]
OnLost = Callable[[], None]


def _read_ended(sids: list[str]) -> dict[str, AccountsError]:
    found = {
        str(pk): (revoked_at, active)
        for pk, revoked_at, active in AuthSession.objects.filter(pk__in=sids).values_list(
            "pk", "revoked_at", "user__is_active"
        )
    }
    ended: dict[str, AccountsError] = {}
    for sid in sids:
        revoked_at, active = found.get(sid, (None, False))
        if not active:
            ended[sid] = UserNotFound()
        elif revoked_at is not None:
            ended[sid] = SessionRevoked()
    return ended


def _read_readers(asked: set[Reader]) -> set[Reader]:
    """Return those of the pairs `(instance, id of a user)` whose user may read the instance."""
    by_prefix: defaultdict[str, set[Reader]] = defaultdict(set)
    for instance, user_id in asked:
        prefix, _, key = instance.partition(":")
        by_prefix[prefix].add((key, user_id))
    return {
        (f"{prefix}:{key}", user_id)
        for prefix, pairs in by_prefix.items()
        for key, user_id in kinds.of(prefix).readers(pairs)
    }


class Connections:
    """The sockets of this process, and what each stands and falls with."""

    def __init__(self) -> None:
        self._by_sid: defaultdict[str, set[OnEnd]] = defaultdict(set)
        self._of_user: Counter[int] = Counter()
        self._readers: defaultdict[str, dict[OnLost, int]] = defaultdict(dict)
        self._access = asyncio.create_task(self._watch_access(), name="access poll")
        self._look = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="revocation poll")

    def add(self, session: AuthSession, on_end: OnEnd) -> Callable[[], None]:
        """Call `on_end(reason)` once when the session or its user is no more. Returns a function that stops it.

        Raises TooManyConnections when the person has as many here as one may.
        """
        sid, user_id = str(session.pk), session.user_id
        if settings.SOCKETS_PER_PERSON and self._of_user[user_id] >= settings.SOCKETS_PER_PERSON:
            raise TooManyConnections
        self._by_sid[sid].add(on_end)
        self._of_user[user_id] += 1

        def remove() -> None:
            self._of_user[user_id] -= 1
            if not self._of_user[user_id]:
                del self._of_user[user_id]
            self._by_sid[sid].discard(on_end)
            if not self._by_sid[sid]:
                del self._by_sid[sid]

        return remove

    def watch(self, instance: str, user_id: int, on_lost: OnLost) -> Callable[[], None]:
        """Call `on_lost()` once when the user may no longer read the instance. Returns a function that stops it."""
        self._readers[instance][on_lost] = user_id

        def remove() -> None:
            readers = self._readers.get(instance, {})
            readers.pop(on_lost, None)
            if not readers:
                self._readers.pop(instance, None)

        return remove

    async def _watch_access(self) -> None:
        while True:
            await asyncio.sleep(ACCESS_SECONDS)
            asked = {
                (instance, user_id)
                for instance, readers in self._readers.items()
                for user_id in readers.values()
            }
            if not asked:
                continue
            try:
                allowed = await in_thread(_read_readers)(asked)
            except Exception as error:
                log.warning("Access poll: %s", type(error).__name__)
                continue
            gone = asked - allowed
            lost = [
                (instance, on_lost)
                for instance in {instance for instance, _ in gone}
                for on_lost, user_id in self._readers.get(instance, {}).items()
                if (instance, user_id) in gone
            ]
            if lost:
                await self._tell_ended()  # who was deleted is in no guild either, and should hear the reason
            for instance, on_lost in lost:
                if self._readers.get(instance, {}).pop(on_lost, None) is not None:
                    on_lost()

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            await self._tell_ended()

    async def _tell_ended(self) -> None:
        if not self._by_sid:
            return
        try:
            ended = await in_thread(_read_ended)(list(self._by_sid))
        except Exception as error:
            log.warning("Revocation poll: %s", type(error).__name__)
            return
        for sid, reason in ended.items():
            for on_end in self._by_sid.pop(sid, set()):
                on_end(reason)


def look_now(**_: Any) -> None:
    """Look at once: a session of this process was ended. From any thread; the poll serves the others."""
    if _connections is not None and _connections[0].is_running():
        _connections[0].call_soon_threadsafe(_connections[1]._look.set)


_connections: tuple[asyncio.AbstractEventLoop, Connections] | None = None


def get_connections() -> Connections:
    """Return the registry of the running event loop."""
    global _connections
    loop = asyncio.get_running_loop()
    if _connections is None or _connections[0] is not loop:
        _connections = (loop, Connections())
    return _connections[1]
