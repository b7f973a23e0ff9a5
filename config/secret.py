"""Settings that nobody should read by accident."""

from __future__ import annotations


class Secret(str):
    """Text that hides from `repr`: `manage.py diffsettings`, a logged dictionary, a traceback with its locals."""

    def __repr__(self) -> str:
        return "'***'"
