"""Metrics of sockets and logs. accounts/metrics.py counts authentications.

The label `kind` is the prefix of a store's name, so it has as many values as there are registered kinds. Gauges are
summed over the workers of one `manage.py runweb --workers`, which gives them a shared folder.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from uuid import UUID

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

log = logging.getLogger(__name__)

SLOW = 4490

SOCKETS_OPEN = Gauge("backline_sockets_open", "Sockets open now.", ["endpoint"], multiprocess_mode="livesum")
CONNECTIONS_REJECTED = Counter(
    "backline_connections_rejected", "Sockets refused, or closed before being served.", ["endpoint", "reason"]
)
SOCKETS_CLOSED = Counter("backline_sockets_closed", "Sockets closed by the server.", ["endpoint", "code"])
SLOW_CLOSES = Counter("backline_slow_closes", "Sockets closed for reading too slowly.", ["endpoint"])
EVENTS_APPENDED = Counter("backline_events_appended", "Events committed to a log.", ["kind"])
STREAM_FRAMES = Counter(
    "backline_stream_frames",
    "Binary frames on /ws: received from a producer, delivered to a consumer, skipped for a slow consumer.",
    ["what"],
)
DELIVERY_LAG = Histogram(
    "backline_delivery_lag_seconds",
    "Time from an event's creation, by the writer's clock, until it was written to every socket that keeps up.",
    ["kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def exposition() -> bytes:
    """Return every metric of the program in Prometheus' text format, for all workers together."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if not folder:
        return generate_latest(REGISTRY)
    for file in Path(folder).glob("gauge_live*.db"):  # a worker that was killed has no open sockets
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, folder)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)
    return generate_latest(registry)


def kind_of(store_name: str) -> str:
    return store_name.partition(":")[0]


def log_acceptance(endpoint: str, connection_id: str, *, user: int, session: UUID | None) -> None:
    """Log the user a socket belongs to from now on. Without a session it is anonymous (REQUIRE_AUTH=false)."""
    log.info(
        "socket.accepted endpoint=%s connection=%s user=%s session=%s", endpoint, connection_id, user, session
    )


def count_rejection(endpoint: str, reason: str, connection_id: str) -> None:
    """Count a socket that was refused, or closed before it was served. `reason` is a stable code."""
    CONNECTIONS_REJECTED.labels(endpoint, reason).inc()
    log.info("socket.rejected endpoint=%s reason=%s connection=%s", endpoint, reason, connection_id)


def count_close(endpoint: str, code: int, connection_id: str) -> None:
    """Count a socket that the server closes."""
    SOCKETS_CLOSED.labels(endpoint, code).inc()
    if code == SLOW:
        SLOW_CLOSES.labels(endpoint).inc()
    log.info("socket.closed endpoint=%s code=%s connection=%s", endpoint, code, connection_id)
