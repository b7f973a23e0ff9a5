"""A bot's responses to interactions, in the bodies that libraries send, and the headers it gets back."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from sandbox.seed import LOUNGE
from sandbox.server import Sandbox
from tests.sandbox.conftest import channel_id, ok, refused
from tests.sandbox.peers import Peer

FILE = ("tune.ogg", b"OggS", "audio/ogg")


@dataclass
class Asked:
    """A slash command that waits for the bot. `reply` is what the person sees."""

    callback: str
    hook: str
    reply: asyncio.Task[httpx.Response]


@pytest.fixture
async def asked(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient, peer: Peer
) -> AsyncIterator[Asked]:
    commands = f"/applications/{sandbox.credentials.client_id}/commands"
    await bot_http.post(commands, json={"name": "play", "description": "Play a track"})
    order = {
        "user": "dj",
        "guild_id": LOUNGE,
        "channel_id": channel_id(sandbox, "general"),
        "command": "play",
    }
    reply = asyncio.create_task(http.post("/_sandbox/interactions", json=order))
    notice = await peer.dispatched("INTERACTION_CREATE")
    token = notice["token"]
    yield Asked(
        f"/interactions/{notice['id']}/{token}/callback",
        f"/webhooks/{notice['application_id']}/{token}",
        reply,
    )
    reply.cancel()


@pytest.mark.parametrize(
    ("body", "files"),
    [
        ({"json": {"type": 4, "data": {"content": "on it"}}}, []),
        ({"data": {"payload_json": json.dumps({"type": 4, "data": {"content": "on it"}})}}, []),
        (
            {
                "files": {
                    "payload_json": (
                        None,
                        json.dumps(
                            {
                                "type": 4,
                                "data": {"content": "on it", "attachments": [{"id": 0, "filename": "a.ogg"}]},
                            }
                        ),
                        "application/json",
                    ),
                    "files[0]": FILE,
                }
            },
            ["a.ogg"],
        ),
    ],
)
async def test_a_callback_comes_in_any_body_and_its_answer_names_no_bucket(
    bot_http: httpx.AsyncClient, asked: Asked, body: dict[str, Any], files: list[str]
) -> None:
    answer = await bot_http.post(asked.callback, **body)
    assert answer.status_code == 204, answer.text
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
    reply = (await asked.reply).json()
    assert (reply["content"], [file["filename"] for file in reply["attachments"]]) == ("on it", files)
    again = await bot_http.post(asked.callback, **body)
    assert (again.status_code, again.json()["code"]) == (400, 40060)
    assert not [name for name in again.headers if name.startswith("x-ratelimit")]


async def test_a_reply_is_edited_followed_up_and_deleted(
    bot_http: httpx.AsyncClient, http: httpx.AsyncClient, asked: Asked
) -> None:
    await bot_http.post(asked.callback, json={"type": 5})
    first = {"payload_json": (None, '{"content": "here"}', "application/json"), "files[0]": FILE}
    original = await ok(bot_http, "PATCH", f"{asked.hook}/messages/@original", files=first)
    assert [file["filename"] for file in original["attachments"]] == ["tune.ogg"]
    emptied = {"payload_json": json.dumps({"attachments": []})}
    assert (await ok(bot_http, "PATCH", f"{asked.hook}/messages/@original", data=emptied))[
        "attachments"
    ] == []
    more = await ok(bot_http, "POST", asked.hook, files=first, params={"wait": "true"})
    aside = await ok(bot_http, "POST", asked.hook, json={"content": "aside", "flags": 64})
    path = f"{asked.hook}/messages/{more['id']}"
    assert (await ok(bot_http, "PATCH", path, json={"attachments": []}))["attachments"] == []
    assert (await ok(bot_http, "GET", path))["content"] == "here"
    for message in (more["id"], aside["id"], "@original"):
        await ok(bot_http, "DELETE", f"{asked.hook}/messages/{message}")
    assert await refused(bot_http, "GET", f"{asked.hook}/messages/@original") == (404, 10008)
