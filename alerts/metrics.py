"""Metrics about the posting of alerts to Discord. The bot's processes count them and expose them at `/metrics`."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from prometheus_client import Counter, Gauge

POSTS = Counter(
    "backline_alert_posts",
    "Posts about alerts by outcome: posted (alert or digest), retried, given_up or unknown (by error code).",
    ["outcome", "reason"],
)
WAITING = Gauge(
    "backline_alert_waiting_seconds",
    "How long the most overdue post has been waiting.",
    ["shard"],
    multiprocess_mode="max",
)


def count_post(outcome: str, reason: str, count: int = 1) -> None:
    """Count posts. `reason` is a stable error code; for `posted` it is `alert` or `digest`."""
    POSTS.labels(outcome, reason).inc(count)


def show_waiting(shard: int, since: datetime | None) -> None:
    WAITING.labels(shard).set((timezone.now() - since).total_seconds() if since else 0)
