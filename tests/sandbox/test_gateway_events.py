"""Which events the gateway sends to whom, by intents and permissions."""

from typing import Any

import httpx
import pytest

from sandbox.model import Overwrite
from sandbox.permissions import READ_MESSAGE_HISTORY
from sandbox.seed import DJ, DJ_ROLE, LOUNGE, OUTSIDER, OWNER
from sandbox.server import Sandbox

from .conftest import channel_id
from .peers import dial


@pytest.mark.parametrize(
    ("kind", "intent", "flag"), [("members_intent", 1 << 1, 1 << 15), ("content_intent", 1 << 15, 1 << 19)]
)
async def test_a_privileged_intent_has_a_switch(
    sandbox: Sandbox, http: httpx.AsyncClient, kind: str, intent: int, flag: int
) -> None:
    order = {"kind": kind, "granted": False}
    assert (await http.post("/_sandbox/faults", json=order)).status_code == 200
    async with dial(sandbox) as peer:
        await peer.identify(intents=intent)
        assert await peer.close_code() == 4014
    async with dial(sandbox) as peer:
        await peer.identify(intents=1 << 0)
        ready = (await peer.hear_until("READY"))[-1]["d"]
        assert not ready["application"]["flags"] & flag
    await http.post("/_sandbox/faults", json=order | {"granted": True})
    async with dial(sandbox) as peer:
        await peer.identify(intents=intent)
        assert (await peer.hear_until("READY"))[-1]["d"]["application"]["flags"] & flag


