import json
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox import permissions
from sandbox.model import Overwrite
from sandbox.rest import channels
from sandbox.seed import BOT_ROLE, DJ, DJ_ROLE, JUNIPER, LOUNGE, MEMBER, OUTSIDER, OWNER
from sandbox.server import Sandbox

from .conftest import channel_id, ok, refused


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


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"content": "x" * 2001}, ["content"]),
        ({"embeds": [{"title": "x" * 257}]}, ["embeds", "0", "title"]),
        ({"embeds": [{"fields": [{"name": "", "value": "v"}]}]}, ["embeds", "0", "fields", "0", "name"]),
        (
            {"embeds": [{"description": "x" * 4000}, {"description": "x", "footer": {"text": "x" * 6001}}]},
            ["embeds"],
        ),
        (
            {"components": [{"type": 1, "components": [{"type": 2, "style": 1, "label": "no id"}]}]},
            ["components", "0", "components", "0", "custom_id"],
        ),
        (
            {
                "components": [
                    {"type": 1, "components": [{"type": 2, "style": 1, "label": "a", "custom_id": "a"}] * 2}
                ]
            },
            ["components", "0", "components", "1", "custom_id"],
        ),
        ({"content": "x", "nonce": "n" * 26}, ["nonce"]),
        ({"content": "x", "allowed_mentions": {"parse": ["roles"], "roles": ["1"]}}, ["allowed_mentions"]),
    ],
)
async def test_a_message_that_breaks_a_limit_names_the_field(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, payload: dict[str, Any], field: list[str]
) -> None:
    answer = await bot_http.post(f"/channels/{channel_id(sandbox, 'general')}/messages", json=payload)
    assert answer.status_code == 400
    errors = answer.json()["errors"]
    for part in field:
        errors = errors[part]


async def test_messages_are_sent_edited_listed_and_deleted(
    sandbox: Sandbox, bot_http: httpx.AsyncClient
) -> None:
    path = f"/channels/{channel_id(sandbox, 'general')}/messages"
    embed = {
        "title": "Cold Harbour",
        "url": "https://example.com/x",
        "color": 0xF2A33A,
        "fields": [{"name": "Length", "value": "4:12", "inline": True}],
        "footer": {"text": "Added by member"},
        "thumbnail": {"url": "http://127.0.0.1:1337/a.png"},
        "timestamp": None,
    }
    button = {"type": 2, "style": 2, "label": "Skip", "custom_id": "skip", "emoji": None, "disabled": False}
    select = {"type": 3, "custom_id": "jump", "options": [{"label": "One", "value": "1"}]}
    rows = [{"type": 1, "components": [button]}, {"type": 1, "components": [select]}]
    sent = await ok(bot_http, "POST", path, json={"embeds": [embed], "components": rows})
    assert sent["embeds"][0]["type"] == "rich"
    edited = await ok(bot_http, "PATCH", f"{path}/{sent['id']}", json={"content": f"<@{MEMBER}> @everyone"})
    assert [user["id"] for user in edited["mentions"]] == [MEMBER]
    assert edited["edited_timestamp"]
    assert edited["embeds"] == sent["embeds"]
    quiet = {
        "content": "@everyone hello",
        "allowed_mentions": {"parse": []},
        "nonce": "n1",
        "enforce_nonce": True,
    }
    second = await ok(bot_http, "POST", path, json=quiet)
    assert not second["mention_everyone"]
    assert (await ok(bot_http, "POST", path, json=quiet))["id"] == second["id"]
    reply = {"content": "re", "message_reference": {"message_id": sent["id"]}}
    third = await ok(bot_http, "POST", path, json=reply)
    assert third["referenced_message"]["id"] == sent["id"]

    def ids(messages: list[dict[str, Any]]) -> list[str]:
        return [message["id"] for message in messages]

    everything = [third["id"], second["id"], sent["id"]]
    assert ids(await ok(bot_http, "GET", path)) == everything
    assert ids(await ok(bot_http, "GET", path, params={"before": third["id"], "limit": 1})) == [second["id"]]
    assert ids(await ok(bot_http, "GET", path, params={"after": sent["id"]})) == everything[:2]
    assert ids(await ok(bot_http, "GET", path, params={"around": second["id"], "limit": 3})) == everything
    await ok(bot_http, "DELETE", f"{path}/{second['id']}")
    assert await refused(bot_http, "GET", f"{path}/{second['id']}") == (404, 10008)


