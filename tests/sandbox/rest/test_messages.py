"""Messages: their limits, embeds, components, files, mentions, permissions and nonces."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox import permissions
from sandbox.model import Overwrite
from sandbox.rest import channels
from sandbox.seed import BOT_ROLE, DJ_ROLE, LOUNGE, MEMBER
from sandbox.server import Sandbox
from tests.sandbox.conftest import channel_id, ok, refused


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
    bot_http: httpx.AsyncClient, general: str, payload: dict[str, Any], field: list[str]
) -> None:
    answer = await bot_http.post(general, json=payload)
    assert answer.status_code == 400
    errors = answer.json()["errors"]
    for part in field:
        errors = errors[part]


async def test_messages_are_sent_edited_listed_and_deleted(bot_http: httpx.AsyncClient, general: str) -> None:
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
    sent = await ok(bot_http, "POST", general, json={"embeds": [embed], "components": rows})
    assert sent["embeds"][0]["type"] == "rich"
    edited = await ok(
        bot_http, "PATCH", f"{general}/{sent['id']}", json={"content": f"<@{MEMBER}> @everyone"}
    )
    assert [user["id"] for user in edited["mentions"]] == [MEMBER]
    assert edited["edited_timestamp"]
    assert edited["embeds"] == sent["embeds"]
    quiet = {
        "content": "@everyone hello",
        "allowed_mentions": {"parse": []},
        "nonce": "n1",
        "enforce_nonce": True,
    }
    second = await ok(bot_http, "POST", general, json=quiet)
    assert not second["mention_everyone"]
    assert (await ok(bot_http, "POST", general, json=quiet))["id"] == second["id"]
    reply = {"content": "re", "message_reference": {"message_id": sent["id"]}}
    third = await ok(bot_http, "POST", general, json=reply)
    assert third["referenced_message"]["id"] == sent["id"]

    def ids(messages: list[dict[str, Any]]) -> list[str]:
        return [message["id"] for message in messages]

    everything = [third["id"], second["id"], sent["id"]]
    assert ids(await ok(bot_http, "GET", general)) == everything
    assert ids(await ok(bot_http, "GET", general, params={"before": third["id"], "limit": 1})) == [
        second["id"]
    ]
    assert ids(await ok(bot_http, "GET", general, params={"after": sent["id"]})) == everything[:2]
    assert ids(await ok(bot_http, "GET", general, params={"around": second["id"], "limit": 3})) == everything
    await ok(bot_http, "DELETE", f"{general}/{second['id']}")
    assert await refused(bot_http, "GET", f"{general}/{second['id']}") == (404, 10008)


async def test_components_v2_keep_their_shape(bot_http: httpx.AsyncClient, general: str) -> None:
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
    sent = await ok(bot_http, "POST", general, json={"flags": 1 << 15, "components": [container]})
    assert sent["flags"] == 1 << 15
    assert sent["components"][0]["components"][0]["accessory"]["custom_id"] == "play"


async def test_files_are_uploaded_and_served(
    bot_http: httpx.AsyncClient, general: str, http: httpx.AsyncClient
) -> None:
    payload = {"content": "a file", "attachments": [{"id": 0, "description": "tune"}]}
    files = {"payload_json": (None, json.dumps(payload)), "files[0]": ("a tune.ogg", b"OggS...", "audio/ogg")}
    sent = await ok(bot_http, "POST", general, files=files)
    attachment = sent["attachments"][0]
    assert (attachment["filename"], attachment["size"]) == ("a_tune.ogg", 7)
    assert (await http.get(attachment["url"])).content == b"OggS..."


async def test_an_embed_shows_a_file_of_its_message_and_only_listed_roles_are_mentioned(
    bot_http: httpx.AsyncClient, general: str
) -> None:
    payload = {
        "content": f"<@&{DJ_ROLE}> <@&{BOT_ROLE}> @everyone",
        "embeds": [{"title": f"<@&{BOT_ROLE}>", "image": {"url": "attachment://a.png"}}],
        "allowed_mentions": {"parse": [], "roles": [DJ_ROLE]},
    }
    files = {"payload_json": (None, json.dumps(payload)), "files[0]": ("a.png", b"PNG", "image/png")}
    sent = await ok(bot_http, "POST", general, files=files)
    assert sent["embeds"][0]["image"]["url"] == sent["attachments"][0]["url"]
    assert (sent["mention_roles"], sent["mention_everyone"]) == ([DJ_ROLE], False)


async def test_files_and_history_ask_for_permissions_of_their_own(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, general: str
) -> None:
    channel = channel_id(sandbox, "general")
    await ok(bot_http, "POST", general, json={"content": "x"})
    denied = permissions.ATTACH_FILES | permissions.READ_MESSAGE_HISTORY
    sandbox.world.channels[channel].overwrites.append(Overwrite(LOUNGE, 0, 0, denied))
    files = {"payload_json": (None, "{}"), "files[0]": ("a.png", b"PNG", "image/png")}
    assert await refused(bot_http, "POST", general, files=files) == (403, 50013)
    assert await ok(bot_http, "GET", general) == []
    await ok(bot_http, "POST", general, json={"content": "x"})


async def test_without_embed_links_embeds_are_dropped_and_nothing_but_an_embed_is_refused(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, general: str
) -> None:
    channel = channel_id(sandbox, "general")
    sandbox.world.channels[channel].overwrites.append(Overwrite(LOUNGE, 0, 0, permissions.EMBED_LINKS))
    assert await refused(bot_http, "POST", general, json={"embeds": [{"title": "x"}]}) == (403, 50013)
    sent = await ok(bot_http, "POST", general, json={"content": "beside", "embeds": [{"title": "x"}]})
    assert (sent["content"], sent["embeds"]) == ("beside", [])


async def test_a_nonce_is_forgotten_after_minutes(
    bot_http: httpx.AsyncClient, general: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = {"content": "x", "nonce": "n", "enforce_nonce": True}
    ids = [(await ok(bot_http, "POST", general, json=message))["id"] for _ in range(2)]
    assert ids[0] == ids[1]
    monkeypatch.setattr(channels, "NONCE_KEPT", timedelta(0))
    assert (await ok(bot_http, "POST", general, json=message))["id"] != ids[0]
