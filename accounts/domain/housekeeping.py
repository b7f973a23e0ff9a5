"""Delete rows that nobody can use any more. Only the size of the database depends on it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Model, QuerySet
from django.utils import timezone

from accounts.domain.sessions import could_be_used
from accounts.models import AuthSession, OneTimeStep, RefreshChain, UsedServiceToken
from accounts.signals import housekeeping

KEEP_ENDED = timedelta(days=30)  # so that an operator can still see who used which device and address
MARGIN = timedelta(days=1)
BATCH, MAX_BATCHES = 1000, 100


def forget_the_past() -> dict[str, int]:
    """Return how many rows were deleted, by kind. A pass is bounded; the next one deletes what is left.

    Receivers of `accounts.signals.housekeeping` delete those of other apps. Sessions that were unused for longer than
    the lifetime of cookie and tokens are ended first, and deleted a month later. There is no transaction around the
    whole pass, so it may be interrupted at any step.
    """
    now = timezone.now()
    ended = AuthSession.objects.filter(revoked_at=None).exclude(could_be_used(now)).update(revoked_at=now)
    gone = {
        "sessions ended": ended,
        "sessions": _delete(AuthSession.objects.filter(revoked_at__lt=now - KEEP_ENDED)),
        "refresh chains": _delete(RefreshChain.objects.filter(rotated_at__lt=_last_of_use(now))),
        "login steps": _delete(OneTimeStep.objects.filter(begun_at__lt=now - MARGIN)),
        "service tokens": _delete(UsedServiceToken.objects.filter(expires_at__lt=now)),
        "browser sessions": _clear_browser_sessions(),
    }
    for _, deleted in housekeeping.send(None):
        gone.update(deleted if isinstance(deleted, dict) else {})
    return gone


def _last_of_use(now: datetime) -> datetime:
    """Return the time before which every token of a chain has expired, so that none could count as unspent again."""
    return now - timedelta(seconds=settings.REFRESH_TOKEN_SECONDS) - MARGIN


def _delete[M: Model](rows: QuerySet[M]) -> int:
    count = 0
    for _ in range(MAX_BATCHES):
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not keys:
            break
        rows.model._default_manager.filter(pk__in=keys).delete()
        count += len(keys)
    return count


def _clear_browser_sessions() -> int:
    """Delete Django's own session rows, which also hold the states of unfinished logins."""
    return _delete(Session.objects.filter(expire_date__lt=timezone.now()))
