"""Open sockets by session: when a session ends, its sockets close within a second, even without a hint.

They are also counted by person. Otherwise one person could open thousands and leave no room for others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from django.conf import settings

from accounts.errors import SessionRevoked, Unauthenticated, UserNotFound
from accounts.models import AuthSession
from realtime import kinds
from realtime.errors import TooManyConnections
from realtime.kinds import Reader
from realtime.per_loop import PerLoop
from realtime.revocation_poll import get_poll

OnEnd = Callable[[Unauthenticated], None]
OnLost = Callable[[], None]


class Sessions:
    """Finds sessions that were revoked, or whose user was deleted or deactivated."""

    name = "sessions"

    def __init__(self, open_: dict[str, set[OnEnd]]) -> None:
        self._open = open_

    def question(self) -> frozenset[str] | None:
        return frozenset(self._open) or None

    def read(self, question: frozenset[str]) -> dict[str, Unauthenticated]:
        rows = AuthSession.objects.filter(pk__in=question).order_by()
        states = rows.values_list("pk", "revoked_at", "user__is_active")
        found = {str(pk): (revoked_at, active) for pk, revoked_at, active in states}
        ended: dict[str, Unauthenticated] = {}
        for sid in question:
            revoked_at, active = found.get(sid, (None, False))
            if not active:
                ended[sid] = UserNotFound()
            elif revoked_at is not None:
                ended[sid] = SessionRevoked()
        return ended

    def settle(self, question: frozenset[str], answer: dict[str, Unauthenticated]) -> None:
        for sid, reason in answer.items():
            for on_end in self._open.pop(sid, set()):
                on_end(reason)


class Readers:
    """Finds users who may no longer read the instance they follow."""

    name = "readers"

    def __init__(self, watched: dict[str, dict[OnLost, int]]) -> None:
        self._watched = watched

    def question(self) -> set[Reader] | None:
        asked = {
            (instance, user_id)
            for instance, watching in self._watched.items()
            for user_id in watching.values()
        }
        return asked or None

    def read(self, question: set[Reader]) -> set[Reader]:
        by_prefix: defaultdict[str, set[Reader]] = defaultdict(set)
        for instance, user_id in question:
            prefix, _, key = instance.partition(":")
            by_prefix[prefix].add((key, user_id))
        return {
            (f"{prefix}:{key}", user_id)
            for prefix, pairs in by_prefix.items()
            for key, user_id in kinds.of(prefix).readers(pairs)
        }

    def settle(self, question: set[Reader], answer: set[Reader]) -> None:
        gone = question - answer
        lost = [
            (instance, on_lost)
            for instance in {instance for instance, _ in gone}
            for on_lost, user_id in self._watched.get(instance, {}).items()
            if (instance, user_id) in gone
        ]
        for instance, on_lost in lost:
            if self._watched.get(instance, {}).pop(on_lost, None) is not None:
                on_lost()


class Connections:
    """The sockets of this process, and the sessions and rights that each depends on."""

    def __init__(self) -> None:
        self._by_sid: defaultdict[str, set[OnEnd]] = defaultdict(set)
        self._of_user: Counter[int] = Counter()
        self._readers: defaultdict[str, dict[OnLost, int]] = defaultdict(dict)
        # Sessions first: a deleted user is in no guild either, but the close reason should be the deletion.
        get_poll().checks += [Sessions(self._by_sid), Readers(self._readers)]

    def add(self, session: AuthSession, on_end: OnEnd) -> Callable[[], None]:
        """Call `on_end(reason)` once when the session or its user ends. Returns a function that cancels this.

        Raises TooManyConnections when the person has reached SOCKETS_PER_PERSON in this process.
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
        """Call `on_lost()` once when the user may no longer read the instance. Returns a function that cancels this."""
        self._readers[instance][on_lost] = user_id

        def remove() -> None:
            readers = self._readers.get(instance, {})
            readers.pop(on_lost, None)
            if not readers:
                self._readers.pop(instance, None)

        return remove


get_connections = PerLoop(Connections)
