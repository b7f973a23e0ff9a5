"""`manage.py serve` that reports its memory: `python -m bench.load.watched [--trace]`.

It prints one line of JSON when it is ready, responds to each line of stdin with one about its memory, and ends when
stdin is closed. The output of the program itself goes to stderr.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import signal
import socket
import sys
import threading
import time
import tracemalloc
import types
from collections import Counter
from pathlib import Path
from typing import Any

from bench.load.processes import ROOT

FRAMES = 1
MOST = 12  # the most lines of code in a report
MEGABYTE = 1_000_000
# Types at which a walk over references stops, because they lead to objects that do not belong to the first one.
_ELSEWHERE = (
    types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, types.CodeType, types.FrameType,
    asyncio.AbstractEventLoop, asyncio.Task, threading.Thread,
)  # fmt: skip


class _MallInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    ]


def malloc_bytes() -> dict[str, int]:
    """Return malloc's bytes in use, and its unused bytes. Empty without glibc 2.33 or later."""
    try:
        ask = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return {}
    ask.restype = _MallInfo
    found = ask()
    return {"used": found.uordblks + found.hblkhd, "unused": found.fordblks}


def reachable_bytes(root: object) -> int:
    """Return the size of all objects reachable from `root`, without code, tasks and event loops."""
    seen, waiting, total = {id(root)}, [root], 0
    while waiting:
        one = waiting.pop()
        total += sys.getsizeof(one, 0)
        for other in gc.get_referents(one):
            if id(other) not in seen and not isinstance(other, _ELSEWHERE):
                seen.add(id(other))
                waiting.append(other)
    return total


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Watch:
    """Measures this process."""

    def __init__(self) -> None:
        self._sandbox: object | None = None
        self._before: tracemalloc.Snapshot | None = None

    def look(self) -> dict[str, Any]:
        """Return sizes in bytes, and counts. With tracing, the result also has what has grown since the first call."""
        gc.collect()
        found: dict[str, Any] = {
            "rss": resident_bytes(),
            "malloc": malloc_bytes(),
            "sandbox": self._sandbox_bytes(),
            "threads": threading.active_count(),
            "objects": len(gc.get_objects()),
        }
        if tracemalloc.is_tracing():
            found |= self._traced()
        return found

    def _sandbox_bytes(self) -> int:
        if self._sandbox is None:
            from sandbox.server import Sandbox

            # isinstance would ask weak proxies, whose object may be gone.
            self._sandbox = next(one for one in gc.get_objects() if type(one) is Sandbox)
        return reachable_bytes(self._sandbox)

    def _traced(self) -> dict[str, Any]:
        now = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, __file__)]
        )
        self._before = self._before or now
        folders: Counter[str] = Counter()
        for each in now.statistics("filename"):
            folders[_place(each.traceback[0].filename).partition("/")[0]] += each.size
        grown = now.compare_to(self._before, "lineno")
        lines = [
            f"{each.size_diff / MEGABYTE:+.2f} MB in {each.count_diff:+d}: {_place(each.traceback[0].filename)}:"
            f"{each.traceback[0].lineno}"
            for each in grown[:MOST]
        ]
        return {"traced": dict(folders.most_common(MOST)), "grown": lines}


def _place(filename: str) -> str:
    """Return a file's path relative to the project or to site-packages."""
    short = filename.rpartition("site-packages/")[2]
    return short.removeprefix(f"{ROOT}/")


def _answer(stdin: Any, answers: Any, port: int) -> None:
    watch = Watch()
    while True:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    print(json.dumps({"port": port, "pid": os.getpid()}), file=answers, flush=True)
    for _ in stdin:
        print(json.dumps(watch.look()), file=answers, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if "--trace" in sys.argv:
        tracemalloc.start(FRAMES)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    arguments = (sys.stdin, answers, settings.API_PORT)
    threading.Thread(target=_answer, args=arguments, name="watch", daemon=True).start()
    call_command("serve")


if __name__ == "__main__":
    main()