async def test_components_v2_keep_their_shape(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    play = {"type": 2, "style": 1, "label": "Play", "custom_id": "play"}
    text = {"type": 10, "content": "## Now playing"}
    picture = {"media": {"url": "http://127.0.0.1:1337/a.png"}}
    container = {
        "type": 17,
        "components": [
            {"type": 9, "components": [text], "accessory": play},
            {"type": 14},
            {"type": 12, "items": [picture]},
        ],
    }
    path = f"/channels/{channel_id(sandbox, 'general')}/messages"
    sent = await ok(bot_http, "POST", path, json={"flags": 1 << 15, "components": [container]})
    assert sent["flags"] == 1 << 15
    assert sent["components"][0]["components"][0]["accessory"]["custom_id"] == "play"


async def test_files_are_uploaded_and_served(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, http: httpx.AsyncClient
) -> None:
    path = f"/channels/{channel_id(sandbox, 'general')}/messages"
    payload = {"content": "a file", "attachments": [{"id": 0, "description": "tune"}]}
    files = {"payload_json": (None, json.dumps(payload)), "files[0]": ("a tune.ogg", b"OggS...", "audio/ogg")}
    sent = await ok(bot_http, "POST", path, files=files)
    attachment = sent["attachments"][0]
    assert (attachment["filename"], attachment["size"]) == ("a_tune.ogg", 7)
    assert (await http.get(attachment["url"])).content == b"OggS..."


async def test_an_embed_shows_a_file_of_its_message_and_only_listed_roles_are_mentioned(
    sandbox: Sandbox, bot_http: httpx.AsyncClient
) -> None:
    path = f"/channels/{channel_id(sandbox, 'general')}/messages"
    payload = {
        "content": f"<@&{DJ_ROLE}> <@&{BOT_ROLE}> @everyone",
        "embeds": [{"title": f"<@&{BOT_ROLE}>", "image": {"url": "attachment://a.png"}}],
        "allowed_mentions": {"parse": [], "roles": [DJ_ROLE]},
    }
    files = {"payload_json": (None, json.dumps(payload)), "files[0]": ("a.png", b"PNG", "image/png")}
    sent = await ok(bot_http, "POST", path, files=files)
    assert sent["embeds"][0]["image"]["url"] == sent["attachments"][0]["url"]
    assert (sent["mention_roles"], sent["mention_everyone"]) == ([DJ_ROLE], False)


async def test_files_and_history_ask_for_permissions_of_their_own(
    sandbox: Sandbox, bot_http: httpx.AsyncClient
) -> None:
    channel = channel_id(sandbox, "general")
    path = f"/channels/{channel}/messages"
    await ok(bot_http, "POST", path, json={"content": "x"})
    denied = permissions.ATTACH_FILES | permissions.READ_MESSAGE_HISTORY
    sandbox.world.channels[channel].overwrites.append(Overwrite(LOUNGE, 0, 0, denied))
    files = {"payload_json": (None, "{}"), "files[0]": ("a.png", b"PNG", "image/png")}
    assert await refused(bot_http, "POST", path, files=files) == (403, 50013)
    assert await ok(bot_http, "GET", path) == []
    await ok(bot_http, "POST", path, json={"content": "x"})


async def test_without_embed_links_embeds_are_dropped_and_nothing_but_an_embed_is_refused(
    sandbox: Sandbox, bot_http: httpx.AsyncClient
) -> None:
    channel = channel_id(sandbox, "general")
    sandbox.world.channels[channel].overwrites.append(Overwrite(LOUNGE, 0, 0, permissions.EMBED_LINKS))
    path = f"/channels/{channel}/messages"
    assert await refused(bot_http, "POST", path, json={"embeds": [{"title": "x"}]}) == (403, 50013)
    sent = await ok(bot_http, "POST", path, json={"content": "beside", "embeds": [{"title": "x"}]})
    assert (sent["content"], sent["embeds"]) == ("beside", [])


async def test_a_nonce_is_forgotten_after_minutes(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/channels/{channel_id(sandbox, 'general')}/messages"
    message = {"content": "x", "nonce": "n", "enforce_nonce": True}
    ids = [(await ok(bot_http, "POST", path, json=message))["id"] for _ in range(2)]
    assert ids[0] == ids[1]
    monkeypatch.setattr(channels, "NONCE_KEPT", timedelta(0))
    assert (await ok(bot_http, "POST", path, json=message))["id"] != ids[0]


async def test_commands_are_registered_and_replaced(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    base = f"/applications/{sandbox.credentials.client_id}"
    query = {
        "type": 3,
        "name": "query",
        "description": "What to play",
        "required": True,
        "autocomplete": True,
    }
    play = {"name": "play", "description": "Play a track", "options": [query], "type": 1}
    created = await bot_http.post(f"{base}/commands", json=play)
    assert created.status_code == 201
    again = await bot_http.post(f"{base}/commands", json=play | {"description": "Play"})
    assert (again.status_code, again.json()["id"]) == (200, created.json()["id"])
    add = {"type": 1, "name": "add", "description": "Add", "options": [{**query, "autocomplete": False}]}
    group = {"name": "list", "description": "Lists", "options": [add]}
    kept = await ok(bot_http, "PUT", f"{base}/commands", json=[play, group])
    assert kept[0]["id"] == created.json()["id"]
    assert kept[1]["options"][0]["options"][0] == {
        key: value for key, value in query.items() if key != "autocomplete"
    }
    assert len(await ok(bot_http, "GET", f"{base}/commands", params={"with_localizations": "true"})) == 2
    in_guild = await ok(bot_http, "PUT", f"{base}/guilds/{LOUNGE}/commands", json=[play])
    assert in_guild[0]["guild_id"] == LOUNGE
    one = f"{base}/guilds/{LOUNGE}/commands/{in_guild[0]['id']}"
    assert (await ok(bot_http, "PATCH", one, json={"description": "Other"}))["description"] == "Other"
    assert (await ok(bot_http, "GET", one))["description"] == "Other"
    await ok(bot_http, "DELETE", one)
    assert await refused(bot_http, "GET", one) == (404, 10063)
    assert await refused(bot_http, "GET", f"{base}/guilds/{JUNIPER}/commands") == (403, 50001)
    bad = {"name": "Play Me", "description": ""}
    assert await refused(bot_http, "POST", f"{base}/commands", json=bad) == (400, 50035)


async def test_translations_of_commands_are_kept_and_listed_on_request(
    sandbox: Sandbox, bot_http: httpx.AsyncClient
) -> None:
    path = f"/applications/{sandbox.credentials.client_id}/commands"
    translated = {"name_localizations": {"de": "laut", "es-419": "alto"}}
    choice = {"name": "loud", "value": 0, **translated}
    level = {"type": 4, "name": "level", "description": "How loud", "min_value": 0, "choices": [choice]}
    volume = {"name": "volume", "description": "Set it", "options": [level | translated], **translated}
    (kept,) = await ok(bot_http, "PUT", path, json=[volume])
    assert (kept["name_localizations"], kept["options"][0]["min_value"]) == (*translated.values(), 0)
    assert kept["options"][0]["choices"] == [choice]
    (listed,) = await ok(bot_http, "GET", path)
    assert "localizations" not in json.dumps(listed)
    (full,) = await ok(bot_http, "GET", path, params={"with_localizations": "true"})
    assert full == kept


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name_localizations": {"xx": "x"}}, ["name_localizations", "xx"]),
        ({"name_localizations": {"de": "Zu Laut"}}, ["name_localizations", "de"]),
        ({"description_localizations": {"de": ""}}, ["description_localizations", "de"]),
        ({"type": 2}, ["description"]),
        ({"type": 7}, ["type"]),
        (
            {
                "options": [
                    {
                        "type": 3,
                        "name": f"o{index}",
                        "description": "x",
                        "choices": [{"name": str(n), "value": "x" * 99} for n in range(25)],
                    }
                    for index in range(4)
                ]
            },
            ["name"],
        ),
    ],
)
async def test_a_command_that_breaks_a_rule_names_the_field(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, change: dict[str, Any], field: list[str]
) -> None:
    path = f"/applications/{sandbox.credentials.client_id}/commands"
    answer = await bot_http.post(path, json={"name": "volume", "description": "Set it", **change})
    assert answer.status_code == 400
    errors = answer.json()["errors"]
    for part in field:
        errors = errors[part]


async def test_fifteen_message_commands_are_enough(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    path = f"/applications/{sandbox.credentials.client_id}/commands"
    commands = [{"type": 3, "name": f"Add to queue {n}"} for n in range(16)]
    assert await refused(bot_http, "PUT", path, json=commands) == (400, 30032)
    await ok(bot_http, "PUT", path, json=commands[:15])
    assert await refused(bot_http, "POST", path, json=commands[15]) == (400, 30032)


async def test_the_voice_status_is_set(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    stage = channel_id(sandbox, "Stage left")
    await ok(bot_http, "PUT", f"/channels/{stage}/voice-status", json={"status": "Cold Harbour"})
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
        said = [message.content for message in sandbox.world.messages.values()]
        assert (f"held {done}" in said) == done

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
