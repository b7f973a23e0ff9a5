"""Live streams: `python -m bench.streams [--seconds 20] [--memory-seconds 300] [--only relay|age|memory|register]`.

- relay: the server's CPU for 50 kB frames at 15 a second to 20 consumers. Reference: at most 3 times that of bare
  uvloop writes of the same bytes to as many sockets. It is measured without credit, with credit 1 (each frame is
  acknowledged), and with credit 2 (every second frame is acknowledged, together with the one before).
- age: the time from sending a frame until a consumer has it. Reference: p99 under 150 ms, also for a consumer that
  reads at a tenth of the speed and therefore skips nine of ten frames.
- memory: the server's memory over five minutes of the same load. Reference: at most 5 % growth.
- register: connections a second that open, authenticate and register. Reference: at least 200.

Server and clients run on this machine, so the age includes the work of both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import uvloop

from bench.load.clients import Client, connect, connect_many, messages, until
from bench.load.processes import ServerProcess, allow_files, python_server, verdict

SIZE = 50_000
RATE = 15.0
CONSUMERS = 20
MOST_CPU, MOST_AGE_MS, MOST_GROWTH, LEAST_REGISTERED = 3.0, 150.0, 1.05, 200.0
SLOWER = 10
TURNS = 4
STREAM = "bench"


async def open_ws(running: ServerProcess, index: int, **registration: object) -> Client:
    """Return a client that is registered on the stream. The server's first user owns the stream."""
    tokens = running.hello["tokens"]
    client = await connect(running.port, "/ws", [f"Authorization: Bearer {tokens[index % len(tokens)]}"])
    client.send(json.dumps({"type": "register", "streamId": STREAM, **registration}))
    answers: list[bytes] = []
    client.on_message = answers.append
    await messages(client, 1)
    if json.loads(answers[0])["type"] != "registered":
        raise ConnectionError(answers[0].decode())
    client.on_message = None
    return client


def send_frame(client: Client, payload: bytes) -> None:
    """Send a binary frame with the time in its header, masked with zeros (RFC 6455 §5.3)."""
    header = json.dumps({"type": "video-frame", "sentAt": time.time()}).encode()
    body = struct.pack("!H", len(header)) + header + payload
    size = (
        struct.pack("!BBQ", 0x82, 0xFF, len(body))
        if len(body) > 65_535
        else struct.pack("!BBH", 0x82, 0xFE, len(body))
    )
    client.transport.write(size + bytes(4) + body)


def read_header(payload: bytes) -> tuple[int, float]:
    """Return `(frame, sentAt)`."""
    header = json.loads(payload[2 : 2 + int.from_bytes(payload[:2])])
    return header["frame"], header["sentAt"]


def watch(client: Client, ages: list[float], *, credit: int | None, pause: float = 0.0) -> None:
    """Record the age of each frame in seconds. When the credit is used up, acknowledge after `pause` seconds."""
    loop = asyncio.get_running_loop()
    unacknowledged = 0

    def shown(payload: bytes) -> None:
        nonlocal unacknowledged
        number, sent_at = read_header(payload)
        ages.append(time.time() - sent_at)
        unacknowledged += 1
        if unacknowledged == credit:
            unacknowledged = 0
            loop.call_later(pause, client.send, json.dumps({"type": "ack", "frame": number}))

    client.on_message = shown


async def at_rate(seconds: float, act: Callable[[], object]) -> None:
    """Call `act` RATE times a second."""
    begun = time.monotonic()
    for n in range(int(seconds * RATE)):
        await asyncio.sleep(max(0.0, begun + n / RATE - time.monotonic()))
        act()


@asynccontextmanager
async def streaming(
    credit: int | None, consumers: int
) -> AsyncIterator[tuple[ServerProcess, Client, list[Client]]]:
    with python_server("hub") as running:
        options = {"credit": credit} if credit else {}
        producer = await open_ws(running, 0, produces=["video-frame"])
        # All consumers belong to the owner, like tabs of one user.
        tokens = len(running.hello["tokens"])
        watching = await connect_many(
            consumers, lambda i: open_ws(running, i * tokens, consumes=["video-frame"], **options)
        )
        yield running, producer, watching


async def turn(
    running: ServerProcess, frames: int, send: Callable[[], object], sent: Callable[[], bool]
) -> float:
    """Send `frames` frames at RATE and wait until `sent()` is true. Returns the server's CPU seconds."""
    before = running.cpu
    await at_rate(frames / RATE, send)
    await until(sent)
    await asyncio.sleep(0.2)  # for the last frames and their acknowledgments
    return running.cpu - before


