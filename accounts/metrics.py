"""Metrics and log lines about authentication. `/metrics` exposes them with those of the other apps.

Surfaces: `login` (browser), `exchange`, `rest`, `bot_api`, and the names of the WebSocket endpoints.
Outcomes: `valid`, `grace`, `anonymous`, or the stable code of the refusal.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter

from accounts.errors import DiscordError, Unauthenticated
from accounts.models import AuthSession

log = logging.getLogger(__name__)

AUTHENTICATIONS = Counter(
    "backline_authentications", "Checks of credentials, by outcome.", ["surface", "outcome"]
)
GRACE_USES = Counter("backline_grace_uses", "Expired tokens accepted within the grace period.", ["surface"])
REFRESHES = Counter("backline_token_refreshes", "Token refreshes, by outcome.", ["surface", "outcome"])


def count_authentication(surface: str, outcome: str) -> None:
    AUTHENTICATIONS.labels(surface, outcome).inc()
    if outcome not in {"valid", "grace", "anonymous"}:
        log.info("auth.refused surface=%s reason=%s", surface, outcome)


def count_login(surface: str, session: AuthSession) -> None:
    """Count and log the login that began `session`."""
    count_authentication(surface, "valid")
    log.info("login.accepted surface=%s user=%s session=%s", surface, session.user_id, session.pk)


def count_grace(surface: str, user_id: int) -> None:
    """Count an expired token that is accepted within its grace, on a new connection or on an open socket."""
    GRACE_USES.labels(surface).inc()
    log.info("auth.grace surface=%s user=%s", surface, user_id)


@contextmanager
def refusals_counted(surface: str) -> Iterator[None]:
    """Count a refusal raised inside the block, and raise it again."""
    try:
        yield
    except (Unauthenticated, DiscordError) as error:
        count_authentication(surface, error.code)
        raise


@contextmanager
def refresh_counted(surface: str) -> Iterator[None]:
    """Count a token refresh by the outcome of the block."""
    try:
        yield
    except (Unauthenticated, DiscordError) as error:
        REFRESHES.labels(surface, error.code).inc()
        log.info("auth.refresh_refused surface=%s reason=%s", surface, error.code)
        raise
    REFRESHES.labels(surface, "valid").inc()
