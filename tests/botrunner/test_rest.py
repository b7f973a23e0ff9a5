"""nextcord's REST client as the bot uses it, against the sandbox with Discord's less common limits."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import nextcord
import pytest
from nextcord.http import GlobalRateLimit, HTTPClient, RateLimit, Route

from botrunner.rest import Rest
from sandbox import ratelimit
from sandbox.seed import LOUNGE
from sandbox.server import Sandbox
from tests.waiting import eventually

ME = ("GET", "/users/@me")


class Asking:
    """A client of a sandbox, and the status codes of its responses."""

    def __init__(self, sandbox: Sandbox, rest: Rest) -> None:
        self.sandbox = sandbox
        self._rest = rest
        self.statuses: list[int] = []
        sandbox.observers.append(lambda method, path, status, body: self.statuses.append(status))

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """Send a request. Fails if nextcord waits too long."""
        authorization = f"Bot {self.sandbox.credentials.bot_token}"
        parameters = {"channel_id": options.pop("channel_id")} if "channel_id" in options else {}
        async with asyncio.timeout(10):
            return await self._rest.request(Route(method, path, **parameters), auth=authorization, **options)

    async def fault(self, kind: str, **order: Any) -> None:
        await self.sandbox.injector.inject({"kind": kind, **order})

    def channel(self, name: str) -> str:
        return next(each.id for each in self.sandbox.world.guild_channels(LOUNGE) if each.name == name)


@pytest.fixture
async def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asking]:
    sandbox = Sandbox(data_dir=tmp_path / "discord", port=0)
    await sandbox.start()
    monkeypatch.setattr(Route, "BASE", sandbox.api_url)
    rest = Rest(aiohttp.TCPConnector(), dispatch=lambda event, *args: None)
    yield Asking(sandbox, rest)
    await rest.close()
    await sandbox.stop()


@pytest.mark.parametrize("headers", ["used_up", "usual", "none"])
async def test_a_429_is_waited_out_and_then_forgotten(headers: str, asking: Asking) -> None:
    await asking.ask(*ME)
    await asking.fault("rate_limit", headers=headers, retry_after=0.6)
    begun = asyncio.get_running_loop().time()
    await asking.ask(*ME)
    assert asyncio.get_running_loop().time() - begun >= 0.55
    assert asking.statuses == [200, 429, 200]
    for _ in range(20):
        await asking.ask(*ME)


async def test_a_global_429_is_waited_out(asking: Asking, caplog: pytest.LogCaptureFixture) -> None:
    await asking.fault("rate_limit", scope="global", retry_after=1.5)
    begun = asyncio.get_running_loop().time()
    first = asyncio.create_task(asking.ask(*ME))
    await eventually(lambda: "paused all requests" in caplog.text)  # its body was read
    await asking.ask("GET", "/gateway")  # another route
    assert asyncio.get_running_loop().time() - begun >= 1.45
    await first
    assert asking.statuses == [429, 200, 200]


async def test_a_window_that_was_wrong_is_forgotten(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ratelimit.PROFILES, "small", {ME: (2, 0.3)})
    await asking.fault("limits", profile="small")
    await asking.fault("rate_headers", reset_after=90)
    for _ in range(5):
        await asking.ask(*ME)
    assert asking.statuses == [200] * 5


async def test_a_used_up_window_stops_neither_edits_nor_other_channels(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ratelimit.PROFILES, "small", {ratelimit.POST_MESSAGE: (1, 60)})
    general, music = asking.channel("general"), asking.channel("music")
    await asking.fault("limits", profile="small")
    path = "/channels/{channel_id}/messages"
    message = await asking.ask("POST", path, channel_id=general, json={"content": "one"})
    for _ in range(2):
        edit = f"{path}/{message['id']}"
        await asking.ask("PATCH", edit, channel_id=general, json={"content": "two"})
    await asking.ask("POST", path, channel_id=music, json={"content": "three"})
    assert asking.statuses == [200] * 4


async def test_cloudflares_page_is_an_error(asking: Asking) -> None:
    await asking.fault("rate_limit", html=True, retry_after=29_323)
    with pytest.raises(nextcord.HTTPException):
        await asking.ask(*ME)


def test_nextcord_keeps_limits_as_this_knows_it() -> None:
    """Check the signatures of the methods that botrunner/rest.py replaces."""
    assert list(inspect.signature(HTTPClient._make_url_rate_limit).parameters) == [
        "self", "method", "route", "auth",
    ]  # fmt: skip
    assert list(inspect.signature(HTTPClient._make_global_rate_limit).parameters) == [
        "self", "auth", "max_per_second",
    ]  # fmt: skip
    for kind in (RateLimit, GlobalRateLimit):
        assert inspect.iscoroutinefunction(kind.update)
        assert list(inspect.signature(kind.reset_remaining).parameters) == ["self", "time"]
    assert "http.request" not in inspect.getsource(
        nextcord.Client.__init__
    )  # no request is sent before `Rest.serve`
