"""Keep the C library from holding memory that nobody uses."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable

LARGE = 128 * 1024
# Name in the environment, number in malloc.h, value.
POLICY = (
    # By default up to eight heaps for each core, and what is freed in one is of no use to threads of another.
    ("MALLOC_ARENA_MAX", -8, 2),
    # By default these grow with what is freed, and then large buffers are no longer given back one by one.
    ("MALLOC_MMAP_THRESHOLD_", -3, LARGE),
    ("MALLOC_TRIM_THRESHOLD_", -1, LARGE),
)
TRIM_SECONDS = 60.0


def give_memory_back() -> None:
    """Set glibc's malloc for servers with many threads and large messages, and give back what it holds once a minute.

    Without it a `serve` under `bench/soak.py` grew by 60 MB a minute, of which Python knew nothing. What the
    environment sets stays, and another C library is left alone. Call it before threads begin.
    """
    try:
        library = ctypes.CDLL(None)
        mallopt, trim = library.mallopt, library.malloc_trim
    except (OSError, AttributeError):
        return
    for name, number, value in POLICY:
        if name not in os.environ:
            mallopt(number, value)
    threading.Thread(target=_trim_for_ever, args=(trim,), name="malloc", daemon=True).start()


def _trim_for_ever(trim: Callable[[int], object]) -> None:
    """malloc itself gives back only what is free at the end of a heap, and something always stands there."""
    while True:
        time.sleep(TRIM_SECONDS)
        trim(0)
