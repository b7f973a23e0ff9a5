"""Django's database store for browser sessions, which looks up only well-formed keys."""

from __future__ import annotations

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(DatabaseStore):
    flushed = False

    def _validate_session_key(self, key: str | None) -> bool:
        """Accept letters and digits, as in Django's keys. A quoted cookie may hold a NUL, which PostgreSQL refuses."""
        return key is not None and 8 <= len(key) <= 40 and key.isascii() and key.isalnum()

    def flush(self) -> None:
        super().flush()
        self.flushed = True  # this request ended the session, so its response deletes the cookie
