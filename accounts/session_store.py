"""Where Django keeps browsers' sessions: its own table, asked only for what can be a key of it."""

from __future__ import annotations

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(DatabaseStore):
    flushed = False

    def _validate_session_key(self, key: str | None) -> bool:
        """All of Django's keys are letters and digits; a quoted cookie may hold a NUL, which PostgreSQL refuses."""
        return key is not None and 8 <= len(key) <= 40 and key.isascii() and key.isalnum()

    def flush(self) -> None:
        super().flush()
        self.flushed = True  # by this request, so its answer takes the cookie away
