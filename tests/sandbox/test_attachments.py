"""Files of messages and of commands: who gets them, and how long their links work."""

import asyncio
from typing import Any

import httpx
import nextcord
import pytest
from nextcord import Interaction, SlashOption

from sandbox import actions, permissions
from sandbox.attachments import GONE
from sandbox.images import size_of_image
from sandbox.links import VALID_SECONDS
from sandbox.model import Overwrite
from sandbox.seed import DJ, LOUNGE, MEMBER
from sandbox.server import Sandbox
from tests.waiting import eventually

from .conftest import Connect, channel_id, ok, refused
from .peers import Peer, listening

TUNE = ("Über uns (live).ogg", b"OggS...", "audio/ogg")
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (640).to_bytes(4) + (480).to_bytes(4)


async def upload(http: httpx.AsyncClient, user: str, file: tuple[str, bytes, str] = TUNE) -> str:
    answer = await http.post("/_sandbox/uploads", data={"user": user}, files={"file": file})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def send(
    sandbox: Sandbox, http: httpx.AsyncClient, user: str, *ids: str, **more: Any
) -> dict[str, Any]:
    body = {"user": user, "channel_id": channel_id(sandbox, "general"), "attachments": list(ids)} | more
    answer = await http.post("/_sandbox/messages", json=body)
    assert answer.status_code == 200, answer.text
    message: dict[str, Any] = answer.json()
    return message


async def later(http: httpx.AsyncClient, seconds: float) -> None:
    await http.post("/_sandbox/faults", json={"kind": "cdn_clock", "seconds": seconds})


async def gone(http: httpx.AsyncClient, url: str) -> bool:
    answer = await http.get(url)
    assert (answer.status_code, answer.text) in [(404, GONE), (200, TUNE[1].decode())]
    return answer.status_code == 404


async def refreshed(bot_http: httpx.AsyncClient, url: str) -> str:
    answer = await ok(bot_http, "POST", "/attachments/refresh-urls", json={"attachment_urls": [url]})
    [found] = answer["refreshed_urls"]
    assert found["original"] == url
    return str(found["refreshed"])


