"""Make the C library return unused memory."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable

LARGE = 128 * 1024
# Name in the environment, number in malloc.h, value.
POLICY = (
    # The default is eight heaps per core. Memory that is freed in one heap cannot be used by threads of another.
    ("MALLOC_ARENA_MAX", -8, 2),
    # The defaults grow when memory is freed, and then large buffers are no longer returned one by one.
    ("MALLOC_MMAP_THRESHOLD_", -3, LARGE),
    ("MALLOC_TRIM_THRESHOLD_", -1, LARGE),
)
TRIM_SECONDS = 60.0


def give_memory_back() -> None:
    """Tune glibc's malloc for many threads and large messages, and return free memory to the system once a minute.

    Without it a `serve` under `bench/soak.py` grew by 60 MB a minute outside of Python's own memory. Variables of the
    environment take precedence, and other C libraries are left alone. Call it before threads start.
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
    """Trim the heaps forever. malloc itself returns memory only from the end of a heap, which is rarely free."""
    while True:
        time.sleep(TRIM_SECONDS)
        trim(0)
