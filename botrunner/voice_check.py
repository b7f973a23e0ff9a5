"""Could voice work here at all? Said in one line at the start instead of in silence later."""

from __future__ import annotations

import importlib.util


def voice_problem() -> str | None:
    """Return why voice cannot work on this installation, null when it can.

    Discord closes voice connections without DAVE with 4017 since 2026-03; nextcord has it from 3.2.0, and
    says nothing when a part is missing.
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
