"""Signals about the library, for the apps above."""

from __future__ import annotations

from django.dispatch import Signal

# `track`: a track that was just read from its file and saved.
track_read = Signal()

# `track`: a track whose file was deleted for good. It is no longer available.
track_withdrawn = Signal()
