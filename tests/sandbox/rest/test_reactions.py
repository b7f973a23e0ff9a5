"""Reactions and pins, over REST and in gateway events."""

from urllib.parse import quote

import httpx
import pytest

from sandbox import permissions
from sandbox.model import Overwrite, Reaction
from sandbox.seed import DJ, LOUNGE, MEMBER
from sandbox.server import Sandbox
from tests.sandbox.conftest import ok, refused
from tests.sandbox.peers import Peer

from .conftest import Grant

NOTE, HEART, KEYCAP = quote("🎵"), quote("❤️"), quote("1️⃣")


@pytest.fixture
async def path(bot_http: httpx.AsyncClient, general: str) -> str:
    """The path of a message by the bot."""
    return f"{general}/{(await ok(bot_http, 'POST', general, json={'content': 'vote'}))['id']}"


async def test_a_bot_reacts_and_takes_it_back(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, path: str, peer: Peer
) -> None:
    headers = {"Content-Type": "application/json"}  # discord.js sends it without a body
    for _ in range(2):
        await ok(bot_http, "PUT", f"{path}/reactions/{HEART}/@me", headers=headers)
    await ok(bot_http, "PUT", f"{path}/reactions/{KEYCAP}/@me")
    notice = await peer.dispatched("MESSAGE_REACTION_ADD")
    bot = sandbox.world.bot_id
    assert (notice["user_id"], notice["message_id"], notice["guild_id"]) == (bot, path.split("/")[-1], LOUNGE)
    assert (notice["emoji"], notice["type"], notice["burst"]) == ({"id": None, "name": "❤️"}, 0, False)
    assert (notice["member"]["user"]["id"], notice["message_author_id"]) == (bot, bot)
    first, second = (await ok(bot_http, "GET", path))["reactions"]
    assert (first["emoji"]["name"], first["count"], first["me"]) == ("❤️", 1, True)
    assert second["emoji"]["name"] == "1️⃣"
    without_selector = quote("❤")
    await ok(bot_http, "DELETE", f"{path}/reactions/{without_selector}/@me")
    assert (await peer.dispatched("MESSAGE_REACTION_REMOVE"))["emoji"]["name"] == "❤️"
    assert len((await ok(bot_http, "GET", path))["reactions"]) == 1


async def test_reactions_of_people_are_listed_and_removed_by_who_may(
    bot_http: httpx.AsyncClient,
    http: httpx.AsyncClient,
    path: str,
    peer: Peer,
    grant: Grant,
) -> None:
    message_id = path.split("/")[-1]
    for user in ("dj", "member"):
        body = {"user": user, "message_id": message_id, "emoji": "🎵"}
        assert (await http.post("/_sandbox/reactions", json=body)).status_code == 200
        assert (await peer.dispatched("MESSAGE_REACTION_ADD"))["emoji"]["name"] == "🎵"
    users = f"{path}/reactions/{NOTE}"
    assert [user["id"] for user in await ok(bot_http, "GET", users)] == [DJ, MEMBER]
    assert len(await ok(bot_http, "GET", users, params={"limit": 1, "after": DJ})) == 1
    assert await ok(bot_http, "GET", users, params={"type": 1}) == []
    assert await refused(bot_http, "DELETE", f"{users}/{DJ}") == (403, 50013)
    assert await refused(bot_http, "DELETE", users) == (403, 50013)
    assert await refused(bot_http, "DELETE", f"{path}/reactions") == (403, 50013)
    grant(permissions.MANAGE_MESSAGES)
    await ok(bot_http, "DELETE", f"{users}/{DJ}")
    assert (await peer.dispatched("MESSAGE_REACTION_REMOVE"))["user_id"] == DJ
    await http.post("/_sandbox/reactions", json={**body, "remove": True})
    assert (await peer.dispatched("MESSAGE_REACTION_REMOVE"))["user_id"] == MEMBER
    await ok(bot_http, "PUT", f"{users}/@me")
    await ok(bot_http, "DELETE", users)
    assert (await peer.dispatched("MESSAGE_REACTION_REMOVE_EMOJI"))["emoji"] == {"id": None, "name": "🎵"}
    await ok(bot_http, "PUT", f"{users}/@me")
    await ok(bot_http, "DELETE", f"{path}/reactions")
    assert (await peer.dispatched("MESSAGE_REACTION_REMOVE_ALL"))["message_id"] == message_id
    assert "reactions" not in await ok(bot_http, "GET", path)


async def test_what_is_no_emoji_or_not_allowed_is_refused(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, path: str
) -> None:
    for bad in ("heart", "7", "name:123"):
        assert await refused(bot_http, "PUT", f"{path}/reactions/{quote(bad)}/@me") == (400, 10014)
    message = sandbox.world.messages[path.split("/")[-1]]
    message.reactions = [Reaction(chr(0x1F300 + index), user_ids=[DJ]) for index in range(20)]
    assert await refused(bot_http, "PUT", f"{path}/reactions/{NOTE}/@me") == (400, 30010)
    denied = Overwrite(LOUNGE, 0, 0, permissions.ADD_REACTIONS)
    sandbox.world.channels[message.channel_id].overwrites.append(denied)
    assert await refused(bot_http, "PUT", f"{path}/reactions/{NOTE}/@me") == (403, 50013)
    await ok(bot_http, "PUT", f"{path}/reactions/{quote(chr(0x1F300))}/@me")  # the message already has it


@pytest.mark.parametrize("pins", ["pins", "messages/pins"])
async def test_messages_are_pinned_by_either_route(
    bot_http: httpx.AsyncClient, path: str, peer: Peer, grant: Grant, pins: str
) -> None:
    channel, message_id = path.split("/")[2], path.split("/")[-1]
    pin = f"/channels/{channel}/{pins}/{message_id}"
    grant(permissions.MANAGE_MESSAGES)
    assert await refused(bot_http, "PUT", pin) == (403, 50013)
    grant(permissions.PIN_MESSAGES)
    await ok(bot_http, "PUT", pin)
    notice = await peer.dispatched("CHANNEL_PINS_UPDATE")
    assert (notice["channel_id"], notice["guild_id"]) == (channel, LOUNGE)
    listed = await ok(bot_http, "GET", f"/channels/{channel}/pins")
    assert [(each["id"], each["pinned"]) for each in listed] == [(message_id, True)]
    page = await ok(bot_http, "GET", f"/channels/{channel}/messages/pins")
    assert (page["items"][0]["pinned_at"], page["has_more"]) == (notice["last_pin_timestamp"], False)
    assert page["items"][0]["message"]["id"] == message_id
    earlier = {"before": notice["last_pin_timestamp"]}
    assert (await ok(bot_http, "GET", f"/channels/{channel}/messages/pins", params=earlier))["items"] == []
    newest = (await ok(bot_http, "GET", f"/channels/{channel}/messages"))[0]
    assert (newest["type"], newest["message_reference"]["message_id"]) == (6, message_id)
    await ok(bot_http, "DELETE", pin)
    assert (await peer.dispatched("CHANNEL_PINS_UPDATE"))["last_pin_timestamp"] is None
    assert await ok(bot_http, "GET", f"/channels/{channel}/pins") == []
