"""What the commands have in common: lines in, lines out."""

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
    """What was to be sent cannot be."""


async def read_objects(source: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON object of each line of a file or of `-`, standard input, as they come. Raises BadInput."""
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
            raise BadInput(f"Line {number} is no JSON object.")
        yield value


def read_file(source: str) -> bytes:
    """Raises BadInput."""
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise BadInput(f"Cannot read {source}: {error.strerror}.") from error


def print_line(value: object) -> None:
    """Print JSON, at once also into a pipe."""
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
        except RuntimeError:  # the loop is closed: nobody wants it any more
            pass

    def read() -> None:
        rest = b""
        # Not through sys.stdin: its lock would be held by this thread when Python wants to end.
        while chunk := os.read(sys.stdin.fileno(), 65_536):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                put(line)
        put(rest)
        put(None)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
