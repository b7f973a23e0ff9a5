"""Whether changes of the library's folder can be watched, and what an operator can do if not."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from library.models import ScanLease

LIMIT = "watch_limit"
NETWORK = "network_folder"
MISSING = "missing"
UNREADABLE = "unreadable"
# Their servers do not report changes made by other machines.
_NETWORK_TYPES = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "glusterfs", "davfs"}
_MOUNTS = Path("/proc/mounts")


def folder_problem(root: Path) -> str:
    """Return why a folder cannot be watched: MISSING, UNREADABLE, NETWORK, or an empty text."""
    if not root.is_dir():
        return MISSING
    if not os.access(root, os.R_OK | os.X_OK):
        return UNREADABLE
    kind = _file_system(root)
    return NETWORK if kind in _NETWORK_TYPES or kind.startswith("fuse") else ""


def _file_system(root: Path) -> str:
    """Return the type of a folder's file system, an empty text if it is unknown."""
    try:
        mounts = _MOUNTS.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    real, best, kind = root.resolve(), Path(), ""
    for line in mounts:
        fields = line.split(" ")
        place = Path(_unescape(fields[1])) if len(fields) > 2 else None
        if place is not None and real.is_relative_to(place) and len(place.parts) >= len(best.parts):
            best, kind = place, fields[2]
    return kind


def _unescape(path: str) -> str:
    """Undo the octal escapes of spaces, tabs, line ends and backslashes (proc_mounts(5))."""
    for char in "\t\n \\":
        path = path.replace(f"\\{ord(char):03o}", char)
    return path


def note_problem(problem: str) -> None:
    """Store why the folder is not watched, for `doctor` and the admin. An empty text means that it is watched."""
    ScanLease.objects.exclude(problem=problem).update(problem=problem)


def library_state() -> tuple[str, str]:
    """Return what `doctor` shows about the library's folder, and a remedy (empty if none is needed)."""
    root = Path(settings.MEDIA_LIBRARY)
    lease = ScanLease.objects.first()
    problem = folder_problem(root) or (lease.problem if lease else "")
    if problem == MISSING:
        return f"{root} does not exist", "Create the folder, mount it, or set MEDIA_LIBRARY."
    if problem == UNREADABLE:
        return f"{root} cannot be read", "Give Backline's user the permission to read it."
    if problem == NETWORK:
        return f"{root} is on a network, so it is scanned every 10 minutes", ""
    if problem == LIMIT:
        remedy = "Run `sysctl fs.inotify.max_user_watches=524288`, and put it into /etc/sysctl.d/."
        return f"{root} has more folders than the system watches, so it is scanned every 10 minutes", remedy
    if lease is None or lease.started_at is None:
        return f"{root} has not been scanned yet", ""
    return _scanned(root, lease), ""


def _scanned(root: Path, lease: ScanLease) -> str:
    if lease.finished_at is None:
        return f"{root} is being scanned: {lease.done:,} of {lease.total:,} files"
    skipped = f", {lease.skipped:,} of them new and not playable" if lease.skipped else ""
    return f"{root}, {lease.total:,} files{skipped}"
