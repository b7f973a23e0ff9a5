"""What happens to logs, for the apps above."""

from django.dispatch import Signal

# store_name: str, seq: int, calm: bool. On the sending thread, after commit, where no channel layer tells other
# processes. A receiver must not raise.
hint_sent = Signal()
