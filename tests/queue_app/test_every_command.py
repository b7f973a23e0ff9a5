"""What is true for every command: over REST by its name, over `/sync`, and in the OpenAPI document."""

from __future__ import annotations

import pkgutil
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator

import botrunner
from accounts.models import User
from accounts.strict_fields import WholeNumber
from config.generate.openapi import openapi
from queue_app import commands
from queue_app.commands import COMMANDS
from queue_app.domain.command import Command, command_classes
from realtime.domain.push import push
from realtime.kinds import Pushed
from realtime.models import Event, Via
from realtime.origin import Origin
from tests.factories import TrackFactory, UserFactory
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.django_db

EACH = pytest.mark.parametrize("name", sorted(COMMANDS))
# Failed items have a button, settings have a page, and several tracks are selected on a page. Albums and playlists are
# added from the library.
NOT_TYPED = {"RetryItem", "ChangeSettings", "MoveItems"}


@pytest.fixture
def ask(stage: Stage, api: Callable[[User], Client]) -> Callable[..., Any]:
    """Return a function that posts a command, as the member or as the person `by`."""

    def post(body: Any, *, by: User | None = None, **headers: str) -> Any:
        url = f"/api/guilds/{stage.id}/commands"
        client = api(by or stage.member)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(url, body, content_type="application/json", headers=sent)

    return post


@EACH
def test_it_is_carried_out_by_its_name(name: str, stage: Stage, ask: Callable[..., Any]) -> None:
    args = stage.prepare(name)
    before = len(stage.names)
    response = ask({"name": name, "args": args})
    assert response.status_code == 200, response.json()
    appended = stage.events()[before:]
    assert response.json()["seq"] == appended[-1]["seqNum"]
    assert {event["name"] for event in appended} <= {each.__name__ for each in COMMANDS[name].appends}
    fields = COMMANDS[name].result().fields.items()
    assert {each for each, field in fields if field.required} <= set(response.json()["result"])
    assert set(response.json()["result"]) <= {each for each, _ in fields}


@EACH
def test_it_is_carried_out_over_sync(name: str, stage: Stage) -> None:
    pushed = Pushed(str(uuid.uuid4()), name, stage.prepare(name))
    before = len(stage.names)
    seqs, head = push(f"guild:{stage.id}", [pushed], origin=Origin(user=stage.member, via=Via.SYNC))
    assert seqs == list(range(before + 1, head + 1))
    assert seqs


def test_it_is_typed_in_discord() -> None:
    sources = [path.read_text() for path in Path(botrunner.__file__).parent.rglob("*.py")]
    typed = {
        name for source in sources for name in re.findall(r'(?:interaction|asked), "([A-Z]\w+)"', source)
    }
    assert typed == set(COMMANDS) - NOT_TYPED


@EACH
def test_it_locks_the_store_once_and_reads_the_membership_once(name: str, stage: Stage) -> None:
    args = stage.prepare(name)
    with CaptureQueriesContext(connection) as queries:
        stage.do(name, key="once", **args)
    asked = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert sum('FROM "realtime_store"' in sql for sql in asked) == 1
    assert sum('FROM "guilds_membership"' in sql for sql in asked) == 1


# --- Refusals ---


def test_the_same_key_is_carried_out_once(stage: Stage, ask: Callable[..., Any]) -> None:
    body = {"name": "AddTrack", "args": {"query": TrackFactory.create().uri}}
    first, again = (ask(body, Idempotency_Key="add-1") for _ in range(2))
    assert first.json() == again.json()
    assert len(stage.queue) == 1
    other = ask({"name": "Pause"}, Idempotency_Key="add-1")
    assert (other.status_code, other.json()["code"]) == (409, "CONFLICT")


def test_what_changes_nothing_has_no_seq(stage: Stage, ask: Callable[..., Any]) -> None:
    nothing: tuple[Any, ...] = ({}, None)
    for args in nothing:
        response = ask({"name": "Resume", "args": args})
        assert (response.status_code, response.json()["seq"]) == (200, None)
        assert response.json()["result"]["status"] == "idle"