async def measure_relay(seconds: float) -> None:
    for credit in (None, 1, 2):
        await measure_relay_with(credit, frames=int(seconds / TURNS * RATE))


async def measure_relay_with(credit: int | None, *, frames: int) -> None:
    """Measure in turns with the bare writes, so that other work on the machine affects both. `frames` is per turn."""
    used = floor = 0.0
    ages: list[float] = []
    with python_server("floor") as bare:
        clients = await connect_many(CONSUMERS, lambda _: connect(bare.port, "/"))
        async with streaming(credit, CONSUMERS) as (running, producer, watching):
            await asyncio.sleep(1)
            before = running.cpu
            await asyncio.sleep(3)
            idle = (running.cpu - before) / 3 * TURNS * frames / RATE
            for client in watching:
                watch(client, ages, credit=credit)
            for number in range(1, TURNS + 1):
                due = number * frames
                floor += await turn(
                    bare,
                    frames,
                    partial(bare.send_line, f"publish 1 {SIZE}"),
                    partial(lambda due: all(c.messages >= due for c in clients), due),
                )
                used += await turn(
                    running,
                    frames,
                    partial(send_frame, producer, bytes(SIZE)),
                    partial(lambda due: len(ages) >= due * CONSUMERS * 0.95, due),
                )
    how = f"credit {credit}" if credit else "no credit"
    verdict(
        f"{how}: {used:.2f} s of CPU for {len(ages)} frames, {used / len(ages) * 1e6:.0f} µs each"
        f" (idle {idle:.2f} s); bare writes {floor:.2f} s: {used / floor:.1f} times",
        f"at most {MOST_CPU:g}",
        used / floor <= MOST_CPU,
    )


async def measure_age(seconds: float) -> None:
    async with streaming(1, CONSUMERS) as (_, producer, watching):
        slow: list[float] = []
        fast: list[float] = []
        watch(watching[0], slow, credit=1, pause=SLOWER / RATE)
        for client in watching[1:]:
            watch(client, fast, credit=1)
        await at_rate(seconds, lambda: send_frame(producer, bytes(SIZE)))
        await asyncio.sleep(0.5)
        for who, ages in ((f"{CONSUMERS - 1} that keep up", fast), ("one at a tenth of the speed", slow)):
            ages.sort()
            p99 = ages[max(0, int(len(ages) * 0.99) - 1)] * 1000
            verdict(
                f"{who}: {len(ages)} frames, median {ages[len(ages) // 2] * 1000:.1f} ms, p99 {p99:.1f} ms",
                f"under {MOST_AGE_MS:g} ms",
                p99 < MOST_AGE_MS,
            )


async def measure_memory(seconds: float) -> None:
    async with streaming(None, CONSUMERS) as (running, producer, watching):
        await at_rate(min(20.0, seconds), lambda: send_frame(producer, bytes(SIZE)))
        before = most = running.memory
        stalled = watching[0]
        stalled.transport.pause_reading()
        for _ in range(max(1, int(seconds / 10))):
            await at_rate(min(10.0, seconds), lambda: send_frame(producer, bytes(SIZE)))
            most = max(most, running.memory)
        verdict(
            f"{seconds:.0f} s, one reader of {CONSUMERS} stalled: from {before / 2**20:.1f} MB to"
            f" {running.memory / 2**20:.1f} MB, at most {most / 2**20:.1f} MB",
            f"at most {(MOST_GROWTH - 1) * 100:.0f} % more",
            most <= before * MOST_GROWTH,
        )


async def measure_registering(count: int) -> None:
    with python_server("hub") as running:
        await open_ws(running, 0, produces=["video-frame"])
        tokens = len(running.hello["tokens"])
        begun, cpu = time.perf_counter(), running.cpu
        await connect_many(count, lambda i: open_ws(running, i * tokens, consumes=["video-frame"]))
        rate = count / (time.perf_counter() - begun)
        each = (running.cpu - cpu) / count * 1000
        verdict(
            f"{count} connections: {rate:.0f} a second, {each:.1f} ms of CPU each",
            f"at least {LEAST_REGISTERED:g}",
            rate >= LEAST_REGISTERED,
        )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--memory-seconds", type=float, default=300.0)
    parser.add_argument("--connections", type=int, default=600)
    parser.add_argument("--only", choices=["relay", "age", "memory", "register"])
    options = parser.parse_args(argv)
    allow_files()
    parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "relay": lambda: measure_relay(options.seconds),
        "age": lambda: measure_age(options.seconds),
        "memory": lambda: measure_memory(options.memory_seconds),
        "register": lambda: measure_registering(options.connections),
    }
    for name, measure in parts.items():
        if options.only in (None, name):
            uvloop.run(measure())


if __name__ == "__main__":
    main()
