"""Input and output of the commands, line by line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

STDIN = "-"


class BadInput(Exception):
    """The input cannot be sent. The message says why."""


async def read_objects(source: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON object of each line of a file, or of standard input (`-`) as it arrives. Raises BadInput."""
    number = 0
    async for line in _typed() if source == STDIN else _written(source):
        number += 1
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise BadInput(f"Line {number} is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise BadInput(f"Line {number} is not a JSON object.")
        yield value


def read_file(source: str) -> bytes:
    """Return a file's content. Raises BadInput."""
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise BadInput(f"Cannot read {source}: {error.strerror}.") from error


def print_line(value: object) -> None:
    """Print a value as one line of JSON, and flush, so that a pipe gets it at once."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


async def _written(source: str) -> AsyncIterator[bytes]:
    for line in (await asyncio.to_thread(read_file, source)).splitlines():
        yield line


async def _typed() -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(line: bytes | None) -> None:
        try:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        except RuntimeError:  # the event loop is closed, so the line is no longer needed
            pass

    def read() -> None:
        rest = b""
        # Not through sys.stdin: this thread would hold its lock when Python exits.
        while chunk := os.read(sys.stdin.fileno(), 65_536):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                put(line)
        put(rest)
        put(None)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
