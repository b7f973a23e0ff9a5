"""The servers that the benchmarks compare, each in its own process: `python -m bench.load.servers NAME`.

Each listens on a free loopback port, prints one line of JSON, executes commands from stdin (`publish COUNT
[BYTES]`, or `write` for the same with a response), and ends when stdin is closed. All use uvloop. Django servers are
configured as in production, with SQLite.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from bench.load.requests import set_up_django

ARGS_BYTES = 200
USERS = 50  # several, because the rate limit applies to all sockets of one user together
SAMPLE = {"name": "Happened", "args": {"fill": "x" * (ARGS_BYTES - 11)}, "seqNum": 1000, "parentSeqNum": 999}
# As large as one of Backline's events with 200 bytes of args.
MESSAGE = json.dumps({"type": "events", "events": [SAMPLE | {"metadata": "y" * 270}], "remaining": 0})

Publish = Callable[[int, int], Awaitable[None]]


def send_hello(**hello: Any) -> None:
    print(json.dumps(hello), flush=True)


async def obey(publish: Publish) -> None:
    """Execute commands from stdin until it is closed."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read, daemon=True).start()
    while line := await lines.get():
        verb, count, size = [*line.split(), str(ARGS_BYTES)][:3]
        await publish(int(count), int(size))
        if verb == "write":
            send_hello(written=int(count))


async def floor() -> None:
    """A bare uvloop write of a prepared frame, the minimum for a server with one socket per client."""
    from websockets.http11 import Request
    from websockets.server import ServerProtocol

    from realtime.preframed import text_frame

    open_: set[asyncio.Transport] = set()

    class Bare(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            self.handshake = ServerProtocol()

        def data_received(self, data: bytes) -> None:
            self.handshake.receive_data(data)
            for event in self.handshake.events_received():
                if isinstance(event, Request):
                    self.handshake.send_response(self.handshake.accept(event))
                    self.transport.write(b"".join(self.handshake.data_to_send()))
                    open_.add(self.transport)
                    del self.handshake
                    return

        def connection_lost(self, error: Exception | None) -> None:
            open_.discard(self.transport)

    frames = {ARGS_BYTES: text_frame(MESSAGE.encode())}

    async def publish(count: int, size: int) -> None:
        frame = frames.setdefault(size, text_frame(bytes(size)))
        for _ in range(count):
            for transport in open_:
                transport.write(frame)

    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0)
    send_hello(port=server.sockets[0].getsockname()[1])
    await obey(publish)


async def websockets() -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    open_: set[ServerConnection] = set()

    async def handle(connection: ServerConnection) -> None:
        open_.add(connection)
        try:
            await connection.wait_closed()
        finally:
            open_.discard(connection)

    async def publish(count: int, size: int) -> None:
        for _ in range(count):
            broadcast(open_, MESSAGE)

    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        send_hello(port=next(iter(server.sockets)).getsockname()[1])
        await obey(publish)


async def _uvicorn(app: Any, publish: Publish, **hello: Any) -> None:
    import uvicorn

    from realtime.server import OPTIONS, EmbeddedServer, bind

    options = OPTIONS | ({"ws": os.environ["BENCH_WS"]} if "BENCH_WS" in os.environ else {})
    with bind("127.0.0.1", 0) as listener:
        server = EmbeddedServer(uvicorn.Config(app, **options))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        send_hello(port=listener.getsockname()[1], **hello)
        await obey(publish)
        server.should_exit = True
        await task


async def naive() -> None:
    """The example of Channels' documentation: each consumer is in a group, and events are sent by `group_send`."""
    from channels.generic.websocket import AsyncWebsocketConsumer
    from channels.layers import get_channel_layer

    class Consumer(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.channel_layer.group_add("bench", self.channel_name)
            await self.accept()

        async def disconnect(self, code: int) -> None:
            await self.channel_layer.group_discard("bench", self.channel_name)

        async def happened(self, message: dict[str, Any]) -> None:
            await self.send(text_data=message["text"])

    async def publish(count: int, size: int) -> None:
        for _ in range(count):
            await get_channel_layer().group_send("bench", {"type": "happened", "text": MESSAGE})

    await _uvicorn(Consumer.as_asgi(), publish)


def prepare() -> tuple[str, list[str]]:
    """Create a guild and its members. Returns the instance, and access tokens that may read it."""
    from django.core.management import call_command

    from accounts.domain.sessions import begin_session
    from accounts.models import User
    from accounts.tokens import issue_access
    from guilds.domain.installation import ensure_guild
    from guilds.models import Membership

    call_command("migrate", verbosity=0, interactive=False)
    guild = ensure_guild("300000000000000001", name="Bench")
    tokens = []
    for index in range(USERS):
        user = User.objects.create(discord_id=str(200_000_000_000_000_000 + index), username=f"bench{index}")
        Membership.objects.create(user=user, guild=guild)
        tokens.append(issue_access(begin_session(user, device="bench", address=None))[0])
    return f"guild:{guild.pk}", tokens


async def hub() -> None:
    """Backline's own ASGI application. Events are appended, committed, read and encoded as in production."""
    from config.asgi import application
    from realtime.db import in_thread
    from realtime.domain.append import append_untyped, lock_store
    from realtime.origin import BOT

    instance, tokens = await in_thread(prepare)()

    def write(count: int, size: int) -> None:
        from django.db import transaction

        with transaction.atomic():
            store = lock_store(instance)
            for _ in range(count):
                append_untyped(store, "Happened", {"fill": "x" * (size - 11)}, origin=BOT)

    await _uvicorn(application, in_thread(write), instance=instance, tokens=tokens)


SERVERS: dict[str, Callable[[], Any]] = {"floor": floor, "hub": hub, "naive": naive, "websockets": websockets}


def main() -> None:
    name = sys.argv[1]
    if name in ("hub", "naive"):
        set_up_django()
        if name == "naive" and (redis := os.environ.get("BENCH_REDIS")):
            from django.conf import settings

            settings.CHANNEL_LAYERS = {
                "default": {
                    "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
                    "CONFIG": {"hosts": [redis]},
                }
            }
    uvloop.run(SERVERS[name]())


if __name__ == "__main__":
    main()
