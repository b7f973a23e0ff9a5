"""WebSocket clients that count messages without parsing them, so that the clients are not the bottleneck.

The benchmarks measure the server's CPU, so a slow client does not change the result.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, cast

from bench.load.processes import ServerProcess

CONNECT_AT_ONCE = 50
WAIT_SECONDS = 120.0


class Client(asyncio.Protocol):
    """One socket. `messages` and `received` count messages and bytes. `on_message` gets each payload."""

    def __init__(self) -> None:
        self.messages = 0
        self.received = 0
        self.close_code: int | None = None
        self.closed = False
        self.on_message: Callable[[bytes], None] | None = None
        self.upgraded = asyncio.get_running_loop().create_future()
        self._data = bytearray()
        self._heard = asyncio.Event()

    async def wait(self, count: int) -> None:
        """Wait for `count` messages. Raises ConnectionError when the socket closes before."""
        while self.messages < count and not self.closed:
            self._heard.clear()
            await self._heard.wait()
        if self.messages < count:
            raise ConnectionError(f"closed with {self.close_code}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self._heard.set()
        if not self.upgraded.done():
            self.upgraded.set_exception(error or ConnectionError("closed before the upgrade"))

    def upgrade(self, path: str, headers: Iterable[str]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", *headers,
        ]  # fmt: skip
        self.transport.write("\r\n".join([*lines, "", ""]).encode())

    def send(self, text: str) -> None:
        """Send a text message, masked with zeros (RFC 6455 §5.3)."""
        payload = text.encode()
        if len(payload) < 126:
            size = bytes([0x80 | len(payload)])
        elif len(payload) < 65_536:
            size = b"\xfe" + struct.pack("!H", len(payload))
        else:
            size = b"\xff" + struct.pack("!Q", len(payload))
        self.transport.write(b"\x81" + size + bytes(4) + payload)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._data += data
        if not self.upgraded.done():
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            status = bytes(self._data[: self._data.find(b"\r\n")])
            if b" 101 " not in status:
                self.upgraded.set_exception(ConnectionError(status.decode()))
                return
            del self._data[: end + 4]
            self.upgraded.set_result(None)
        self._read_frames()

    def _read_frames(self) -> None:
        data, at = self._data, 0
        while len(data) - at >= 2:
            size, begin = data[at + 1], at + 2
            if size == 126:
                if len(data) < begin + 2:
                    break
                size, begin = int.from_bytes(data[begin : begin + 2]), begin + 2
            elif size == 127:
                if len(data) < begin + 8:
                    break
                size, begin = int.from_bytes(data[begin : begin + 8]), begin + 8
            if len(data) < begin + size:
                break
            opcode = data[at] & 0x0F
            if opcode in (1, 2):
                self.messages += 1
                self._heard.set()
                if self.on_message:
                    self.on_message(bytes(data[begin : begin + size]))
            elif opcode == 9:
                self.transport.write(b"\x8a" + bytes([0x80 | size]) + bytes(4) + data[begin : begin + size])
            elif opcode == 8 and size >= 2:
                self.close_code = int.from_bytes(data[begin : begin + 2])
            at = begin + size
        del data[:at]


async def connect(
    port: int, path: str, headers: Iterable[str] = (), *, receive_buffer: int | None = None
) -> Client:
    """Return a client after the upgrade. `receive_buffer` sets SO_RCVBUF, in bytes. Raises ConnectionError."""
    loop = asyncio.get_running_loop()
    narrow = socket.socket()
    narrow.setblocking(False)
    if receive_buffer is not None:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await loop.sock_connect(narrow, ("127.0.0.1", port))
    _, client = await loop.create_connection(Client, sock=narrow)
    client.upgrade(path, headers)
    async with asyncio.timeout(WAIT_SECONDS):
        await client.upgraded
    return client


async def connect_many(count: int, open_one: Callable[[int], Awaitable[Client]]) -> list[Client]:
    """Open `count` clients by `await open_one(index)`, at most `CONNECT_AT_ONCE` at a time."""
    gate = asyncio.Semaphore(CONNECT_AT_ONCE)

    async def one(index: int) -> Client:
        async with gate:
            return await open_one(index)

    return list(await asyncio.gather(*(one(index) for index in range(count))))


async def until(condition: Callable[[], object], *, seconds: float = WAIT_SECONDS) -> None:
    """Wait for a condition. Raises TimeoutError.

    Checks every millisecond: the tests' `eventually` pauses longer the longer it waits, which would be measured.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.001)


async def messages(client: Client, count: int) -> None:
    """Wait until the client has `count` messages. Raises ConnectionError or TimeoutError."""
    async with asyncio.timeout(WAIT_SECONDS):
        await client.wait(count)


async def open_sync(
    running: ServerProcess, index: int, *, cursor: int | None = None, **options: Any
) -> Client:
    """Return a client that follows the hub's instance live, from `cursor` or else from the head."""
    tokens, instance = running.hello["tokens"], running.hello["instance"]
    headers = [f"Authorization: Bearer {tokens[index % len(tokens)]}"]
    client = await connect(running.port, "/sync", headers, **options)
    heads: list[int] = []
    client.on_message = lambda payload: heads.append(json.loads(payload)["head"])
    client.send(json.dumps({"type": "init", "id": 1, "instanceId": instance}))
    await messages(client, 1)
    client.on_message = None
    start = heads[0] if cursor is None else cursor
    client.send(json.dumps({"type": "pull", "id": 2, "cursor": start, "live": True}))
    if start == heads[0]:
        await messages(client, 2)  # an empty `events` message: there is nothing to catch up with
    return client


async def deliver(running: ServerProcess, clients: list[Client], count: int, *, size: int = 200) -> None:
    """Publish `count` events of `size` bytes, and wait after each until all clients have it.

    Because of the wait, no server can save work by putting several events into one frame.
    """

    def have(wanted: int) -> bool:
        return sum(client.messages for client in clients) >= wanted

    for _ in range(count):
        wanted = sum(client.messages for client in clients) + len(clients)
        running.send_line(f"publish 1 {size}")
        await until(partial(have, wanted))
