"""For child processes of the tests."""

from __future__ import annotations

import ctypes
import signal
import sys


def end_with_parent() -> None:
    """On Linux, ask the kernel to send SIGTERM to this process when its parent dies (prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
