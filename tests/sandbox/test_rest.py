"""A bot over REST: what it reads of itself and its guilds, refusals, rate limits and ordered faults."""

import time
from typing import Any

import httpx
import pytest

from sandbox import permissions
from sandbox.model import VoiceState
from sandbox.seed import BOT_ROLE, DJ, JUNIPER, LOUNGE, MEMBER, OUTSIDER, OWNER
from sandbox.server import Sandbox
from tests.sandbox.conftest import channel_id, ok, refused


async def test_the_bot_reads_itself_and_its_guilds(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    me = await ok(bot_http, "GET", "/users/@me")
    assert me["id"] == sandbox.credentials.client_id
    for path in ("/applications/@me", "/oauth2/applications/@me"):
        assert (await ok(bot_http, "GET", path))["redirect_uris"] == list(sandbox.redirect_uris)
    assert (await ok(bot_http, "GET", "/gateway"))["url"] == sandbox.gateway_url
    assert (await ok(bot_http, "GET", "/gateway/bot"))["shards"] == 1
    assert [guild["id"] for guild in await ok(bot_http, "GET", "/users/@me/guilds")] == [LOUNGE]
    guild = await ok(bot_http, "GET", f"/guilds/{LOUNGE}", params={"with_counts": "true"})
    assert (guild["owner_id"], guild["approximate_member_count"]) == (OWNER, 4)
    assert {each["type"] for each in await ok(bot_http, "GET", f"/guilds/{LOUNGE}/channels")} == {0, 2, 4, 5}
    roles = await ok(bot_http, "GET", f"/guilds/{LOUNGE}/roles")
    assert [role["name"] for role in roles] == ["@everyone", "Backline", "DJ"]
    assert (await ok(bot_http, "GET", f"/guilds/{LOUNGE}/roles/{roles[2]['id']}"))["name"] == "DJ"
    assert (await ok(bot_http, "GET", f"/guilds/{LOUNGE}/members/{DJ}"))["roles"] == [roles[2]["id"]]
    assert len(await ok(bot_http, "GET", f"/guilds/{LOUNGE}/members", params={"limit": 1000})) == 4
    assert len(await ok(bot_http, "GET", f"/guilds/{LOUNGE}/members", params={"limit": 2, "after": DJ})) == 2
    found = await ok(bot_http, "GET", f"/guilds/{LOUNGE}/members/search", params={"query": "In", "limit": 5})
    assert [member["user"]["id"] for member in found] == [MEMBER]
    assert (await ok(bot_http, "GET", f"/users/{OUTSIDER}"))["username"] == "outsider"
    state = await ok(bot_http, "GET", f"/guilds/{LOUNGE}/voice-states/{MEMBER}")
    assert state["channel_id"] == channel_id(sandbox, "Stage left")
    assert await ok(bot_http, "GET", "/voice/regions")
    dm = await ok(bot_http, "POST", "/users/@me/channels", json={"recipient_id": DJ})
    assert dm == await ok(bot_http, "POST", "/users/@me/channels", json={"recipient_id": DJ})
    assert (await ok(bot_http, "POST", f"/channels/{dm['id']}/messages", json={"content": "psst"}))["content"]


async def test_refusals_have_discords_codes(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    nobody = {"Authorization": "Bot wrong"}
    general, news = channel_id(sandbox, "general"), channel_id(sandbox, "news")
    assert await refused(bot_http, "GET", "/users/@me", headers=nobody) == (401, 0)
    assert await refused(bot_http, "GET", f"/guilds/{JUNIPER}") == (404, 10004)
    assert await refused(bot_http, "GET", f"/guilds/{JUNIPER}/channels") == (403, 50001)
    assert await refused(bot_http, "GET", f"/guilds/{LOUNGE}/members/{OUTSIDER}") == (404, 10007)
    assert await refused(bot_http, "GET", f"/guilds/{LOUNGE}/members/1") == (404, 10013)
    assert await refused(bot_http, "GET", "/guilds/abc") == (400, 50035)
    assert await refused(bot_http, "GET", "/channels/1") == (404, 10003)
    assert await refused(bot_http, "GET", f"/channels/{general}/messages/1") == (404, 10008)
    assert await refused(bot_http, "POST", f"/channels/{general}/messages", json={}) == (400, 50006)
    assert await refused(bot_http, "POST", f"/channels/{general}/messages", content=b"{") == (400, 50109)
    assert await refused(bot_http, "GET", f"/guilds/{LOUNGE}/members?limit=0") == (400, 50035)
    sandbox.world.channels[news].overwrites.pop()
    assert await refused(bot_http, "POST", f"/channels/{news}/messages", json={"content": "x"}) == (
        403,
        50013,
    )


async def test_the_voice_status_is_set(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    stage = channel_id(sandbox, "Stage left")
    path, body = f"/channels/{stage}/voice-status", {"status": "Cold Harbour"}
    # Outside of the channel, the bot also needs Manage Channels.
    assert await refused(bot_http, "PUT", path, json=body) == (403, 50013)
    state = VoiceState(LOUNGE, stage, sandbox.world.bot_id, "session")
    sandbox.world.voice_states[LOUNGE, sandbox.world.bot_id] = state
    await ok(bot_http, "PUT", path, json=body)
    assert sandbox.world.channels[stage].status == "Cold Harbour"
    general = channel_id(sandbox, "general")
    assert await refused(bot_http, "PUT", f"/channels/{general}/voice-status", json={"status": "x"}) == (
        400,
        50024,
    )


async def test_a_route_says_429_when_its_window_is_used_up(
    sandbox: Sandbox, bot_http: httpx.AsyncClient
) -> None:
    path = f"/channels/{channel_id(sandbox, 'general')}/messages"
    answers = [await bot_http.post(path, json={"content": "x"}) for _ in range(21)]
    last = answers[-1]
    assert [answer.status_code for answer in answers[:20]] == [200] * 20
    assert last.status_code == 429
    assert last.headers["x-ratelimit-remaining"] == "0"
    assert last.headers["x-ratelimit-scope"] == "user"
    assert 0 < last.json()["retry_after"] <= 2
    assert last.json()["global"] is False
    elsewhere = await bot_http.post(
        f"/channels/{channel_id(sandbox, 'music')}/messages", json={"content": "x"}
    )
    assert elsewhere.status_code == 200


async def test_discords_own_limits_and_those_that_it_hides(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    path = f"/channels/{channel_id(sandbox, 'general')}/messages"
    old = await ok(bot_http, "POST", path, json={"content": "x"})
    sandbox.world.messages[old["id"]].created_at = "2026-01-01T00:00:00+00:00"
    for _ in range(4):  # the profile `roomy` does not count edits of old messages
        await ok(bot_http, "PATCH", f"{path}/{old['id']}", json={"content": "y"})
    order = {"kind": "limits", "profile": "discord"}
    assert (await http.post("/_sandbox/faults", json=order)).json() == order
    answers = [await bot_http.patch(f"{path}/{old['id']}", json={"content": "z"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["code"] == 30046
    assert answers[-1].headers["x-ratelimit-remaining"] == "1"  # unaffected by the hidden limit
    assert 1 < answers[-1].json()["retry_after"] <= 6
    posted = [await bot_http.post(path, json={"content": "x"}) for _ in range(6)]
    assert [answer.status_code for answer in posted] == [200] * 5 + [429]
    bucket = "x-ratelimit-bucket"
    assert posted[0].headers[bucket] == answers[0].headers[bucket]
    assert posted[0].headers["x-ratelimit-remaining"] == "4"  # counted separately from edits
    sandbox.world.roles[BOT_ROLE].permissions |= permissions.MANAGE_CHANNELS
    channel = f"/channels/{channel_id(sandbox, 'general')}"
    renamed = [await bot_http.patch(channel, json={"topic": str(number)}) for number in range(3)]
    assert [answer.status_code for answer in renamed] == [200, 200, 429]
    assert 590 < renamed[-1].json()["retry_after"] <= 600
    assert int(renamed[-1].headers["x-ratelimit-remaining"]) > 40


async def test_the_bot_leaves_a_guild(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    await ok(bot_http, "DELETE", f"/users/@me/guilds/{LOUNGE}")
    assert await refused(bot_http, "GET", f"/guilds/{LOUNGE}") == (404, 10004)
    assert await refused(bot_http, "DELETE", f"/users/@me/guilds/{LOUNGE}") == (404, 10004)


async def test_ordered_faults_happen_as_often_as_ordered(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    async def order(**fault: Any) -> None:
        assert (await http.post("/_sandbox/faults", json=fault)).status_code == 200

    await order(kind="http_status", path="/users/@me$", status=503, count=2)
    statuses = [(await bot_http.get("/users/@me")).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert (await bot_http.get("/gateway")).status_code == 200

    await order(kind="rate_limit", path="/gateway/bot", scope="global", retry_after=0.2)
    limited = await bot_http.get("/gateway/bot")
    assert limited.status_code == 429
    assert limited.json()["global"] is True
    assert limited.headers["x-ratelimit-global"] == "true"
    assert limited.headers["retry-after"] == "1"

    await order(kind="rate_limit", path="/gateway/bot", scope="shared", retry_after=0.2)
    limited = await bot_http.get("/gateway/bot")
    assert limited.headers["x-ratelimit-scope"] == "shared"
    assert limited.headers["x-ratelimit-remaining"] == "0"
    assert (
        limited.headers["x-ratelimit-bucket"]
        == (await bot_http.get("/gateway/bot")).headers["x-ratelimit-bucket"]
    )

    await order(kind="rate_limit", path="@me$", headers="usual", retry_after=580, code=30046)
    limited = await bot_http.get("/users/@me")
    assert limited.json()["retry_after"] == 580
    assert limited.json()["code"] == 30046
    assert int(limited.headers["x-ratelimit-remaining"]) > 40
    await order(kind="rate_limit", path="@me$", headers="none", retry_after=3)
    assert "x-ratelimit-bucket" not in (await bot_http.get("/users/@me")).headers
    await order(kind="rate_limit", path="@me$", html=True, retry_after=29_323)
    limited = await bot_http.get("/users/@me")
    assert (limited.status_code, limited.text) == (429, "error code: 1015")
    assert limited.headers["retry-after"] == "29323"
    assert "via" not in limited.headers
    await order(kind="rate_limit", path="/oauth2/token", retry_after=3)
    limited = await http.post("/api/v10/oauth2/token")
    assert limited.status_code == 429
    assert "x-ratelimit-limit" not in limited.headers
    await order(kind="rate_headers", path="@me$", reset_after=102_737, bucket="shared")
    wrong = await bot_http.get("/users/@me")
    assert (wrong.status_code, wrong.headers["x-ratelimit-bucket"]) == (200, "shared")
    assert wrong.headers["x-ratelimit-reset-after"] == "102737.000"

    await order(kind="latency", path="/users/@me$", ms=300)
    begun = time.monotonic()
    await bot_http.get("/users/@me")
    assert time.monotonic() - begun >= 0.3
    await order(kind="latency", path="/users/@me$", ms=60_000)
    await http.delete("/_sandbox/faults")
    await bot_http.get("/users/@me")

    # A delayed request has had no effect yet. With a delayed response, the effect is complete.
    general = f"/channels/{channel_id(sandbox, 'general')}/messages"
    for done in (False, True):
        await order(kind="latency", path="/messages$", ms=2000, count=1, done=done)
        with pytest.raises(httpx.ReadTimeout):
            await bot_http.post(general, json={"content": f"held {done}"}, timeout=0.2)
        reply = [message.content for message in sandbox.world.messages.values()]
        assert (f"held {done}" in reply) == done

    await order(kind="http_status", path="/users/@me$", status=403, code=40006)
    assert (await bot_http.get("/users/@me")).json()["code"] == 40006
    await order(kind="http_status", path="/users/@me$", status=403, html=True)
    assert (await bot_http.get("/users/@me")).headers["content-type"].startswith("text/html")

    for bad in ({"kind": "earthquake"}, {"kind": "http_status", "status": 200}, {"kind": "voice_close"}):
        answer = await http.post("/_sandbox/faults", json=bad)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FAULT")


async def test_permissions_combine_as_discord_says(sandbox: Sandbox) -> None:
    world = sandbox.world
    news = world.channels[channel_id(sandbox, "news")]
    owner, member, bot = (world.members[LOUNGE, who] for who in (OWNER, MEMBER, world.bot_id))
    assert permissions.in_channel(world, owner, news) == permissions.ALL
    assert not permissions.in_channel(world, member, news) & permissions.SEND_MESSAGES
    assert permissions.in_channel(world, bot, news) & permissions.SEND_MESSAGES
