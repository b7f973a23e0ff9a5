"""Message bodies as libraries send them: JSON, forms with and without content types, and both names for files."""

import json
from typing import Any

import httpx
import pytest

from sandbox import permissions
from sandbox.model import Overwrite
from sandbox.seed import LOUNGE
from sandbox.server import Sandbox
from tests.sandbox.conftest import channel_id, ok, refused

SAID = {"content": "hi", "embeds": [{"title": "a tune"}]}
TEXT = json.dumps(SAID)
FILE = ("tune.ogg", b"OggS", "audio/ogg")


@pytest.mark.parametrize(
    ("body", "files"),
    [
        ({"json": SAID}, []),
        ({"content": TEXT, "headers": {"Content-Type": "application/json; charset=utf-8"}}, []),
        ({"content": TEXT}, []),
        ({"data": {"payload_json": TEXT}}, []),
        ({"data": {"content": "overruled", "payload_json": TEXT}}, []),
        ({"files": {"payload_json": (None, TEXT)}}, []),
        ({"files": {"payload_json": (None, TEXT, "application/json")}}, []),
        ({"files": {"payload_json": ("blob", TEXT, "application/json")}}, []),
        ({"files": {"payload_json": (None, TEXT, "application/json"), "files[0]": FILE}}, ["tune.ogg"]),
        ({"files": {"payload_json": (None, TEXT), "file": FILE}}, ["tune.ogg"]),
        ({"files": [("file0", FILE), ("file1", FILE), ("payload_json", (None, TEXT))]}, ["tune.ogg"] * 2),
    ],
)
async def test_a_message_may_come_in_any_kind_of_body(
    bot_http: httpx.AsyncClient, general: str, body: dict[str, Any], files: list[str]
) -> None:
    sent = await ok(bot_http, "POST", general, **body)
    assert (sent["content"], sent["embeds"][0]["title"]) == ("hi", "a tune")
    assert [each["filename"] for each in sent["attachments"]] == files
    edited = await ok(bot_http, "PATCH", f"{general}/{sent['id']}", **body)
    assert [each["filename"] for each in edited["attachments"]] == files * 2


async def test_a_form_without_a_payload_is_one_itself(bot_http: httpx.AsyncClient, general: str) -> None:
    plain = await ok(bot_http, "POST", general, data={"content": "true", "tts": "false"})
    assert (plain["content"], plain["tts"]) == ("true", False)
    spoken = {"content": (None, "aloud"), "tts": (None, "true"), "file": FILE}
    sent = await ok(bot_http, "POST", general, files=spoken)
    assert (sent["content"], sent["tts"], len(sent["attachments"])) == ("aloud", True, 1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 50109),
        ({"content": b"\xff", "headers": {"Content-Type": "application/json"}}, 50109),
        ({"json": ["content"]}, 50035),
        ({"content": b"", "headers": {"Content-Type": "application/json"}}, 50006),
        ({"data": {"payload_json": "{"}}, 50109),
        ({"data": {"payload_json": "[]"}}, 50035),
        ({"files": {"payload_json": (None, "{", "application/json")}}, 50109),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}, 50035),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 50035),
        ({"json": {"content": "x", "attachments": "none"}}, 50035),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    bot_http: httpx.AsyncClient, general: str, body: dict[str, Any], code: int
) -> None:
    assert await refused(bot_http, "POST", general, **body) == (400, code)


async def test_files_are_named_and_described_by_the_payload(
    bot_http: httpx.AsyncClient, general: str
) -> None:
    listed = [{"id": "7", "filename": "b.ogg", "description": "seven"}, {"id": 0, "title": "nought"}]
    files = [
        ("payload_json", (None, json.dumps({"attachments": listed}), "application/json")),
        ("files[0]", FILE),
        ("files[7]", FILE),
    ]
    first, second = (await ok(bot_http, "POST", general, files=files))["attachments"]
    assert (first["filename"], first["title"], first.get("description")) == ("tune.ogg", "nought", None)
    assert (second["filename"], second["description"]) == ("b.ogg", "seven")


