"""Checks at the start whether voice can work on this installation, so that a missing package is reported."""

from __future__ import annotations

import importlib.util


def voice_problem() -> str | None:
    """Return why voice cannot work on this installation; None if it can.

    Since 2026-03 Discord closes voice connections without DAVE with code 4017. nextcord supports DAVE from 3.2.0 on,
    but does not report a missing package.
    """
    import nextcord

    version = tuple(int(part) for part in nextcord.__version__.split(".")[:2] if part.isdigit())
    if version < (3, 2):
        return f"Voice needs nextcord 3.2.0 or later, but {nextcord.__version__} is installed."
    missing = [
        name
        for module, name in (("nacl", "PyNaCl"), ("dave", "dave-py"), ("av", "PyAV"))
        if importlib.util.find_spec(module) is None
    ]
    if missing:
        return f"Voice needs {', '.join(missing)}. Install nextcord[voice]."
    return None
