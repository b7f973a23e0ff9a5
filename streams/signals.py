"""What happens on streams, for the apps above."""

from __future__ import annotations

from django.dispatch import Signal

# `alert`, a `streams.domain.alerts.Alert`: a durable message, once however often its sender repeats it. Sent inside the
# transaction that writes it: what a receiver writes is kept with it or not at all, what it raises refuses it.
alert_written = Signal()
