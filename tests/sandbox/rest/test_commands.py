"""A bot registers its application commands."""

import json
from typing import Any

import httpx
import pytest

from sandbox.seed import JUNIPER, LOUNGE
from sandbox.server import Sandbox
from tests.sandbox.conftest import ok, refused


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
