"""One stalled reader among many: `python -m bench.stalled [--sockets 1000] [--events 150] [--size 16000]`.

The same number of events is sent twice: first all sockets read, then one more does not. References: with the stalled
socket, the server's memory grows by at most 8 MB more. The other sockets take at most 1.5 times as long. The stalled
one is closed with 4490.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from bench.load.clients import Client, connect_many, deliver, open_sync, until
from bench.load.processes import ServerProcess, allow_files, python_server, verdict

MOST_GROWTH_MB = 8.0
MOST_SLOWER = 1.5  # times; leaves room for noise of the machine
RECEIVE_BUFFER = 4096
SLOW = 4490
STALLED_SECONDS = 13.0  # after this time the server has given up, however much was sent


async def timed(
    running: ServerProcess, clients: list[Client], *, events: int, size: int
) -> tuple[float, float]:
    """Deliver the events. Returns (seconds, largest growth of the server's memory in MB)."""
    before = most = running.memory
    begun = time.perf_counter()
    for _ in range(events):
        await deliver(running, clients, 1, size=size)
        most = max(most, running.memory)
    return time.perf_counter() - begun, (most - before) / 2**20


async def measure(running: ServerProcess, *, sockets: int, events: int, size: int) -> None:
    clients = await connect_many(sockets - 1, lambda index: open_sync(running, index))
    await deliver(running, clients, 10, size=size)  # warm-up, so that allocators have their buffers
    alone, grown_alone = await timed(running, clients, events=events, size=size)
    stalled = await open_sync(running, 0, receive_buffer=RECEIVE_BUFFER)
    stalled.transport.pause_reading()
    begun = time.perf_counter()
    beside, grown = await timed(running, clients, events=events, size=size)
    growth, slower = grown - max(0.0, grown_alone), beside / alone
    print(
        f"{events} events of {size} bytes to {len(clients)}: {alone:.1f} s, beside a stalled one {beside:.1f} s"
    )
    verdict(
        f"memory grew by {grown:.1f} MB, without it by {grown_alone:.1f} MB",
        f"at most {MOST_GROWTH_MB:g} MB more",
        growth <= MOST_GROWTH_MB,
    )
    verdict(f"the others took {slower:.2f} times as long", f"at most {MOST_SLOWER:g}", slower <= MOST_SLOWER)
    await asyncio.sleep(max(0.0, STALLED_SECONDS - (time.perf_counter() - begun)))
    stalled.transport.resume_reading()
    await until(lambda: stalled.closed, seconds=60)
    seconds = time.perf_counter() - begun
    verdict(
        f"closed with {stalled.close_code}, read to its end after {seconds:.0f} s",
        "4490",
        stalled.close_code == SLOW,
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--events", type=int, default=150)
    parser.add_argument("--size", type=int, default=16_000)
    options = parser.parse_args(argv)
    allow_files()
    with python_server("hub") as running:
        asyncio.run(measure(running, sockets=options.sockets, events=options.events, size=options.size))


if __name__ == "__main__":
    main()