async def test_an_edit_keeps_the_files_it_lists(bot_http: httpx.AsyncClient, general: str) -> None:
    three = [(f"files[{index}]", (f"{index}.ogg", b"OggS", "audio/ogg")) for index in range(3)]
    sent = await ok(bot_http, "POST", general, data={"content": "three"}, files=three)
    path = f"{general}/{sent['id']}"

    async def names(**body: Any) -> list[str]:
        return [each["filename"] for each in (await ok(bot_http, "PATCH", path, **body))["attachments"]]

    first, _, last = [each["id"] for each in sent["attachments"]]
    assert await names(json={"content": "still three"}) == ["0.ogg", "1.ogg", "2.ogg"]
    listed = {"attachments": [{"id": first}, {"id": last, "description": "the last"}, {"id": 0}]}
    form = {"payload_json": (None, json.dumps(listed), "application/json"), "files[0]": FILE}
    assert await names(files=form) == ["0.ogg", "2.ogg", "tune.ogg"]
    assert (await ok(bot_http, "GET", path))["attachments"][1]["description"] == "the last"
    assert await names(data={"payload_json": json.dumps({"attachments": [{"id": last}]})}) == ["2.ogg"]
    assert await names(json={"attachments": []}) == []
    assert await refused(bot_http, "PATCH", path, json={"content": None}) == (400, 50006)


async def test_an_edit_with_files_needs_the_permission_to_attach(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, general: str
) -> None:
    sent = await ok(bot_http, "POST", general, json=SAID)
    denied = Overwrite(LOUNGE, 0, 0, permissions.ATTACH_FILES)
    sandbox.world.channels[channel_id(sandbox, "general")].overwrites.append(denied)
    path = f"{general}/{sent['id']}"
    assert await refused(bot_http, "PATCH", path, files={"file": FILE}) == (403, 50013)


@pytest.mark.parametrize("version", ["/v9", "/v10", ""])
async def test_every_version_of_the_api_answers(
    sandbox: Sandbox, bot_http: httpx.AsyncClient, general: str, version: str
) -> None:
    base = f"{sandbox.url}/api{version}"
    assert (await ok(bot_http, "GET", f"{base}/users/@me"))["bot"]
    sent = await ok(bot_http, "POST", f"{base}{general}", json=SAID)
    assert (await ok(bot_http, "GET", f"{base}{general}/{sent['id']}"))["content"] == "hi"


@pytest.mark.parametrize(
    "body",
    [
        *({"embeds": [value]} for value in (None, 1, "x", ["x"])),
        *(
            {"embeds": [{name: value}]}
            for name in ("image", "footer", "fields", "color")
            for value in ("x", [1])
        ),
        *({"content": "x", "flags": value} for value in ("x", ["x"], {"x": 1}, "9" * 5000)),
        *({"components": [value]} for value in (None, 1, "x", {"type": 1, "components": 1}, {"type": 11})),
        {"components": [{"type": 2, "custom_id": 1, "style": 1, "label": 1}]},
        {"content": "x", "message_reference": "x"},
        {"content": "x", "allowed_mentions": {"parse": 1}},
        {"content": "x", "allowed_mentions": {"users": 1}},
    ],
    ids=lambda body: str(body)[:50],
)
async def test_a_field_of_another_type_is_refused_as_discord_does(
    bot_http: httpx.AsyncClient, general: str, body: dict[str, object]
) -> None:
    assert await refused(bot_http, "POST", general, json=body) == (400, 50035)


@pytest.mark.parametrize("limit", ["²", "9" * 5000])
async def test_a_number_that_is_none_is_refused(bot_http: httpx.AsyncClient, limit: str) -> None:
    path = f"/guilds/{LOUNGE}/members"
    assert await refused(bot_http, "GET", path, params={"limit": limit}) == (400, 50035)
