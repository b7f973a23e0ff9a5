"""Bounds of single statements."""

from __future__ import annotations

IN_STATEMENT = 500  # values: more make a statement slow to build, and SQLite refuses a few ten thousand
