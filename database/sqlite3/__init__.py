"""Django's backend for SQLite, with writers that take turns."""
