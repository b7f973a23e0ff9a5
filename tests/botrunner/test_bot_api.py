"""The Bot API over HTTP: who may call it, and that a track is stored before the response."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts import service_tokens
from accounts.domain.sessions import issue_pair
from accounts.models import User
from config.asgi import application, bot_api
from queue_app.models import ItemState, QueueItem
from realtime.db import in_thread
from realtime.server import serving
from tests.botrunner.conftest import owner_of
from tests.botrunner.stage import Stage
from tests.factories import MembershipFactory, SessionFactory, TrackFactory, UserFactory

SOMEBODY = "268473310986240000"


@dataclass
class Apis:
    """Both applications on their own ports, without a bot."""

    bot: httpx.AsyncClient
    web: httpx.AsyncClient
    guild_id: str
    person: User

    async def service(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {await in_thread(service_tokens.issue)()}"}

    async def user(self) -> dict[str, str]:
        pair = await in_thread(lambda: issue_pair(SessionFactory.create(user=self.person)))()
        return {"Authorization": f"Bearer {pair.access}"}

    async def enqueue(self, body: Any, **headers: str) -> httpx.Response:
        path = f"/internal/guilds/{self.guild_id}/queue"
        return await self.bot.post(path, json=body, headers=await self.service() | headers)


@pytest.fixture
async def apis(guild: str, settings: Settings) -> AsyncIterator[Apis]:
    def people() -> User:
        TrackFactory.create(title="Moss")
        person: User = UserFactory.create(discord_id=SOMEBODY)
        MembershipFactory.create(user=person, guild_id=guild, guild=None)
        return person

    person = await in_thread(people)()
    async with (
        serving(bot_api, host="127.0.0.1", port=0) as bot,
        serving(application, host="127.0.0.1", port=0) as web,
    ):
        ports = [each.servers[0].sockets[0].getsockname()[1] for each in (bot, web)]
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[0]}") as bot_client,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{ports[1]}",
                headers={
                    "Host": urlsplit(settings.API_BASE_URL).netloc
                },  # its own host name, because it redirects any other
            ) as web_client,
        ):
            yield Apis(bot_client, web_client, guild, person)


async def rows() -> list[QueueItem]:
    listed: list[QueueItem] = await in_thread(
        lambda: list(QueueItem.objects.select_related("track", "requested_by"))
    )()
    return listed


PATHS = [
    ("POST", "/internal/guilds/{}/queue"),
    ("GET", "/internal/guilds/{}/player"),
    ("POST", "/internal/guilds/{}/wake"),
    ("GET", "/internal/status"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_nothing_is_said_without_a_service_token(apis: Apis, method: str, path: str) -> None:
    url = path.format(apis.guild_id)
    spent = await apis.service()
    assert (await apis.bot.get("/internal/status", headers=spent)).status_code == 200
    refused = [{}, await apis.user(), spent, {"Authorization": "Bearer nonsense"}]
    for headers in refused:
        answer = await apis.bot.request(method, url, headers=headers)
        assert answer.status_code == 401, headers
        assert set(answer.json()) == {"code", "detail"}
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_service_token_opens_nothing_on_the_web(apis: Apis) -> None:
    for path in ("/api/auth/me", "/api/guilds", f"/api/guilds/{apis.guild_id}/queue"):
        assert (await apis.web.get(path, headers=await apis.service())).status_code == 401
    assert (await apis.web.get("/api/auth/me", headers=await apis.user())).status_code == 200


async def test_each_application_knows_its_own_paths_only(apis: Apis) -> None:
    for path in ("/internal/status", f"/internal/guilds/{apis.guild_id}/player"):
        assert (await apis.web.get(path, headers=await apis.service())).status_code == 404
    for path in ("/api/auth/me", "/api/guilds", "/", "/dashboard", "/admin/", "/static/app.css"):
        assert (await apis.bot.get(path, headers=await apis.user())).status_code == 404


async def test_a_track_is_kept_before_the_answer_while_no_bot_runs(apis: Apis) -> None:
    answer = await apis.enqueue({"query": "moss", "requested_by": SOMEBODY})
    assert answer.status_code == 201
    (item,) = await rows()
    assert answer.json()["id"] == str(item.pk)
    assert answer.json()["requested_by"]["id"] == str(apis.person.pk)
    assert (item.state, item.track.title) == (ItemState.QUEUED, "Moss")
    status = await apis.bot.get("/internal/status", headers=await apis.service())
    assert status.json() == {
        "running": False, "shards": [], "guilds": 0, "voice": [], "problems": [],
    }  # fmt: skip


async def test_the_longest_link_may_stand_in_brackets(apis: Apis) -> None:
    link = "http://radio.example/" + "a" * 1979
    answer = await apis.enqueue({"query": f"[a title]({link} 'more')", "requested_by": SOMEBODY})
    assert answer.status_code == 201, answer.text
    assert answer.json()["track"]["url"] == link
    answer = await apis.enqueue({"query": f"<{link}a>", "requested_by": SOMEBODY})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")


@pytest.mark.parametrize("missing", ["query", "requested_by"])
async def test_a_missing_field_is_named(apis: Apis, missing: str) -> None:
    body = {"query": "moss", "requested_by": SOMEBODY}
    del body[missing]
    answer = await apis.enqueue(body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID_INPUT"
    assert list(answer.json()["errors"]) == [missing]
    assert await rows() == []


@pytest.mark.parametrize(
    "body",
    [
        {"query": "", "requested_by": SOMEBODY},
        {"query": "moss", "requested_by": "tom"},
        {"query": "moss", "requested_by": SOMEBODY, "position": "first"},
        {"query": ["moss"], "requested_by": SOMEBODY},
        {"query": "a\0b", "requested_by": SOMEBODY},
        [],
        "moss",
        None,
    ],
)
async def test_bad_input_is_refused(apis: Apis, body: Any) -> None:
    answer = await apis.enqueue(body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"]
    assert await rows() == []


async def test_broken_json_is_refused(apis: Apis) -> None:
    answer = await apis.bot.post(
        f"/internal/guilds/{apis.guild_id}/queue",
        content=b'{"query": ',
        headers=await apis.service() | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert "code" in answer.json()


async def test_a_person_who_never_logged_in_becomes_known(apis: Apis) -> None:
    answer = await apis.enqueue({"query": "moss", "requested_by": "999999999999999999"})
    assert answer.status_code == 201
    (item,) = await rows()
    assert item.requested_by is not None
    assert item.requested_by.discord_id == "999999999999999999"


@pytest.mark.parametrize(("guild_id", "status"), [("999999999999999999", 404), ("lounge", 400)])
async def test_unknown_guilds_are_refused(apis: Apis, guild_id: str, status: int) -> None:
    for method, path in PATHS[:3]:
        answer = await apis.bot.request(
            method,
            path.format(guild_id),
            json={"query": "moss", "requested_by": SOMEBODY},
            headers=await apis.service(),
        )
        assert answer.status_code == status, path


async def test_an_idempotency_key_adds_once(apis: Apis) -> None:
    key = str(uuid.uuid4())
    body = {"query": "moss", "requested_by": SOMEBODY}
    first, second = [await apis.enqueue(body, **{"Idempotency-Key": key}) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    assert len(await rows()) == 1
    other = await apis.enqueue(body | {"query": "elk"}, **{"Idempotency-Key": key})
    assert other.status_code == 409


async def test_the_command_prints_a_token_that_is_good_once(apis: Apis) -> None:
    out = io.StringIO()
    await in_thread(lambda: call_command("service_token", stdout=out))()
    headers = {"Authorization": f"Bearer {out.getvalue().strip()}"}
    assert (await apis.bot.get("/internal/status", headers=headers)).status_code == 200
    assert (await apis.bot.get("/internal/status", headers=headers)).status_code == 401


async def test_status_player_and_wake_of_a_running_bot(stage: Stage) -> None:
    await stage.start_bot()
    await owner_of(stage)
    await stage.sit("owner", "Stage left")
    async with serving(bot_api, host="127.0.0.1", port=0) as server:
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

            async def ask(method: str, path: str, body: Any = None) -> httpx.Response:
                token = await in_thread(service_tokens.issue)()
                return await http.request(
                    method, path, json=body, headers={"Authorization": f"Bearer {token}"}
                )

            base = f"/internal/guilds/{stage.guild_id}"
            added = await ask(
                "POST", f"{base}/queue", {"query": "Long A", "requested_by": "204255221017214976"}
            )
            assert added.status_code == 201, added.text
            await stage.hear(440)
            player = (await ask("GET", f"{base}/player")).json()
            assert (player["status"], player["item"]["id"]) == ("playing", added.json()["id"])
            assert (await ask("POST", f"{base}/wake")).status_code == 202
            status = (await ask("GET", "/internal/status")).json()
            assert status["running"] is True
            assert status["guilds"] == 1
            assert status["voice"] == [
                {
                    "guild_id": stage.guild_id,
                    "channel_id": stage.channel("Stage left"),
                    "item_id": added.json()["id"],
                }
            ]
            (shard,) = status["shards"]
            assert shard["id"] == 0
            assert json.dumps(status)  # plain JSON, no NaN