@pytest.mark.parametrize("name", ["Dance", " Pause ", "Pa\0use", "", "Command"])
def test_a_name_that_is_no_commands_is_told(name: str, ask: Callable[..., Any]) -> None:
    response = ask({"name": name, "args": {}})
    assert (response.status_code, response.json()["code"]) == (400, "UNKNOWN_COMMAND")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"name": "Pause", "args": []}, "args"),
        ({"name": "Pause", "args": "x"}, "args"),
        ([], "non_field_errors"),
        ({"name": ["Pause"]}, "name"),
        ({"name": "SetVolume"}, "volume"),
        ({"name": "SetVolume", "args": {"volume": "5"}}, "volume"),
        ({"name": "SetVolume", "args": {"volume": True}}, "volume"),
        ({"name": "MoveItem", "args": {"item_id": 1, "after": None}}, "item_id"),
        ({"name": "JoinVoice", "args": {"channel_id": 1}}, "channel_id"),
    ],
)
def test_bad_input_is_told_by_field_to_members_only(body: Any, field: str, ask: Callable[..., Any]) -> None:
    response = ask(body)
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_INPUT")
    assert list(response.json()["errors"]) == [field]
    sentences = response.json()["errors"][field]
    assert response.json()["detail"] == f"{field}: {' '.join(sentences)}"
    assert ask(body, by=UserFactory.create()).status_code == 404
    assert Event.objects.count() == 0


@pytest.mark.parametrize("name", ["Pause", "Dance"])
def test_it_is_for_members(name: str, ask: Callable[..., Any]) -> None:
    response = ask({"name": name}, by=UserFactory.create())
    assert (response.status_code, response.json()["code"]) == (404, "GUILD_NOT_FOUND")


def test_a_body_that_is_null_is_bad_input(stage: Stage, api: Callable[[User], Client]) -> None:
    url = f"/api/guilds/{stage.id}/commands"
    response = api(stage.member).post(url, "null", content_type="application/json")
    assert (response.status_code, list(response.json()["errors"])) == (400, ["non_field_errors"])
    assert response.json()["detail"] == "non_field_errors: This must be a JSON object."


def test_a_bad_key_is_told_to_members_only(ask: Callable[..., Any]) -> None:
    for user, status in ((None, 400), (UserFactory.create(), 404)):
        assert ask({"name": "Pause"}, by=user, Idempotency_Key="x" * 256).status_code == status


def test_a_fault_in_a_check_is_no_unknown_command(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, data: object) -> str:
        raise KeyError("fault")

    monkeypatch.setattr(WholeNumber, "to_internal_value", fail)
    with pytest.raises(KeyError, match="fault"):
        stage.do("SetVolume", volume=5)


def test_an_unknown_channel_is_told_by_the_name_it_was_sent_as(stage: Stage, ask: Callable[..., Any]) -> None:
    response = ask({"name": "JoinVoice", "args": {"channel_id": "1"}})
    assert response.json()["code"] == "UNKNOWN_CHANNEL"
    assert list(response.json()["errors"]) == ["channel_id"]


# --- Declaring a command ---


def test_each_file_of_the_package_is_one_command_and_named_so() -> None:
    files = [module.name for module in pkgutil.iter_modules(commands.__path__)]
    assert {name.replace("_", "") for name in files} == {name.lower() for name in COMMANDS}
    assert sorted(each.__module__.rpartition(".")[2] for each in COMMANDS.values()) == sorted(files)


def test_a_command_may_derive_from_a_base_that_is_none() -> None:
    class Base(Command):
        pass

    class Derived(Base):
        pass

    assert Derived in command_classes()
    assert Base not in command_classes()


# --- The OpenAPI document ---


@pytest.fixture(scope="module")
def command_schema() -> Draft202012Validator:
    document = openapi()
    body = document["paths"]["/api/guilds/{guild_id}/commands"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    return Draft202012Validator(schema | {"components": document["components"]})


@EACH
def test_the_schema_takes_its_requests(name: str, stage: Stage, command_schema: Draft202012Validator) -> None:
    command_schema.validate({"name": name, "args": stage.prepare(name)})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Dance"},
        {"name": "SetVolume", "args": {}},
        {"name": "SetVolume", "args": {"volume": 201}},
        {"name": "SetVolume", "args": {"volume": "5"}},
        {"name": "AddTrack", "args": {"query": "x", "position": "first"}},
        {"name": "MoveItem", "args": {"item_id": str(uuid.UUID(int=1))}},
        {"name": "ChangeSettings", "args": {"vote_share": 101}},
    ],
)
def test_the_schema_takes_nothing_else(body: Any, command_schema: Draft202012Validator) -> None:
    assert not command_schema.is_valid(body)
