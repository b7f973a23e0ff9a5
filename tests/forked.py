"""Runs Python programs as forks of a process that has imported other packages: most of a program's start.

multiprocessing's fork server is that process. A fork has imported nothing of Backline and has read no settings, so from
there on a program starts as it does in a new Python.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import multiprocessing.process
import os
import runpy
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.children import end_with_parent

ROOT = Path(__file__).resolve().parents[1]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.preload"])


def fork(arguments: list[str], *, log: Path, environment: dict[str, str]) -> BaseProcess:
    """Run Python with these arguments: a file's name or `-c` and code, and what follows. `log` gets its output."""
    log.touch()
    process = _context.Process(target=_run, args=(arguments, log, environment))
    process.start()
    return process


def _run(arguments: list[str], log: Path, environment: dict[str, str]) -> None:
    end_with_parent()
    os.setsid()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    faulthandler.enable()
    multiprocessing.process._parent_process = None  # type: ignore[attr-defined]  # nobody supervises a program
    if arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(arguments[1], {"__name__": "__main__"})
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
