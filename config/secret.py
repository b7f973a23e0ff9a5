"""Settings that must not be printed by accident."""

from __future__ import annotations


class Secret(str):
    """Text that `repr` hides: in `manage.py diffsettings`, a logged dictionary, or a traceback with locals."""

    def __repr__(self) -> str:
        return "'***'"
