"""What monitoring learns about alerts on their way to Discord. The bot's processes count; `/metrics` there shows it."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from prometheus_client import Counter, Gauge

POSTS = Counter(
    "backline_alert_posts",
    "What became of messages about alerts: posted (an alert or a digest), retried, given_up or unknown, by error code.",
    ["outcome", "reason"],
)
WAITING = Gauge(
    "backline_alert_waiting_seconds",
    "For how long the oldest message that should be in Discord has been waiting for it.",
    ["shard"],
    multiprocess_mode="max",
)


def count_post(outcome: str, reason: str, count: int = 1) -> None:
    """Count posts. `reason` is a stable code, of posted ones `alert` or `digest`."""
    POSTS.labels(outcome, reason).inc(count)


def show_waiting(shard: int, since: datetime | None) -> None:
    WAITING.labels(shard).set((timezone.now() - since).total_seconds() if since else 0)
