"""Latency from POST to WebSocket frame: `python -m bench.latency [--posts 100] [--clients 1 100 1000]`.

The whole program runs in one process, as with `make run`, on SQLite. One user adds tracks over REST while others
follow the guild on `/sync`. The time is measured from before the POST is sent until the first follower, and until the
last follower, has the frame. Reference: a median under 50 ms on an idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from bench.load.clients import Client, connect, connect_many, messages, until
from bench.load.processes import allow_files

REFERENCE_MS = 50
ADDED = re.compile(rb'"name":"TrackAdded","args":{.{0,60}?"item":{"id":"([^"]+)"')
ROOT = Path(__file__).resolve().parent.parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program(NamedTuple):
    """The running program: its URL, its sandbox's URL, its process id and its environment variables."""

    web: str
    sandbox: str
    pid: int
    env: dict[str, str]


@contextmanager
def running(**settings: str) -> Iterator[Program]:
    """Run the program with a new data folder and these environment variables."""
    ports = [_free_port() for _ in range(3)]
    names = ("API_PORT", "BOT_API_PORT", "SANDBOX_PORT")
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as log:
        env = os.environ | {"DATA_DIR": folder, "ENV_FILE": os.devnull} | settings
        env |= {name: str(port) for name, port in zip(names, ports, strict=True)}
        program = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=env, stdout=log, stderr=log
        )
        try:
            web, sandbox = (f"http://127.0.0.1:{port}" for port in (ports[0], ports[2]))
            _wait(web)
            yield Program(web, sandbox, program.pid, env)
        finally:
            program.send_signal(signal.SIGTERM)
            program.wait(15)


def _wait(web: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{web}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("The program did not start.")


def log_in(web: str, sandbox: str, user: str) -> str:
    """Log in as one of the sandbox's users. Returns an access token."""
    with httpx.Client() as browser:
        consent = browser.get(f"{web}/api/auth/discord/login").headers["location"]
        back = browser.post(consent, data={"user": user}, headers={"Origin": sandbox}).headers["location"]
        browser.get(back)
        browser.get(f"{web}/dashboard")
        headers = {"X-CSRFToken": browser.cookies["csrftoken"], "Origin": web}
        token: str = browser.post(f"{web}/api/auth/token", headers=headers).json()["access"]
        return token


async def follow(port: int, token: str, guild: str, seen: dict[bytes, list[float]]) -> Client:
    """Follow a guild live, and add the time of each `TrackAdded` to `seen`, by the item's id."""
    client = await connect(port, "/sync", [f"Authorization: Bearer {token}"])
    client.send(json.dumps({"type": "init", "id": 1, "instanceId": f"guild:{guild}"}))
    heads: list[int] = []
    client.on_message = lambda payload: heads.append(json.loads(payload)["head"])
    await messages(client, 1)

    def note(payload: bytes) -> None:
        now = time.perf_counter()
        if found := ADDED.search(payload):
            seen.setdefault(found[1], []).append(now)

    client.on_message = note
    client.send(json.dumps({"type": "pull", "id": 2, "cursor": heads[0], "live": True}))
    await messages(client, 2)
    return client


async def measure(
    web: str, tokens: list[str], guild: str, *, clients: int, posts: int
) -> dict[str, list[float]]:
    seen: dict[bytes, list[float]] = {}
    port = int(web.rpartition(":")[2])
    readers = await connect_many(
        clients, lambda index: follow(port, tokens[index % len(tokens)], guild, seen)
    )
    result: dict[str, list[float]] = {"first": [], "last": []}
    headers = {"Authorization": f"Bearer {tokens[0]}"}
    async with httpx.AsyncClient(base_url=web, headers=headers, timeout=30) as client:
        for _ in range(posts):
            begin = time.perf_counter()
            answer = await client.post(f"/api/guilds/{guild}/queue", json={"query": "440"})
            item = answer.raise_for_status().json()["id"].encode()
            await until(partial(lambda item: len(seen.get(item, ())) >= clients, item))
            result["first"].append((min(seen[item]) - begin) * 1000)
            result["last"].append((max(seen[item]) - begin) * 1000)
            await client.delete(f"/api/guilds/{guild}/queue/{item.decode()}")
    for reader in readers:
        reader.transport.abort()
    return result


def report(clients: int, times: dict[str, list[float]]) -> None:
    for which, values in times.items():
        values.sort()
        median, p99 = statistics.median(values), values[int(len(values) * 0.99) - 1]
        print(
            f"{clients:>5} clients, {which:<5} frame: median {median:6.1f} ms   p99 {p99:6.1f} ms"
            f"   (reference: median under {REFERENCE_MS} ms)"
        )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=100)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 100, 1000])
    options = parser.parse_args(argv)
    allow_files()
    with running() as program:
        web, sandbox = program.web, program.sandbox
        # All sockets of one user share one rate limit, so use several users.
        tokens = [log_in(web, sandbox, user) for user in ("owner", "dj", "member")]
        guilds: list[dict[str, Any]] = httpx.get(
            f"{web}/api/guilds", headers={"Authorization": f"Bearer {tokens[0]}"}
        ).json()
        guild = next(guild["id"] for guild in guilds if guild["bot_installed"])
        for clients in options.clients:
            report(clients, asyncio.run(measure(web, tokens, guild, clients=clients, posts=options.posts)))


if __name__ == "__main__":
    main()
