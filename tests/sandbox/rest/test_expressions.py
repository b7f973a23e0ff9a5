"""Emojis, stickers and sounds, and the lists that libraries request and that are empty here."""

import base64

import httpx
import pytest

from sandbox import permissions
from sandbox.seed import LOUNGE
from sandbox.server import Sandbox
from tests.sandbox.conftest import channel_id, ok, refused
from tests.sandbox.peers import Peer

from .conftest import Grant

GUILD = f"/guilds/{LOUNGE}"
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
OGG = "data:audio/ogg;base64," + base64.b64encode(b"OggS").decode()


async def test_the_default_sounds_are_known(bot_http: httpx.AsyncClient) -> None:
    sounds = await ok(bot_http, "GET", "/soundboard-default-sounds")
    assert (sounds[0]["name"], sounds[0]["sound_id"], sounds[0]["emoji_name"]) == ("quack", "1", "🦆")


async def test_a_guild_has_sounds(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer, grant: Grant
) -> None:
    path = f"{GUILD}/soundboard-sounds"
    assert await ok(bot_http, "GET", path) == {"items": []}
    sandbox.world.roles[LOUNGE].permissions &= ~permissions.CREATE_GUILD_EXPRESSIONS
    sound = {"name": "horn", "sound": OGG, "volume": 0.5, "emoji_name": "🎺"}
    assert await refused(bot_http, "POST", path, json=sound) == (403, 50013)
    grant(permissions.CREATE_GUILD_EXPRESSIONS)
    assert await refused(bot_http, "POST", path, json=sound | {"sound": "loud"}) == (400, 50035)
    assert await refused(bot_http, "POST", path, json=sound | {"volume": 2}) == (400, 50035)
    made = await bot_http.post(path, json=sound)
    assert (made.status_code, made.json()["volume"]) == (201, 0.5)
    assert (await peer.dispatched("GUILD_SOUNDBOARD_SOUND_CREATE"))["name"] == "horn"
    one = f"{path}/{made.json()['sound_id']}"
    assert (await ok(bot_http, "PATCH", one, json={"name": "big horn"}))["volume"] == 0.5
    assert (await ok(bot_http, "GET", one))["name"] == "big horn"
    await peer.say(31, {"guild_ids": [LOUNGE]})
    assert (await peer.dispatched("SOUNDBOARD_SOUNDS"))["soundboard_sounds"][0]["name"] == "big horn"
    await ok(bot_http, "DELETE", one)
    assert (await peer.dispatched("GUILD_SOUNDBOARD_SOUND_DELETE"))["guild_id"] == LOUNGE
    assert await refused(bot_http, "GET", one) == (404, 10097)


async def test_emojis_of_the_guild_and_of_the_application_are_used_to_react(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer
) -> None:
    messages = f"/channels/{channel_id(sandbox, 'general')}/messages"
    message = await ok(bot_http, "POST", messages, json={"content": "x"})
    for path in (f"{GUILD}/emojis", f"/applications/{sandbox.credentials.client_id}/emojis"):
        assert (await bot_http.get(path)).status_code == 200
        made = await bot_http.post(path, json={"name": "note", "image": PNG})
        emoji = made.json()
        assert (made.status_code, emoji["name"], emoji["animated"]) == (201, "note", False)
        reaction = f"{messages}/{message['id']}/reactions/note:{emoji['id']}/@me"
        await ok(bot_http, "PUT", reaction)
        assert (await peer.dispatched("MESSAGE_REACTION_ADD"))["emoji"] == {"id": emoji["id"], "name": "note"}
        one = f"{path}/{emoji['id']}"
        assert (await ok(bot_http, "PATCH", one, json={"name": "tone"}))["name"] == "tone"
        assert (await ok(bot_http, "GET", one))["name"] == "tone"
        await ok(bot_http, "DELETE", one)
        assert await refused(bot_http, "GET", one) == (404, 10014)
    assert await refused(bot_http, "GET", "/applications/1/emojis") == (403, 20012)


async def test_a_sticker_comes_as_a_form(sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer) -> None:
    path = f"{GUILD}/stickers"
    form = {"name": "vinyl", "description": "", "tags": "cd"}
    file = {"file": ("vinyl.png", b"\x89PNG", "image/png")}
    made = await bot_http.post(path, data=form, files=file)
    assert (made.status_code, made.json()["format_type"], made.json()["description"]) == (201, 1, None)
    assert (await peer.dispatched("GUILD_STICKERS_UPDATE"))["stickers"][0]["name"] == "vinyl"
    one = f"{path}/{made.json()['id']}"
    assert (await ok(bot_http, "PATCH", one, json={"name": "disc"}))["tags"] == "cd"
    assert (await ok(bot_http, "GET", f"/stickers/{made.json()['id']}"))["name"] == "disc"
    await ok(bot_http, "DELETE", one)
    assert await ok(bot_http, "GET", path) == []
    assert await refused(bot_http, "POST", path, data=form) == (400, 50035)


@pytest.mark.parametrize(
    "path",
    [
        "/sticker-packs",
        "/voice/regions",
        "{guild}/regions",
        "{guild}/threads/active",
        "{guild}/invites",
        "{guild}/integrations",
        "{guild}/webhooks",
        "{guild}/scheduled-events",
        "{guild}/auto-moderation/rules",
        "{guild}/templates",
        "{guild}/audit-logs",
        "{guild}/emojis",
        "{guild}/stickers",
        "{channel}/invites",
        "{channel}/webhooks",
        "{channel}/threads/archived/public",
        "{channel}/threads/archived/private",
        "{channel}/users/@me/threads/archived/private",
        "{application}",
        "{application}/entitlements",
        "{application}/role-connections/metadata",
        "{application}{guild}/commands/permissions",
    ],
)
async def test_a_list_that_libraries_ask_for_is_answered(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, grant: Grant, path: str
) -> None:
    grant(permissions.ADMINISTRATOR)
    application = f"/applications/{sandbox.credentials.client_id}"
    channel = f"/channels/{channel_id(sandbox, 'general')}"
    await ok(bot_http, "GET", path.format(guild=GUILD, channel=channel, application=application))


async def test_permissions_of_commands_are_for_people_to_change(
    sandbox: Sandbox, bot_http: httpx.AsyncClient
) -> None:
    commands = f"/applications/{sandbox.credentials.client_id}{GUILD}/commands"
    command = {"name": "play", "description": "Play a track"}
    made = (await bot_http.post(commands, json=command)).json()
    path = f"{commands}/{made['id']}/permissions"
    assert await refused(bot_http, "GET", path) == (404, 10066)
    assert await refused(bot_http, "PUT", path, json={"permissions": []}) == (403, 20001)
