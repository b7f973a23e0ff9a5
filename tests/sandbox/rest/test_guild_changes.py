"""A bot's changes to a guild: channels, roles, members and bans, and the refused changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox import permissions
from sandbox.model import Message
from sandbox.seed import BOT_ROLE, DJ, DJ_ROLE, LOUNGE, MEMBER, OUTSIDER, OWNER
from sandbox.server import Sandbox
from sandbox.snowflake import EPOCH_MS
from tests.sandbox.conftest import channel_id, ok, refused
from tests.sandbox.peers import Peer

from .conftest import Grant

GUILD = f"/guilds/{LOUNGE}"


async def test_channels_are_made_changed_moved_and_deleted(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer, grant: Grant
) -> None:
    assert await refused(bot_http, "POST", f"{GUILD}/channels", json={"name": "x"}) == (403, 50013)
    grant(permissions.MANAGE_CHANNELS)
    answer = await bot_http.post(
        f"{GUILD}/channels", json={"name": "Song Requests", "type": 0, "topic": "ask"}
    )
    text = answer.json()
    assert (answer.status_code, text["name"], text["topic"]) == (201, "song-requests", "ask")
    assert (await peer.dispatched("CHANNEL_CREATE"))["id"] == text["id"]
    category = next(each for each in sandbox.world.guild_channels(LOUNGE) if each.type == 4)
    voice = await ok(
        bot_http,
        "POST",
        f"{GUILD}/channels",
        json={
            "name": "Back Stage",
            "type": 2,
            "bitrate": 96000,
            "user_limit": 5,
            "rtc_region": "rotterdam",
            "parent_id": category.id,
        },
    )
    assert (voice["name"], voice["bitrate"], voice["user_limit"]) == ("Back Stage", 96000, 5)
    edited = await ok(
        bot_http,
        "PATCH",
        f"/channels/{voice['id']}",
        json={"name": "Attic", "nsfw": True, "rate_limit_per_user": 5, "rtc_region": None, "parent_id": None},
    )
    assert (edited["name"], edited["nsfw"], edited["rate_limit_per_user"]) == ("Attic", True, 5)
    assert (edited["rtc_region"], edited["parent_id"], edited["user_limit"]) == (None, None, 5)
    assert (await peer.dispatched("CHANNEL_UPDATE"))["name"] == "Attic"
    places = [{"id": text["id"], "position": 9}, {"id": voice["id"], "position": 8, "parent_id": category.id}]
    await ok(bot_http, "PATCH", f"{GUILD}/channels", json=places)
    assert (await peer.dispatched("CHANNEL_UPDATE"))["position"] == 9
    assert (await peer.dispatched("CHANNEL_UPDATE"))["parent_id"] == category.id
    assert (await ok(bot_http, "DELETE", f"/channels/{text['id']}"))["id"] == text["id"]
    assert (await peer.dispatched("CHANNEL_DELETE"))["id"] == text["id"]
    assert await refused(bot_http, "GET", f"/channels/{text['id']}") == (404, 10003)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x", "type": 99}, "type"),
        ({"name": "x", "topic": "x" * 1025}, "topic"),
        ({"name": "x", "type": 2, "user_limit": 100}, "user_limit"),
        ({"name": "x", "type": 2, "bitrate": 7999}, "bitrate"),
        ({"name": "x", "rate_limit_per_user": 21601}, "rate_limit_per_user"),
        ({"name": "x", "parent_id": "1"}, "parent_id"),
        ({"name": "x", "nsfw": "no"}, "nsfw"),
        ({"name": "x", "permission_overwrites": [{"id": "1", "type": 7}]}, "permission_overwrites"),
    ],
)
async def test_a_channel_that_breaks_a_limit_names_the_field(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, grant: Grant, body: dict[str, Any], field: str
) -> None:
    grant(permissions.MANAGE_CHANNELS)
    before = len(sandbox.world.channels)
    answer = await bot_http.post(f"{GUILD}/channels", json=body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert len(sandbox.world.channels) == before


async def test_overwrites_are_set_one_by_one(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer, grant: Grant
) -> None:
    channel = channel_id(sandbox, "general")
    path = f"/channels/{channel}/permissions"
    closed = {"type": 0, "allow": "0", "deny": str(permissions.SEND_MESSAGES)}
    assert await refused(bot_http, "PUT", f"{path}/{DJ_ROLE}", json=closed) == (403, 50013)
    grant(permissions.MANAGE_ROLES)
    await ok(bot_http, "PUT", f"{path}/{DJ_ROLE}", json=closed)
    await ok(bot_http, "PUT", f"{path}/{MEMBER}", json={"type": 1, "allow": 1024})
    overwrites = (await peer.dispatched("CHANNEL_UPDATE"))["permission_overwrites"]
    assert overwrites == [{"id": DJ_ROLE, **closed}]
    more = {"type": 0, "allow": str(permissions.BAN_MEMBERS)}  # which the bot itself lacks
    assert await refused(bot_http, "PUT", f"{path}/{DJ_ROLE}", json=more) == (403, 50013)
    assert await refused(bot_http, "PUT", f"{path}/1", json={"type": 0}) == (404, 10011)
    await ok(bot_http, "DELETE", f"{path}/{DJ_ROLE}")
    assert await refused(bot_http, "DELETE", f"{path}/{DJ_ROLE}") == (404, 10009)


async def test_roles_are_made_changed_moved_and_deleted(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer, grant: Grant
) -> None:
    assert await refused(bot_http, "POST", f"{GUILD}/roles", json={}) == (403, 50013)
    grant(permissions.MANAGE_ROLES)
    plain = await ok(bot_http, "POST", f"{GUILD}/roles", json={})
    assert (plain["name"], plain["position"]) == ("new role", 1)
    assert (await peer.dispatched("GUILD_ROLE_CREATE"))["role"]["id"] == plain["id"]
    wanted = {"name": "Regulars", "color": 255, "hoist": True, "mentionable": True, "permissions": "2048"}
    regulars = await ok(bot_http, "POST", f"{GUILD}/roles", json=wanted)
    assert {key: regulars[key] for key in wanted} == wanted
    path = f"{GUILD}/roles/{regulars['id']}"
    edited = await ok(bot_http, "PATCH", path, json={"name": "Guests", "colors": {"primary_color": 7}})
    assert (edited["name"], edited["color"], edited["hoist"]) == ("Guests", 7, True)
    swapped = [{"id": plain["id"], "position": 1}, {"id": regulars["id"], "position": 2}]
    listed = await ok(bot_http, "PATCH", f"{GUILD}/roles", json=swapped)
    order = ["@everyone", "new role", "Guests", "Backline", "DJ"]
    assert [role["name"] for role in listed] == order
    await ok(bot_http, "PUT", f"{GUILD}/members/{MEMBER}/roles/{regulars['id']}")
    assert (await peer.dispatched("GUILD_MEMBER_UPDATE"))["roles"] == [regulars["id"]]
    assert (await ok(bot_http, "GET", f"{GUILD}/roles/member-counts"))[regulars["id"]] == 1
    await ok(bot_http, "DELETE", path)
    assert (await peer.dispatched("GUILD_ROLE_DELETE"))["role_id"] == regulars["id"]
    assert sandbox.world.members[LOUNGE, MEMBER].roles == []


async def test_a_bot_stays_below_its_own_role(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, grant: Grant
) -> None:
    grant(permissions.MANAGE_ROLES | permissions.MANAGE_NICKNAMES | permissions.KICK_MEMBERS)
    for request in (
        ("PATCH", f"{GUILD}/roles/{DJ_ROLE}", {"name": "x"}),
        ("PATCH", f"{GUILD}/roles/{BOT_ROLE}", {"name": "x"}),
        ("DELETE", f"{GUILD}/roles/{DJ_ROLE}", None),
        ("PATCH", f"{GUILD}/roles", [{"id": DJ_ROLE, "position": 1}]),
        ("PUT", f"{GUILD}/members/{MEMBER}/roles/{DJ_ROLE}", None),
        ("PATCH", f"{GUILD}/members/{MEMBER}", {"roles": [DJ_ROLE]}),
        ("PATCH", f"{GUILD}/members/{DJ}", {"nick": "x"}),
        ("PATCH", f"{GUILD}/members/{OWNER}", {"nick": "x"}),
        ("DELETE", f"{GUILD}/members/{DJ}", None),
        ("POST", f"{GUILD}/roles", {"permissions": str(permissions.BAN_MEMBERS)}),
    ):
        method, path, body = request
        assert await refused(bot_http, method, path, json=body) == (403, 50013), request


async def test_the_bot_names_itself(sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer) -> None:
    assert (await ok(bot_http, "PATCH", f"{GUILD}/members/@me", json={"nick": "Jukebox"}))[
        "nick"
    ] == "Jukebox"
    notice = await peer.dispatched("GUILD_MEMBER_UPDATE")
    assert (notice["user"]["id"], notice["nick"]) == (sandbox.world.bot_id, "Jukebox")
    assert (await ok(bot_http, "PATCH", f"{GUILD}/members/@me", json={"nick": None}))["nick"] is None
    assert await refused(bot_http, "PATCH", f"{GUILD}/members/@me", json={"nick": "x" * 33}) == (400, 50035)
    sandbox.world.roles[LOUNGE].permissions &= ~permissions.CHANGE_NICKNAME
    assert await refused(bot_http, "PATCH", f"{GUILD}/members/@me", json={"nick": "x"}) == (403, 50013)


async def test_members_are_named_silenced_kicked_and_banned(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer, grant: Grant
) -> None:
    path = f"{GUILD}/members/{MEMBER}"
    grant(permissions.MANAGE_NICKNAMES | permissions.MODERATE_MEMBERS)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    edited = await ok(bot_http, "PATCH", path, json={"nick": "In", "communication_disabled_until": until})
    assert (edited["nick"], edited["communication_disabled_until"][:16]) == ("In", until[:16])
    assert (await peer.dispatched("GUILD_MEMBER_UPDATE"))["nick"] == "In"
    late = (datetime.now(UTC) + timedelta(days=29)).isoformat()
    assert await refused(bot_http, "PATCH", path, json={"communication_disabled_until": late}) == (400, 50035)
    assert await refused(bot_http, "DELETE", path) == (403, 50013)
    grant(permissions.KICK_MEMBERS | permissions.BAN_MEMBERS)
    for itself in ("members", "bans"):
        method = "DELETE" if itself == "members" else "PUT"
        assert await refused(bot_http, method, f"{GUILD}/{itself}/{sandbox.world.bot_id}") == (403, 50013)
    await ok(bot_http, "DELETE", path)
    assert (await peer.dispatched("GUILD_MEMBER_REMOVE"))["user"]["id"] == MEMBER
    assert await refused(bot_http, "GET", path) == (404, 10007)
    ban = f"{GUILD}/bans/{OUTSIDER}"
    assert await refused(bot_http, "GET", ban) == (404, 10026)
    await ok(bot_http, "PUT", ban, json={}, headers={"X-Audit-Log-Reason": "noise"})
    assert (await peer.dispatched("GUILD_BAN_ADD"))["user"]["id"] == OUTSIDER
    assert (await ok(bot_http, "GET", ban))["reason"] == "noise"
    assert len(await ok(bot_http, "GET", f"{GUILD}/bans")) == 1
    await ok(bot_http, "DELETE", ban)
    assert (await peer.dispatched("GUILD_BAN_REMOVE"))["user"]["id"] == OUTSIDER


async def test_members_in_voice_are_muted_moved_and_disconnected(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer, grant: Grant
) -> None:
    path, back = f"{GUILD}/members/{MEMBER}", channel_id(sandbox, "Back room")
    assert await refused(bot_http, "PATCH", path, json={"mute": True}) == (403, 50013)
    grant(permissions.MUTE_MEMBERS | permissions.DEAFEN_MEMBERS | permissions.MOVE_MEMBERS)
    muted = await ok(bot_http, "PATCH", path, json={"mute": True, "deaf": True})
    assert (muted["mute"], muted["deaf"]) == (True, True)
    assert (await peer.dispatched("VOICE_STATE_UPDATE"))["mute"] is True
    await ok(bot_http, "PATCH", path, json={"channel_id": back})
    assert (await peer.dispatched("VOICE_STATE_UPDATE"))["channel_id"] == back
    await ok(bot_http, "PATCH", path, json={"channel_id": None})
    assert (await peer.dispatched("VOICE_STATE_UPDATE"))["channel_id"] is None
    assert await refused(bot_http, "PATCH", path, json={"channel_id": back}) == (400, 40032)


async def test_the_guild_is_renamed(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer, grant: Grant
) -> None:
    assert await refused(bot_http, "PATCH", GUILD, json={"name": "Lounge"}) == (403, 50013)
    grant(permissions.MANAGE_GUILD)
    assert (await ok(bot_http, "PATCH", GUILD, json={"name": "Lounge"}))["name"] == "Lounge"
    assert (await peer.dispatched("GUILD_UPDATE"))["name"] == "Lounge"


async def test_messages_are_deleted_in_bulk(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer, grant: Grant
) -> None:
    channel = channel_id(sandbox, "general")
    path = f"/channels/{channel}/messages"
    ids = [(await ok(bot_http, "POST", path, json={"content": str(n)}))["id"] for n in range(3)]
    bulk = f"{path}/bulk-delete"
    assert await refused(bot_http, "POST", bulk, json={"messages": ids}) == (403, 50013)
    grant(permissions.MANAGE_MESSAGES)
    for few in ([], ids[:1], ids[:1] * 2):
        assert await refused(bot_http, "POST", bulk, json={"messages": few}) == (400, 50016)
    old = str((int(datetime.now(UTC).timestamp() * 1000) - EPOCH_MS - 15 * 86_400_000) << 22)
    sandbox.world.messages[old] = Message(old, channel, sandbox.world.bot_id, "old", created_at="")
    assert await refused(bot_http, "POST", bulk, json={"messages": [old, *ids]}) == (400, 50034)
    await ok(bot_http, "POST", bulk, json={"messages": [*ids[:2], str(int(ids[0]) + 1)]})
    notice = await peer.dispatched("MESSAGE_DELETE_BULK")
    assert notice == {"ids": ids[:2], "channel_id": channel, "guild_id": LOUNGE}
    assert set(sandbox.world.messages) == {old, ids[2]}


async def test_an_announcement_is_crossposted_once(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    paths = [f"/channels/{channel_id(sandbox, name)}/messages" for name in ("news", "general")]
    news, general = [
        f"{path}/{(await ok(bot_http, 'POST', path, json={'content': 'x'}))['id']}/crosspost"
        for path in paths
    ]
    assert (await ok(bot_http, "POST", news))["flags"] == 1
    assert await refused(bot_http, "POST", news) == (400, 40033)
    assert await refused(bot_http, "POST", general) == (400, 50024)


async def test_typing_is_told(sandbox: Sandbox, bot_http: httpx.AsyncClient, peer: Peer) -> None:
    channel = channel_id(sandbox, "general")
    await ok(bot_http, "POST", f"/channels/{channel}/typing")
    notice = await peer.dispatched("TYPING_START")
    assert (notice["channel_id"], notice["user_id"]) == (channel, sandbox.world.bot_id)
