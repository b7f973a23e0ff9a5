"""A bot with the permissions opens, names and closes a Stage."""

import httpx

from sandbox.rest.stage_instances import MODERATOR
from sandbox.seed import LOUNGE
from sandbox.server import Sandbox
from tests.sandbox.conftest import channel_id, ok, refused
from tests.sandbox.peers import Peer

from .conftest import Grant


async def test_a_stage_is_opened_named_and_closed(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient, peer: Peer, grant: Grant
) -> None:
    change = {"change": "add_channel", "name": "Open mic", "type": 13}
    stage = (await http.post(f"/_sandbox/guilds/{LOUNGE}", json=change)).json()["id"]
    path, wanted = f"/stage-instances/{stage}", {"channel_id": stage, "topic": "Cold Harbour"}
    assert await refused(bot_http, "POST", "/stage-instances", json=wanted) == (403, 50013)
    grant(MODERATOR)
    assert await refused(bot_http, "GET", path) == (404, 10067)
    assert await refused(bot_http, "POST", "/stage-instances", json=wanted | {"topic": ""}) == (400, 50035)
    elsewhere = wanted | {"channel_id": channel_id(sandbox, "Stage left")}
    assert await refused(bot_http, "POST", "/stage-instances", json=elsewhere) == (400, 50024)
    opened = await ok(bot_http, "POST", "/stage-instances", json=wanted)
    assert await peer.dispatched("STAGE_INSTANCE_CREATE") == opened
    assert await refused(bot_http, "POST", "/stage-instances", json=wanted) == (400, 150006)
    assert (await ok(bot_http, "PATCH", path, json={"topic": "Next"}))["topic"] == "Next"
    assert (await peer.dispatched("STAGE_INSTANCE_UPDATE"))["topic"] == "Next"
    assert (await ok(bot_http, "GET", path))["id"] == opened["id"]
    await ok(bot_http, "DELETE", path)
    assert (await peer.dispatched("STAGE_INSTANCE_DELETE"))["channel_id"] == stage
