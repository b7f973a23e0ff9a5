"""Signals about streams, for the apps above."""

from __future__ import annotations

from django.dispatch import Signal

# `alert` is a `streams.domain.alerts.Alert`. Sent once per durable message, however often its sender repeats it, inside
# the transaction that writes it. A receiver's writes are committed with the message, and its error refuses the message.
alert_written = Signal()
