"""A sandbox per test on a free port. Each of its REST responses is checked against Discord's OpenAPI document."""

import asyncio
import contextlib
import importlib.util
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import nextcord
import pytest

from sandbox.seed import LOUNGE
from sandbox.server import Sandbox
from tests.waiting import eventually

JUDGE = Path(__file__).resolve().parents[3] / "shared" / "tools" / "check_discord_response.py"
# Endpoints that exist, but that the document does not list.
UNLISTED = frozenset({"/attachments/refresh-urls"})
RATE_HEADERS = ("limit", "remaining", "reset", "reset-after", "bucket")
REDIRECT_URI = "http://127.0.0.1:1337/api/auth/discord/callback"


def load_judge() -> Any:
    if not JUDGE.exists():
        return None
    spec = importlib.util.spec_from_file_location("check_discord_response", JUDGE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


judge = load_judge()


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A started sandbox. Fails the test if a response does not match Discord's OpenAPI document."""
    running = Sandbox(data_dir=tmp_path / "sandbox", port=0, redirect_uris=[REDIRECT_URI])
    running.gateway.IDENTIFY_SECONDS = 0.0  # tests connect more often than Discord allows
    faults: list[str] = []

    def check(method: str, path: str, status: int, body: Any) -> None:
        if status < 500 and path not in UNLISTED:  # the document does not describe server errors
            faults.extend(
                f"{method} {path} {status}: {each}" for each in judge.errors(method, path, status, body)
            )

    if judge is not None:
        running.observers.append(check)
    await running.start()
    yield running
    await running.stop()
    assert not faults, "\n".join(faults)


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the sandbox's host, without credentials. It does not follow redirects."""
    async with httpx.AsyncClient(base_url=sandbox.url, timeout=30) as client:
        yield client


@pytest.fixture
async def bot_http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client of /api/v10 with the bot's token."""
    headers = {"Authorization": f"Bot {sandbox.credentials.bot_token}"}
    async with httpx.AsyncClient(base_url=sandbox.api_url, headers=headers, timeout=30) as client:
        yield client


type Connect = Callable[[nextcord.Client], contextlib.AbstractAsyncContextManager[nextcord.Client]]


@pytest.fixture
def connect(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """`async with connect(client):` logs an unmodified nextcord client in, and closes it again."""
    monkeypatch.setattr(nextcord.http.Route, "BASE", sandbox.api_url)

    @contextlib.asynccontextmanager
    async def log_in(client: nextcord.Client) -> AsyncIterator[nextcord.Client]:
        task = asyncio.create_task(client.start(sandbox.credentials.bot_token))
        try:
            await eventually(lambda: client.is_ready() or task.done())
            if task.done():
                task.result()
            yield client
        finally:
            await client.close()
            await asyncio.wait([task], timeout=5)

    return log_in


def channel_id(sandbox: Sandbox, name: str) -> str:
    """Return the id of the Lounge's channel with that name."""
    return next(each.id for each in sandbox.world.guild_channels(LOUNGE) if each.name == name)


async def ok(client: httpx.AsyncClient, method: str, path: str, **request: Any) -> Any:
    answer = await client.request(method, path, **request)
    assert answer.status_code < 300, answer.text
    assert {f"x-ratelimit-{name}" for name in RATE_HEADERS} <= set(answer.headers)
    return answer.json() if answer.content else None


async def refused(client: httpx.AsyncClient, method: str, path: str, **request: Any) -> tuple[int, int]:
    """Return the HTTP status and Discord's error code."""
    answer = await client.request(method, path, **request)
    assert answer.status_code >= 400, answer.text
    return answer.status_code, answer.json()["code"]