async def test_with_the_message_content_intent_messages_have_their_content(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    general = channel_id(sandbox, "general")
    sentence = {"user": "member", "channel_id": general, "content": "psst"}
    async with dial(sandbox) as peer:
        await peer.identify(intents=1 << 9 | 1 << 15)
        await peer.hear_until("READY")
        await http.post("/_sandbox/messages", json=sentence)
        assert (await peer.hear())["d"]["content"] == "psst"
    read = f"/channels/{general}/messages"
    await bot_http.post(read, json={"content": "mine"})
    assert [each["content"] for each in (await bot_http.get(read)).json()] == ["mine", "psst"]
    sandbox.world.content_intent = False  # then REST leaves it out too
    await http.post("/_sandbox/messages", json=sentence | {"content": f"<@{sandbox.world.bot_id}> hello"})
    contents = [each["content"] for each in (await bot_http.get(read)).json()]
    assert contents == [f"<@{sandbox.world.bot_id}> hello", "mine", ""]


async def test_pins_and_new_members_are_announced_by_system_messages(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    general = channel_id(sandbox, "general")
    sentence = {"user": "member", "channel_id": general, "content": "psst"}
    message = (await http.post("/_sandbox/messages", json=sentence)).json()
    pin = {"user": "owner", "message_id": message["id"]}
    async with dial(sandbox) as peer:
        await peer.identify(intents=1 << 9 | 1 << 15)
        await peer.hear_until("READY")
        assert (await http.post("/_sandbox/messages/pin", json=pin)).status_code == 200
        notice = (await peer.hear_until("MESSAGE_CREATE"))[-1]["d"]
        assert (notice["type"], notice["author"]["id"]) == (6, OWNER)
        change = {"change": "add_member", "user_id": OUTSIDER}
        await http.post(f"/_sandbox/guilds/{LOUNGE}", json=change)
        welcome = (await peer.hear_until("MESSAGE_CREATE"))[-1]["d"]
        assert (welcome["type"], welcome["author"]["id"], welcome["channel_id"]) == (7, OUTSIDER, general)
        edit = {"user": "member", "message_id": message["id"], "content": "louder"}
        await http.post("/_sandbox/messages/edit", json=edit)
        assert (await peer.hear_until("MESSAGE_UPDATE"))[-1]["d"]["content"] == "louder"
    reply = {"content": "no", "message_reference": {"message_id": notice["id"]}}
    assert (await bot_http.post(f"/channels/{general}/messages", json=reply)).json()["code"] == 50035


async def test_a_reply_needs_read_message_history(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    general = channel_id(sandbox, "general")
    sentence = {"user": "member", "channel_id": general, "content": "psst"}
    message = (await http.post("/_sandbox/messages", json=sentence)).json()
    sandbox.world.channels[general].overwrites = [Overwrite(LOUNGE, 0, 0, READ_MESSAGE_HISTORY)]
    reply = {"content": "no", "message_reference": {"message_id": message["id"]}}
    assert (await bot_http.post(f"/channels/{general}/messages", json=reply)).json()["code"] == 160002


async def test_without_the_members_intent_a_bot_hears_of_itself_only(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    bot = sandbox.world.bot_id
    async with dial(sandbox) as peer:
        await peer.identify(intents=1 << 0)
        await peer.hear_until("GUILD_CREATE")
        for user in (DJ, bot):
            change = {"change": "edit_member", "user_id": user, "nick": "Nick"}
            assert (await http.post(f"/_sandbox/guilds/{LOUNGE}", json=change)).status_code == 200
        heard = await peer.hear()
        assert (heard["t"], heard["d"]["user"]["id"]) == ("GUILD_MEMBER_UPDATE", bot)


async def test_events_follow_the_intents(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    async with dial(sandbox) as peer:
        await peer.identify(intents=1 << 9)
        await peer.hear_until("READY")
        general = channel_id(sandbox, "general")
        await http.post(
            "/_sandbox/voice-state", json={"user": "dj", "channel_id": channel_id(sandbox, "Back room")}
        )
        sentence = {"user": "member", "channel_id": general, "content": "psst"}
        assert (await http.post("/_sandbox/messages", json=sentence)).status_code == 200
        event = await peer.hear()
        assert (event["t"], event["d"]["content"]) == ("MESSAGE_CREATE", "")  # no message content intent
        mention = sentence | {"content": f"<@{sandbox.world.bot_id}> hello"}
        await http.post("/_sandbox/messages", json=mention)
        assert (await peer.hear())["d"]["content"].endswith("hello")
        own = (await bot_http.post(f"/channels/{general}/messages", json={"content": "mine"})).json()
        assert (await peer.hear())["d"]["content"] == "mine"
        await bot_http.delete(f"/channels/{general}/messages/{own['id']}")
        assert await peer.hear() == {
            "op": 0,
            "t": "MESSAGE_DELETE",
            "s": 5,
            "d": {"id": own["id"], "channel_id": general, "guild_id": LOUNGE},
        }


async def test_changes_of_a_guild_are_told_as_they_are_made(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    async with dial(sandbox) as peer:
        await peer.identify()
        await peer.hear_until("GUILD_CREATE")

        async def change(change: str, event: str, /, **fields: Any) -> dict[str, Any]:
            answer = await http.post(f"/_sandbox/guilds/{LOUNGE}", json={"change": change, **fields})
            assert answer.status_code == 200, answer.text
            await peer.hear_until(event)
            return dict(answer.json())

        await change("rename", "GUILD_UPDATE", name="Lounge")
        assert (await change("transfer", "GUILD_UPDATE", user_id=DJ))["owner_id"] == DJ
        channel = await change("add_channel", "CHANNEL_CREATE", name="late", type=2)
        await change("edit_channel", "CHANNEL_UPDATE", channel_id=channel["id"], name="later")
        closed = {"id": LOUNGE, "type": 0, "allow": "0", "deny": "1024"}
        edited = await change("edit_channel", "CHANNEL_UPDATE", channel_id=channel["id"], overwrites=[closed])
        assert edited["permission_overwrites"] == [closed]
        await http.post("/_sandbox/voice-state", json={"user": "dj", "channel_id": channel["id"]})
        await change("delete_channel", "CHANNEL_DELETE", channel_id=channel["id"])
        assert DJ not in {state.user_id for state in sandbox.world.voice_states.values()}
        role = await change("add_role", "GUILD_ROLE_CREATE", name="Regular", permissions="2048")
        await change("edit_role", "GUILD_ROLE_UPDATE", role_id=role["id"], color=255)
        await change("add_member", "GUILD_MEMBER_ADD", user_id=OUTSIDER, roles=[role["id"]])
        await change("delete_role", "GUILD_ROLE_DELETE", role_id=role["id"])
        edited = await change(
            "edit_member", "GUILD_MEMBER_UPDATE", user_id=OUTSIDER, roles=[DJ_ROLE], nick="J"
        )
        assert (edited["roles"], edited["nick"]) == ([DJ_ROLE], "J")
        await change("remove_member", "GUILD_MEMBER_REMOVE", user_id=OUTSIDER)
