"""Names of processes for leases, and whether such a process still runs."""

from __future__ import annotations

import hashlib
import os
import socket
from datetime import datetime
from functools import cache
from pathlib import Path


def lease_owner() -> str:
    """Return this process's name for leases. `surely_dead` reads the machine, the boot and the pid in it."""
    return f"{_machine()}:{os.getpid()}:{os.urandom(4).hex()}"


@cache
def _machine() -> str:
    """Return a hash of host, boot and pid namespace, which identifies this machine's processes.

    It is empty if the system does not provide them. Then no process is considered dead.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # Containers may share host name and kernel, and a pid is unique within one namespace only.
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
    return hashlib.sha256(f"{socket.gethostname()} {boot} {namespace}".encode()).hexdigest()[:16]


def surely_dead(owner: str) -> bool:
    """Return whether `owner` ran on this machine since the last boot and its process no longer exists."""
    machine, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if not machine or machine != _machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def is_free(owner: str, expires_at: datetime | None, *, now: datetime) -> bool:
    return not owner or expires_at is None or expires_at < now or surely_dead(owner)
