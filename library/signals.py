"""What happens in the library, for the apps above."""

from __future__ import annotations

from django.dispatch import Signal

# `track`: its file was read anew, and saved.
track_read = Signal()
