"""Memory that threads have freed is returned to the system."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.malloc import POLICY

ROOT = Path(__file__).parents[2]

# Sixteen threads in turn hold 20 MB for a moment, then keep a little memory behind it, as a server's threads do.
SCRIPT = """
import sys, threading
if sys.argv[1] == "give back":
    from config.malloc import give_memory_back
    give_memory_back()
turns, kept, end = [threading.Semaphore(0) for _ in range(17)], [], threading.Event()
def work(number):
    turns[number].acquire()
    pieces = [bytes(20_000) for _ in range(1000)]
    kept.append(bytes(20_000))
    pieces.clear()
    turns[number + 1].release()
    end.wait()
for number in range(16):
    threading.Thread(target=work, args=(number,), daemon=True).start()
turns[0].release()
turns[16].acquire()
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
end.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="about glibc")
def test_memory_that_threads_freed_is_given_back() -> None:
    env = {name: value for name, value in os.environ.items() if name not in {name for name, _, _ in POLICY}}
    resident = [
        int(subprocess.run([sys.executable, "-c", SCRIPT, how], cwd=ROOT, env=env, capture_output=True, text=True,
                           check=True).stdout)
        for how in ("give back", "as it comes")
    ]  # fmt: skip
    assert resident[0] < resident[1] / 2, resident
