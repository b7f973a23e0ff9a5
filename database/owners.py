"""Who holds a lease: the names of processes, and which of them are gone."""

from __future__ import annotations

import hashlib
import os
import socket
from datetime import datetime
from functools import cache
from pathlib import Path


def lease_owner() -> str:
    """Return this process's name for leases: machine, boot, pid. A dead process of this boot is recognised."""
    return f"{_machine()}:{os.getpid()}:{os.urandom(4).hex()}"


@cache
def _machine() -> str:
    """Return what tells this machine's processes from those of others: host, boot and pid namespace, hashed.

    Empty where that cannot be told; then nobody is taken for dead.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # Containers may share name and kernel; a pid means something within one namespace only.
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
    return hashlib.sha256(f"{socket.gethostname()} {boot} {namespace}".encode()).hexdigest()[:16]


def surely_dead(owner: str) -> bool:
    """True when `owner` ran on this machine since it booted and its process is gone."""
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
