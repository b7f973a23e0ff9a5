"""Simulated people, devices and bots that keep a `serve` with its sandbox busy.

Each function in `HABITS` runs one habit once. It checks responses only as far as it needs them: a refusal is load, too.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import struct
import uuid
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import httpx

from bench.load.clients import Client, connect, messages
from sandbox.seed import LOUNGE

USERS = ("owner", "dj", "member")
STAGE_LEFT = "1090315482246234118"
GENERAL = "1090315482246234115"
STREAM = "soak"
JPEG = b"\xff\xd8\xff\xe0" + bytes(50_000)


class Site:
    """The program under load: its two URLs, and an access token for each user. All pauses are multiplied by `pace`."""

    def __init__(self, port: int, sandbox_port: int, *, pace: float = 1.0) -> None:
        self.pace = pace
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.sandbox_url = f"http://127.0.0.1:{sandbox_port}"
        self.tokens: dict[str, str] = {}
        self.stores = 0
        self.http = httpx.AsyncClient(base_url=self.url, timeout=30, verify=False)
        self.discord = httpx.AsyncClient(base_url=self.sandbox_url, timeout=30, verify=False)

    def bearer(self, user: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[user]}"}

    async def rest(self, user: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.http.request(method, path, json=body, headers=self.bearer(user))

    async def socket(self, user: str, path: str, **options: Any) -> Client:
        return await connect(self.port, path, [f"Authorization: Bearer {self.tokens[user]}"], **options)

    async def log_in(self, user: str) -> httpx.AsyncClient:
        """Log in through Discord and return the browser. The callback is requested twice, as by a double click."""
        browser = httpx.AsyncClient(base_url=self.url, timeout=30, verify=False)
        asked = await browser.get("/api/auth/discord/login", params={"next": "/dashboard"})
        agreed = await self.discord.post(asked.headers["location"], data={"user": user})
        back, cookies = agreed.headers["location"], dict(browser.cookies)
        answers = await asyncio.gather(browser.get(back), self.http.get(back, cookies=cookies))
        if answers[0].status_code != 302:
            raise ConnectionError(answers[0].text)
        await browser.get("/dashboard")
        return browser

    async def stay(self, user: str) -> None:
        """Log in and store the access token in `tokens`."""
        async with aclosing(await self.log_in(user)) as browser:
            pair = await browser.post("/api/auth/token", headers=csrf(browser))
            self.tokens[user] = pair.json()["access"]


def csrf(browser: httpx.AsyncClient) -> dict[str, str]:
    return {"X-CSRFToken": browser.cookies["csrftoken"], "Origin": str(browser.base_url).rstrip("/")}


async def visit(site: Site) -> None:
    """Log in, load pages with their scripts, and log out."""
    async with aclosing(await site.log_in(random.choice(USERS))) as browser:
        for path in (
            "/dashboard", f"/guilds/{LOUNGE}", f"/guilds/{LOUNGE}/settings", "/streams", f"/streams/{STREAM}",
            "/sessions", "/", "/nothing", "/static/client/client.js", "/metrics",
        ):  # fmt: skip
            page = await browser.get(path, headers={"Accept": "text/html"})
            for script in re.findall(r'src="(/static/[^"]+)"', page.text)[:3]:
                await browser.get(script)
        pair = (await browser.post("/api/auth/token", headers=csrf(browser))).json()
        await browser.post("/api/auth/token/refresh", json={"refresh": pair["refresh"]})
        await browser.post("/api/auth/logout", headers=csrf(browser))


async def call_rest(site: Site) -> None:
    """Send REST requests, both valid and invalid."""
    guild, user = f"/api/guilds/{LOUNGE}", random.choice(USERS)
    for method, path, body in (
        ("GET", "/api/guilds?scope=all", None), ("GET", f"{guild}/snapshot", None), ("GET", f"{guild}/queue", None),
        ("GET", f"{guild}/channels", None), ("GET", "/api/search?q=tone", None), ("GET", "/api/streams", None),
        ("GET", "/api/auth/me/export", None), ("GET", f"/api/streams/{STREAM}/alerts", None),
        ("POST", f"{guild}/queue", {"query": "tone"}), ("POST", f"{guild}/queue", {"query": 5}),
        ("POST", f"{guild}/player/skip", {}), ("PATCH", f"{guild}/player", {"volume": random.randint(50, 100)}),
        ("POST", f"{guild}/queue/clear", {}), ("POST", "/api/streams", {"id": "!"}), ("GET", "/api/nothing", None),
        ("POST", "/api/auth/token/refresh", {"refresh": "x" * 300}), ("GET", "/api/guilds/1", None),
    ):  # fmt: skip
        await site.rest(user, method, path, body)
    if random.random() < 0.05:
        await site.http.get("/api/schema")


async def listen_in_voice(site: Site) -> None:
    """Join a voice channel, let the bot play there, control it with slash commands, listen, and leave."""
    seat = {"user": "member", "channel_id": STAGE_LEFT}
    await site.discord.post("/_sandbox/voice-state", json=seat)
    await site.rest("member", "POST", f"/api/guilds/{LOUNGE}/queue", {"query": "tone"})
    await site.rest("member", "PATCH", f"/api/guilds/{LOUNGE}/player", {"voice_channel_id": STAGE_LEFT})
    for command in ("queue", "pause", "resume", "skip"):
        await asyncio.sleep(2.0 * site.pace)
        body = {"user": "member", "guild_id": LOUNGE, "channel_id": GENERAL, "command": command}
        await site.discord.post("/_sandbox/interactions", json=body)
        await site.discord.get("/_sandbox/state")
    await _some_seconds(site.discord, f"/_sandbox/voice/{LOUNGE}/live.ogg", 2.0 * site.pace)
    await site.discord.get(f"/_sandbox/voice/{LOUNGE}/audio.ogg")
    await site.rest("member", "PATCH", f"/api/guilds/{LOUNGE}/player", {"voice_channel_id": None})
    await site.discord.post("/_sandbox/voice-state", json=seat | {"channel_id": None})


async def _some_seconds(client: httpx.AsyncClient, path: str, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds), client.stream("GET", path) as stream:
            async for _ in stream.aiter_bytes():
                pass
    except TimeoutError:
        pass


async def push_events(site: Site) -> None:
    """Push small and large batches to a store that another socket follows, and delete the store."""
    site.stores += 1
    name = f"soak-{site.stores}"
    writer, reader = await site.socket("owner", "/sync"), await site.socket("owner", "/sync")
    try:
        for client in (writer, reader):
            client.send(json.dumps({"type": "init", "id": 1, "instanceId": f"app:{name}"}))
            await messages(client, 1)
        reader.send(json.dumps({"type": "pull", "id": 2, "cursor": 0, "live": True}))
        for number, (count, size) in enumerate([*[(1, 100)] * 20, (100, 8_000), (100, 8_000), (1, 500_000)]):
            args = {"text": "x" * size}
            pushed = [{"eventId": str(uuid.uuid4()), "name": "Noted", "args": args} for _ in range(count)]
            writer.send(json.dumps({"type": "push", "id": 3 + number, "events": pushed}))
            await messages(writer, 2 + number)
    finally:
        _hang_up(writer, reader)
        await site.rest("owner", "DELETE", f"/api/stores/{name}")


async def read_slowly(site: Site) -> None:
    """Request megabytes of events, and then read nothing until the server gives up."""
    site.stores += 1
    name = f"soak-{site.stores}"
    client = await site.socket("owner", "/sync", receive_buffer=4_096)
    client.send(json.dumps({"type": "init", "id": 1, "instanceId": f"app:{name}"}))
    await messages(client, 1)
    args = {"text": "x" * 8_000}
    pushed = [{"eventId": str(uuid.uuid4()), "name": "Noted", "args": args} for _ in range(100)]
    client.send(json.dumps({"type": "push", "id": 2, "events": pushed}))
    await messages(client, 2)
    for request in range(3, 9):
        client.send(json.dumps({"type": "pull", "id": request, "cursor": 0, "live": True}))
    client.transport.pause_reading()
    await asyncio.sleep(12.0 * site.pace)
    _hang_up(client)
    await site.rest("owner", "DELETE", f"/api/stores/{name}")


async def stream_frames(site: Site) -> None:
    """Send ten frames a second for a while, with alerts, to three consumers."""
    producer = await site.socket("owner", "/ws")
    _register(producer, produces=["video-frame", "alert"])
    watching = [await site.socket(user, "/ws") for user in ("owner", "owner", "dj")]
    for client in watching:
        _register(client, consumes=["video-frame", "alert"])
    header = json.dumps({"type": "video-frame"}).encode()
    body = struct.pack("!H", len(header)) + header + JPEG
    for number in range(100):
        producer.transport.write(struct.pack("!BBH", 0x82, 0xFE, len(body)) + bytes(4) + body)
        if number % 25 == 0:
            alert = {"type": "alert", "id": str(uuid.uuid4()), "title": "Motion", "streamId": STREAM}
            producer.send(json.dumps(alert))
        await asyncio.sleep(0.1 * site.pace)
    _hang_up(producer, *watching)


def _register(client: Client, **types: list[str]) -> None:
    client.send(json.dumps({"type": "register", "streamId": STREAM, **types}))


async def use_livestore(site: Site) -> None:
    """Pull and push as LiveStore's client does, and disconnect."""
    payload = {"authToken": site.tokens["dj"]}
    query = quote(quote(json.dumps(payload), safe=""), safe="")
    name = f"todo-{random.randint(0, 5)}"
    client = await connect(site.port, f"/livestore?storeId={name}&transport=ws&payload={query}")
    try:
        asked: list[tuple[str, dict[str, Any]]] = [
            ("Pull", {"cursor": {"_tag": "None"}, "live": False}),
            ("Push", {"batch": [_event(1)], "backendId": {"_tag": "None"}}),
            ("Pull", {"cursor": {"_tag": "None"}, "live": True}),
        ]
        for number, (tag, body) in enumerate(asked):
            request = {
                "_tag": "Request", "id": str(number), "tag": f"SyncWsRpc.{tag}", "headers": [], "traceId": "a" * 32,
                "spanId": "b" * 16, "sampled": True, "payload": {"storeId": name, "payload": payload, **body},
            }  # fmt: skip
            client.send(json.dumps(request))
            await messages(client, number + 1)
    finally:
        _hang_up(client)


def _event(seq: int) -> dict[str, Any]:
    return {
        "name": "v1.Noted", "args": {"n": seq}, "clientId": "desk", "sessionId": "s1", "seqNum": seq,
        "parentSeqNum": seq - 1,
    }  # fmt: skip


async def knock(site: Site) -> None:
    """Open sockets that are refused, and abort a request."""
    for path in ("/ws", "/sync?token=nonsense", "/livestore?storeId=x", "/nothing"):
        try:
            client = await connect(site.port, path)
        except ConnectionError:
            continue
        _hang_up(client)
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(f"GET /api/guilds/{LOUNGE}/snapshot HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await writer.drain()
    writer.close()


def _hang_up(*clients: Client) -> None:
    for client in clients:
        client.transport.abort()


# Each habit, with the pause in seconds between two runs.
HABITS: dict[Callable[[Site], Awaitable[None]], float] = {
    visit: 3.0,
    call_rest: 1.0,
    listen_in_voice: 3.0,
    push_events: 2.0,
    read_slowly: 5.0,
    stream_frames: 2.0,
    use_livestore: 1.0,
    knock: 2.0,
}
