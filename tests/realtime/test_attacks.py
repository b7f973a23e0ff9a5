"""The table of attacks on the sockets, for each way to present a token, with access tokens and sync tokens."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from urllib.parse import quote

import pytest
from pytest_django import Settings

from realtime.db import in_thread
from tests.asgi import Upgrade
from tests.attacks import STORE, attacks, good

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

Present = Callable[[str], Awaitable[tuple[int, str]]]
LET_IN = (101, "")


async def by_header(token: str, path: str = "/sync") -> tuple[int, str]:
    value = b"Bearer " + token.encode("latin-1")
    async with Upgrade(path, headers=[(b"authorization", value)]) as upgrade:
        return await upgrade.answer()


async def by_subprotocol(token: str, path: str = "/sync") -> tuple[int, str]:
    async with Upgrade(path, subprotocols=["bearer", token]) as upgrade:
        return await upgrade.answer()


async def by_query(token: str, path: str = "/sync") -> tuple[int, str]:
    async with Upgrade(path, query=b"token=" + quote(token).encode()) as upgrade:
        return await upgrade.answer()


async def by_first_message(token: str) -> tuple[int, str]:
    """Close code 4401 corresponds to 401 here. An accepted client is told that the store does not exist."""
    async with Upgrade("/sync") as upgrade:
        assert await upgrade.answer() == LET_IN
        error = await upgrade.ask({"type": "init", "instanceId": STORE, "authToken": token})
        closed = await upgrade.close_code()
    return LET_IN if closed == 4404 else (closed - 4000, error["code"])


WAYS = {
    "header": by_header,
    "subprotocol": by_subprotocol,
    "query": by_query,
    "first message": by_first_message,
}


@pytest.mark.parametrize("present", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("kind", ["access", "sync"])
async def test_every_attack_is_401_with_its_code(kind: str, present: Present) -> None:
    table = await in_thread(attacks)(kind)
    expected = {name: (401, code) for name, (_, code) in table.items()}
    taken_here_too = {"access": "a good sync token", "sync": "a good access token"}[kind]
    expected[taken_here_too] = LET_IN
    if present is by_first_message:  # longer than the longest message
        for name in ("a megabyte", "a megabyte that is signed"):
            expected[name] = (413, "TOO_LARGE")
    answered = {name: await present(token) for name, (token, _) in table.items()}
    assert answered == expected


@pytest.mark.parametrize("present", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("kind", ["access", "sync"])
async def test_what_differs_by_ten_seconds_at_most_is_taken(kind: str, present: Present) -> None:
    answered = {name: await present(token) for name, token in (await in_thread(good)(kind)).items()}
    assert set(answered.values()) == {LET_IN}, answered


@pytest.mark.parametrize("present", [by_header, by_subprotocol, by_query])
async def test_streams_refuse_the_same(present: Callable[[str, str], Awaitable[tuple[int, str]]]) -> None:
    table = await in_thread(attacks)("access")
    answered = {name: await present(token, "/ws") for name, (token, _) in table.items()}
    assert answered == {name: (401, code) for name, (_, code) in table.items()}
    taken = {name: await present(token, "/ws") for name, token in (await in_thread(good)("access")).items()}
    assert set(taken.values()) == {LET_IN}


async def by_payload(token: str) -> tuple[int, str]:
    """Send the token as `@livestore/sync-cf` does: as JSON, encoded twice."""
    payload = quote(quote(json.dumps({"authToken": token, "instanceId": STORE})))
    async with Upgrade("/livestore", query=f"storeId=any&payload={payload}".encode()) as upgrade:
        return await upgrade.answer()


@pytest.mark.parametrize("kind", ["access", "sync"])
async def test_livestore_refuses_the_same(kind: str, settings: Settings) -> None:
    settings.STORES_AUTOCREATE = False
    missing = (404, "NOT_FOUND")  # an accepted client is told that the store does not exist
    table = await in_thread(attacks)(kind)
    expected = {name: (401, code) for name, (_, code) in table.items()}
    expected[{"access": "a good sync token", "sync": "a good access token"}[kind]] = missing
    assert {name: await by_payload(token) for name, (token, _) in table.items()} == expected
    taken = {name: await by_payload(token) for name, token in (await in_thread(good)(kind)).items()}
    assert set(taken.values()) == {missing}