async def test_links_expire_and_are_signed_anew_with_each_message(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    message = await send(sandbox, http, "member", await upload(http, "member"))
    [file] = message["attachments"]
    assert file | {"url": "", "proxy_url": ""} == {
        "id": file["id"], "filename": "_ber_uns__live_.ogg", "title": "Über uns (live)", "size": 7,
        "content_type": "audio/ogg", "url": "", "proxy_url": "",
    }  # fmt: skip
    url = httpx.URL(file["url"])
    assert int(url.params["ex"], 16) - int(url.params["is"], 16) == VALID_SECONDS
    assert not await gone(http, file["url"])
    part = await http.get(file["url"], headers={"Range": "bytes=4-"})
    assert (part.status_code, part.content) == (206, b"...")

    await later(http, VALID_SECONDS + 1)
    assert await gone(http, file["url"])
    path = f"/channels/{message['channel_id']}/messages/{message['id']}"
    assert not await gone(http, (await ok(bot_http, "GET", path))["attachments"][0]["url"])
    again = await refreshed(bot_http, f"{file['url']}&size=1")
    assert "size=1&ex=" in again
    assert not await gone(http, again)
    actions.delete_message(sandbox.world, sandbox.world.messages[message["id"]])
    assert await gone(http, again)


async def test_a_link_that_was_tampered_with_leads_nowhere(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    [file] = (await send(sandbox, http, "member", await upload(http, "member")))["attachments"]
    url = httpx.URL(file["url"])
    for changed in (
        url.copy_with(query=None),
        url.copy_remove_param("hm"),
        url.copy_set_param("hm", "0" * 64),
        url.copy_set_param("hm", "é"),
        url.copy_set_param("ex", "ffffffff"),
        url.copy_with(path=url.path.replace(".ogg", ".mp3")),
    ):
        assert await gone(http, str(changed))
    assert not await gone(http, str(url))


async def test_refreshing_takes_links_to_attachments_only(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    [file] = (await send(sandbox, http, "member", await upload(http, "member")))["attachments"]
    bare, other = file["url"].partition("?")[0], file["url"].replace(".ogg", ".mp3")
    assert not await gone(http, await refreshed(bot_http, bare))
    assert await gone(http, await refreshed(bot_http, other))
    for urls in ([], [bare] * 51, ["https://x.example/attachments/1/2/a.ogg"], [None], "x", None):
        request = {"json": {"attachment_urls": urls}}
        assert await refused(bot_http, "POST", "/attachments/refresh-urls", **request) == (400, 50035)


async def test_a_message_may_have_ten_files_of_its_author(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    mine, picture = await upload(http, "member"), await upload(http, "member", ("a.png", PNG, "image/png"))
    message = await send(sandbox, http, "member", mine, picture, content="two")
    assert [each.get("width") for each in message["attachments"]] == [None, 640]
    place = {"channel_id": channel_id(sandbox, "general"), "content": "x"}
    theirs = await upload(http, "dj")
    for body in (
        {"user": "member", "attachments": [theirs]},  # somebody else's
        {"user": "member", "attachments": [mine]},  # already sent
        {"user": "dj", "attachments": [theirs] * 11},
        {"user": "dj", "attachments": theirs},
        {"user": "dj", "content": "", "attachments": []},
    ):
        answer = await http.post("/_sandbox/messages", json=place | body)
        assert answer.status_code in (400, 404), answer.text
    denied = Overwrite(LOUNGE, 0, 0, permissions.ATTACH_FILES)
    sandbox.world.channels[channel_id(sandbox, "general")].overwrites.append(denied)
    answer = await http.post("/_sandbox/messages", json=place | {"user": "dj", "attachments": [theirs]})
    assert (answer.status_code, answer.json()["code"]) == (403, "DISCORD_50013")
    big = ("a.wav", b"\0" * (10 * 1024 * 1024 + 1), "audio/wav")
    answer = await http.post("/_sandbox/uploads", data={"user": "dj"}, files={"file": big})
    assert (answer.status_code, answer.json()["code"]) == (413, "DISCORD_40005")
    assert (await http.post("/_sandbox/uploads", data={"user": "dj"})).status_code == 400
    answer = await http.post("/_sandbox/uploads", data={"payload_json": "[]"}, files={"file": TUNE})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")


async def test_a_bot_may_send_ten_files(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    path = f"/channels/{channel_id(sandbox, 'general')}/messages"
    files = [(f"files[{number}]", TUNE) for number in range(11)]
    assert await refused(bot_http, "POST", path, files=files) == (400, 50035)
    assert len((await ok(bot_http, "POST", path, files=files[1:]))["attachments"]) == 10


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (PNG, {"width": 640, "height": 480}),
        (b"GIF89a\x02\x01\x03\x00", {"width": 258, "height": 3}),
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xc2\0\x0b\x08\x01\xe0\x02\x80", {"width": 640, "height": 480}),
        (b"\xff\xd8\xff\xe0\0\x04", {}),
        (b"\xff\xd8", {}),
        (PNG[:20], {}),
        (b"OggS", {}),
    ],
)
def test_pictures_are_measured(content: bytes, size: dict[str, int]) -> None:
    assert size_of_image(content) == size


# --- Commands ---


MENUS = [
    {"name": "play", "description": "Play", "options": [{"type": 11, "name": "file", "description": "File"}]},
    {"name": "Add to queue", "type": 3, "contexts": [0], "integration_types": [0]},
    {"name": "Add to queue", "type": 2},
]


@pytest.fixture
async def menus(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> list[dict[str, Any]]:
    path = f"/applications/{sandbox.credentials.client_id}/commands"
    found: list[dict[str, Any]] = await ok(bot_http, "PUT", path, json=MENUS)
    return found


async def use(sandbox: Sandbox, http: httpx.AsyncClient, **order: Any) -> httpx.Response:
    place = {"user": "member", "guild_id": LOUNGE, "channel_id": channel_id(sandbox, "general")}
    return await http.post("/_sandbox/interactions", json=place | order)


async def reply(bot_http: httpx.AsyncClient, notice: dict[str, Any], **data: Any) -> None:
    callback = f"/interactions/{notice['id']}/{notice['token']}/callback"
    answer = await bot_http.post(callback, json={"type": 4, "data": {"content": "ok"} | data})
    assert answer.status_code == 204, answer.text


async def test_a_file_of_a_command_is_gone_after_a_day(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient, menus: list[Any]
) -> None:
    async with listening(sandbox, 1) as peer:
        file = await upload(http, "member")
        using = asyncio.create_task(use(sandbox, http, command="play", options={"file": file}))
        notice = await peer.dispatched("INTERACTION_CREATE")
        await reply(bot_http, notice)
        assert (await using).json()["type"] == 20
    assert notice["data"]["options"] == [{"type": 11, "name": "file", "value": file}]
    offered = notice["data"]["resolved"]["attachments"][file]
    assert (offered["ephemeral"], offered["title"]) == (True, "Über uns (live)")
    assert f"/ephemeral-attachments/{sandbox.world.bot_id}/{file}/" in offered["url"]
    assert not await gone(http, offered["url"])
    again = await refreshed(bot_http, offered["url"])
    await later(http, VALID_SECONDS - 10)
    assert not await gone(http, again)
    await later(http, VALID_SECONDS + 10)
    assert await gone(http, await refreshed(bot_http, offered["url"]))


async def test_a_command_takes_only_the_types_of_files_that_it_names(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    path = f"/applications/{sandbox.credentials.client_id}/commands"
    option = {"type": 11, "name": "file", "description": "d", "file_types": ["audio", ".m3u8"]}
    play = {"name": "play", "description": "d", "options": [option]}
    answer = await bot_http.put(path, json=[play])
    assert answer.status_code == 200
    assert answer.json()[0]["options"][0]["file_types"] == ["audio", ".m3u8"]
    for name, kind, fits in (
        ("a.ogg", "audio/ogg", True), ("LIST.M3U8", "application/vnd.apple.mpegurl", True),
        ("a.png", "image/png", False), ("m3u8", "text/plain", False), ("a.m3u8.txt", "text/plain", False),
    ):  # fmt: skip
        file = await upload(http, "member", (name, b"content", kind))
        used = await use(sandbox, http, command="play", options={"file": file})
        # No bot is connected, so a command that is accepted is not answered.
        assert used.status_code == (504 if fits else 400), name
    for wrong in ([], ["audio"] * 11, "audio", ["sound"], ["mp3"], ["."], [1]):
        refused_one = await bot_http.put(path, json=[play | {"options": [option | {"file_types": wrong}]}])
        assert (refused_one.status_code, refused_one.json()["code"]) == (400, 50035), wrong
    text = {"type": 3, "name": "words", "description": "d", "file_types": ["audio"]}
    assert (await bot_http.put(path, json=[play | {"options": [text]}])).status_code == 400


async def test_only_an_upload_of_ones_own_is_a_file(
    sandbox: Sandbox, http: httpx.AsyncClient, menus: list[Any]
) -> None:
    for given in (await upload(http, "dj"), "1", 1, ["1"]):
        assert (await use(sandbox, http, command="play", options={"file": given})).status_code in (400, 404)


async def test_menus_show_the_bot_the_message_or_the_user(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient, menus: list[Any]
) -> None:
    sentence = await send(
        sandbox, http, "dj", await upload(http, "dj"), content="listen to <https://x.example/>"
    )
    async with listening(sandbox, 1) as peer:  # without the message content intent

        async def notice(target: str) -> tuple[dict[str, Any], dict[str, Any]]:
            using = asyncio.create_task(use(sandbox, http, command="Add to queue", target_id=target))
            heard = await peer.dispatched("INTERACTION_CREATE")
            await reply(bot_http, heard)
            return heard, (await using).json()

        heard, answer = await notice(sentence["id"])
        data = heard["data"]
        assert (data["type"], data["target_id"], data["id"]) == (3, sentence["id"], menus[1]["id"])
        found = data["resolved"]["messages"][sentence["id"]]
        assert found["content"] == sentence["content"]
        assert not await gone(http, found["attachments"][0]["url"])
        assert (answer["type"], answer["interaction"]["name"]) == (23, "Add to queue")
        assert answer["interaction_metadata"]["target_message_id"] == sentence["id"]
        path = f"/channels/{sentence['channel_id']}/messages/{answer['id']}"
        assert (await ok(bot_http, "GET", path))["type"] == 23  # as Discord's OpenAPI document has it

        heard, answer = await notice(DJ)
        assert (heard["data"]["type"], heard["data"]["id"]) == (2, menus[2]["id"])
        assert heard["data"]["resolved"]["users"][DJ]["username"] == "dj"
        assert "permissions" in heard["data"]["resolved"]["members"][DJ]
        assert answer["interaction_metadata"]["target_user"]["id"] == DJ
        await ok(bot_http, "GET", f"/channels/{sentence['channel_id']}/messages/{answer['id']}")


async def test_menus_refuse_what_the_person_cannot_see(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient, menus: list[Any], peer: Peer
) -> None:
    using = asyncio.create_task(use(sandbox, http, command="play"))
    await reply(bot_http, await peer.dispatched("INTERACTION_CREATE"), flags=64)
    whispered = (await using).json()["id"]
    music = await send(sandbox, http, "dj", channel_id=channel_id(sandbox, "music"), content="x")
    for order in (
        {"command": "Add to queue", "target_id": whispered},
        {"command": "Add to queue", "target_id": music["id"]},  # in another channel
        {"command": "Add to queue", "target_id": "1"},
        {"command": "play", "target_id": DJ},  # not in any menu
        {"command": "Add to queue"},  # not a slash command
    ):
        assert (await use(sandbox, http, **order)).status_code == 404


async def test_commands_are_checked_when_all_are_replaced(
    sandbox: Sandbox, bot_http: httpx.AsyncClient
) -> None:
    path = f"/applications/{sandbox.credentials.client_id}/commands"
    completed = {"type": 11, "name": "f", "description": "d", "autocomplete": True}
    for command, field in (
        ({"type": 3, "description": "Words"}, "description"),
        ({"type": 2, "options": [{"type": 3, "name": "a", "description": "b"}]}, "options"),
        ({"type": 3, "name": "x" * 33}, "name"),
        ({"type": 3, "contexts": [3]}, "contexts"),
        ({"type": 3, "contexts": []}, "contexts"),
        ({"type": 3, "integration_types": [0, 0]}, "integration_types"),
        ({"type": 3, "default_member_permissions": "all"}, "default_member_permissions"),
        ({"type": 4}, "type"),
        ({"description": "d", "options": [completed]}, "options"),
    ):
        answer = await bot_http.put(
            path, json=[{"name": "fine", "description": "d"}, {"name": "a"} | command]
        )
        assert (answer.status_code, answer.json()["code"]) == (400, 50035)
        assert set(answer.json()["errors"]["1"]) == {field}


async def test_fifteen_commands_fit_into_a_menu(sandbox: Sandbox, bot_http: httpx.AsyncClient) -> None:
    path = f"/applications/{sandbox.credentials.client_id}/commands"
    many = [{"name": f"Menu {number}", "type": 3} for number in range(16)]
    assert await refused(bot_http, "PUT", path, json=many) == (400, 30032)
    assert len(await ok(bot_http, "PUT", path, json=many[1:])) == 15


@pytest.fixture
async def peer(sandbox: Sandbox) -> Any:
    async with listening(sandbox, 1) as listener:
        yield listener


def make_bot() -> nextcord.Client:
    # With a cache, nextcord shows commands the message as the gateway sent it: without content.
    client = nextcord.Client(guild_ready_timeout=0.2, max_messages=None)

    @client.slash_command(description="Play")
    async def play(
        interaction: Interaction[Any],
        file: nextcord.Attachment = SlashOption(description="File", required=False),
    ) -> None:
        await interaction.response.send_message(f"{file.filename}: {await file.read()!r}")

    @client.message_command(name="Add to queue")
    async def add(interaction: Interaction[Any], message: nextcord.Message) -> None:
        [file] = message.attachments
        await interaction.response.send_message(f"{message.content}: {await file.read()!r}")

    @client.user_command(name="Whose")
    async def whose(interaction: Interaction[Any], member: nextcord.Member) -> None:
        await interaction.response.send_message(f"{member.display_name} of {member.guild.name}")

    return client


async def test_nextcord_reads_files_and_menus(
    sandbox: Sandbox, http: httpx.AsyncClient, connect: Connect
) -> None:
    async with connect(make_bot()):
        await eventually(lambda: len(sandbox.world.commands) == 3)
        played = await use(sandbox, http, command="play", options={"file": await upload(http, "member")})
        assert played.json()["content"] == "_ber_uns__live_.ogg: b'OggS...'"
        sentence = await send(sandbox, http, "dj", await upload(http, "dj"), content="this")
        added = await use(sandbox, http, command="Add to queue", target_id=sentence["id"])
        assert added.json()["content"] == "this: b'OggS...'"
        answer = await use(sandbox, http, command="Whose", target_id=MEMBER)
        assert answer.json()["content"] == "Ines of Sandbox Lounge"
