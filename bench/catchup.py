"""Reading a log from its beginning: `python -m bench.catchup [--events 10000] [--rounds 5]`.

A socket pulls with cursor 0 from a log that nobody else follows, so every event comes from the database (SQLite).
Reference: 10,000 events of 200 bytes in under a second. Then 100 sockets resume at once, as after a restart. They
share reads and frames.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

from bench.load.clients import Client, connect_many, open_sync, until
from bench.load.processes import ServerProcess, allow_files, python_server, verdict

MOST_SECONDS = 1.0
TOGETHER = 100


def counting(client: Client) -> list[int]:
    """Count the events that a client receives. Returns a list with the count."""
    seen = [0]

    def on_message(payload: bytes) -> None:
        seen[0] += payload.count(b'"seqNum":')

    client.on_message = on_message
    return seen


async def catch_up(running: ServerProcess, index: int, events: int) -> None:
    client = await open_sync(running, index, cursor=0)
    seen = counting(client)
    await until(lambda: seen[0] >= events)
    client.transport.abort()


async def measure(running: ServerProcess, *, events: int, rounds: int) -> None:
    running.ask(f"write {events}")
    times, cpu = [], []
    for index in range(rounds):
        begun, spent = time.perf_counter(), running.cpu
        await catch_up(running, index, events)
        times.append(time.perf_counter() - begun)
        cpu.append(running.cpu - spent)
    figure = (
        f"{events} events: {statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f}),"
        f" server {statistics.median(cpu):.2f} s of CPU"
    )
    verdict(figure, f"under {MOST_SECONDS:g} s", statistics.median(times) < MOST_SECONDS)
    begun, spent = time.perf_counter(), running.cpu

    async def one(index: int) -> Client:
        client = await open_sync(running, index, cursor=0)
        seen = counting(client)
        await until(lambda: seen[0] >= events)
        return client

    await connect_many(TOGETHER, one)
    print(
        f"{TOGETHER} sockets at once: {time.perf_counter() - begun:.1f} s, server {running.cpu - spent:.1f} s of CPU"
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    allow_files()
    with python_server("hub") as running:
        asyncio.run(measure(running, events=options.events, rounds=options.rounds))


if __name__ == "__main__":
    main()
