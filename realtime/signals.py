"""Signals about logs, for the apps above."""

from django.dispatch import Signal

# store_name: str, seq: int, calm: bool. Sent on the sending thread, after commit, if no channel layer carries hints to
# other processes. A receiver must not raise.
hint_sent = Signal()
