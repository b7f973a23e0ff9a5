"""What monitoring learns about sockets and logs. Who is let in is counted in accounts/metrics.py.

A store's kind is the prefix of its name, so there are as many label values as registered kinds. Gauges are
summed over the workers of one machine (`manage.py runweb --workers`).
"""

from __future__ import annotations

import logging

from prometheus_client import Counter, Gauge, Histogram

log = logging.getLogger(__name__)

SLOW = 4490

SOCKETS_OPEN = Gauge("backline_sockets_open", "Sockets open now.", ["endpoint"], multiprocess_mode="livesum")
CONNECTIONS_REJECTED = Counter(
    "backline_connections_rejected", "Sockets that never came to be served.", ["endpoint", "reason"]
)
SOCKETS_CLOSED = Counter("backline_sockets_closed", "Sockets closed by the server.", ["endpoint", "code"])
SLOW_CLOSES = Counter("backline_slow_closes", "Sockets closed for reading too slowly.", ["endpoint"])
EVENTS_APPENDED = Counter("backline_events_appended", "Events committed to a log.", ["kind"])
DELIVERY_LAG = Histogram(
    "backline_delivery_lag_seconds",
    "From an event's creation until every watching socket that keeps up has it; the writer's clock counts.",
    ["kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def kind_of(store_name: str) -> str:
    return store_name.partition(":")[0]


def count_rejection(endpoint: str, reason: str) -> None:
    """Count a socket that was refused, or closed before it was served. `reason` is a stable code."""
    CONNECTIONS_REJECTED.labels(endpoint, reason).inc()
    log.info("socket.rejected endpoint=%s reason=%s", endpoint, reason)


def count_close(endpoint: str, code: int) -> None:
    """Count a socket that the server closes."""
    SOCKETS_CLOSED.labels(endpoint, code).inc()
    if code == SLOW:
        SLOW_CLOSES.labels(endpoint).inc()
    log.info("socket.closed endpoint=%s code=%s", endpoint, code)
