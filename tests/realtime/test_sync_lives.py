"""Long scenarios on `/sync`: tokens expire and are renewed, logs are pruned or replaced, stores change owners."""

from __future__ import annotations

import io
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.domain.departure import delete_account
from accounts.domain.sessions import revoke_session
from accounts.metrics import GRACE_USES
from accounts.models import User
from queue_app.commands import execute
from queue_app.domain.playback import start_next, take_lease
from realtime import limits
from realtime.consumers import sync
from realtime.domain.access import find_position
from realtime.domain.stores import set_member
from realtime.models import Event, Store, StoreRole, Via
from realtime.origin import Origin
from tests.factories import TrackFactory
from tests.realtime.conftest import Member, make_member
from tests.realtime.frames import pause, push
from tests.realtime.test_app_stores import noted, open_store, read_all
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_token_runs_out_on_an_open_socket_and_is_renewed(
    server: Server, member: Member, settings: Settings
) -> None:
    """Valid, then warned, then in the grace period (only apps may write), renewed, valid again, and closed after it."""
    settings.TOKEN_LEEWAY_SECONDS = 0
    token = member.token_expiring(1.9)
    graces = GRACE_USES.labels("sync")._value.get()
    with open_store(server, member, "notes") as app:
        assert app.ask({"type": "auth", "id": 1, "authToken": token})["type"] == "authed"
        assert app.receive()["code"] == "TOKEN_EXPIRING"
        assert push(app, noted())["head"] == 1
        with member.open(server, token) as guild:
            assert guild.receive()["code"] == "TOKEN_EXPIRING"
            for socket in (app, guild):
                notice = socket.receive()
                assert (notice["type"], notice["code"]) == ("notice", "TOKEN_IN_GRACE")
                assert notice["expiredAt"] <= time.time() * 1000
            assert pause(guild)["code"] == "TOKEN_EXPIRED"
            assert guild.ask({"type": "pull", "id": 1, "cursor": 0})["type"] in {"events", "end"}
            assert push(app, noted())["head"] == 2
            until(lambda: GRACE_USES.labels("sync")._value.get() == graces + 2)
            assert app.ask({"type": "auth", "id": 2, "authToken": member.token})["type"] == "authed"
            assert push(app, noted())["head"] == 3
        assert [event["metadata"]["auth"] for event in read_all(app)] == ["valid", "grace", "valid"]
        settings.SYNC_GRACE_SECONDS = 0
        app.send({"type": "auth", "id": 3, "authToken": member.token_expiring(1.1)})
        while (frame := app.receive())["type"] != "error":
            assert frame["type"] in {"authed", "notice"}
        assert frame["code"] == "TOKEN_EXPIRED"
        assert app.close_code() == 4401


@pytest.mark.parametrize(("how", "code"), [("revoked", "SESSION_REVOKED"), ("deleted", "USER_NOT_FOUND")])
def test_the_grace_is_not_for_sessions_and_people_that_are_gone(
    how: str, code: str, server: Server, member: Member
) -> None:
    token = member.token_expiring(-60)
    with open_store(server, member, "notes") as app:
        app.ask({"type": "init", "instanceId": "notes", "authToken": token})
        if how == "revoked":
            revoke_session(member.session)
        else:
            delete_account(member.user)
        assert app.receive()["code"] in {code, "SESSION_REVOKED"}  # sessions end first
        assert app.close_code() == 4401
    with server.connect() as socket:
        assert socket.init("notes", token)["code"] == code
        assert socket.close_code() == 4401


def test_anonymous_callers_do_not_share_a_limit(
    server: Server, member: Member, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REQUIRE_AUTH = False
    monkeypatch.setattr(limits, "USER_BURST", 3.0)
    monkeypatch.setattr(limits, "USER_RATE", 0.001)
    with server.connect() as one, server.connect() as two:
        for socket in (one, two):
            assert socket.init("notes")["auth"] == "anonymous"
            assert [socket.ask({"type": "ping", "id": 1})["type"] for _ in range(3)] == ["pong"] * 3


def test_an_anonymous_caller_is_marked_as_one(server: Server, member: Member, settings: Settings) -> None:
    settings.REQUIRE_AUTH = False
    with server.connect() as socket:
        ready = socket.init("notes")
        assert (ready["auth"], ready["warning"]) == ("anonymous", {"code": "AUTH_DISABLED"})
        assert push(socket, noted())["head"] == 1
        assert (
            read_all(socket)[0]["metadata"] | {"auth": "anonymous", "username": "dev"}
            == (read_all(socket)[0]["metadata"])
        )
        refused = socket.init("notes", member.token)  # now it is a user who does not own the store
        assert refused["code"] == "FORBIDDEN"
        assert socket.close_code() == 4403


def test_events_of_every_kind_carry_their_authors_id(server: Server, member: Member, client: Client) -> None:
    other = make_member(member.guild)
    uri = TrackFactory.create().uri
    rest = {"Authorization": f"Bearer {other.token}"}
    with member.open(server) as socket:
        for name, args in [("AddTrack", {"query": uri}), ("Pause", {}), ("Resume", {})]:
            ack = push(socket, {"eventId": str(uuid.uuid4()), "name": name, "args": args})
            assert ack["type"] == "ack", ack
        client.post(
            f"/api/guilds/{member.guild.pk}/queue",
            {"query": uri},
            content_type="application/json",
            headers=rest,
        )
        execute(member.guild.pk, "Pause", {}, origin=Origin(other.user, Via.DISCORD))
        execute(member.guild.pk, "Resume", {}, origin=Origin(other.user, Via.ADMIN, operator=True))
        assert take_lease(member.guild.pk, owner="a bot")
        start_next(member.guild.pk, owner="a bot")
        whose = [(e["metadata"]["via"], e["metadata"]["userId"]) for e in read_all(socket)]
    assert {user for via, user in whose if via == "sync"} == {str(member.user.pk)}
    for via in ("rest", "discord", "admin"):
        assert {user for other_via, user in whose if other_via == via} == {str(other.user.pk)}, via
    assert {user for via, user in whose if via == "bot"} == {None}
    with open_store(server, other, "notes") as socket:
        assert push(socket, noted())["head"] == 1
        assert read_all(socket)[0]["metadata"]["userId"] == str(other.user.pk)


def test_a_push_for_another_epoch_is_refused(server: Server, member: Member) -> None:
    with open_store(server, member, "notes") as socket:
        epoch = Store.objects.get(name="app:notes").epoch
        frame = {"type": "push", "id": 1, "events": [noted()]}
        refused = socket.ask(frame | {"epoch": "another"})
        assert (refused["code"], refused["epoch"], refused["head"]) == ("EPOCH_MISMATCH", epoch, 0)
        assert socket.ask(frame | {"epoch": epoch})["type"] == "ack"


def test_a_log_that_is_imported_anew_ends_live_pulls_and_old_cursors(
    server: Server, member: Member, tmp_path: Path
) -> None:
    file = tmp_path / "notes.jsonl"
    with open_store(server, member, "notes") as socket, open_store(server, member, "notes") as writer:
        push(writer, noted(), noted())
        call_command("export_store", "notes", file, stderr=io.StringIO())
        push(writer, noted())
        old = Store.objects.get(name="app:notes").epoch
        socket.ask({"type": "pull", "id": "live", "cursor": 3, "live": True})
        call_command("import_store", file, replace=True, stdout=io.StringIO())
        push(writer, noted({"new": True}))  # seq 3 of the new log does not follow the old log
        lost = socket.receive()
        assert (lost["type"], lost["id"], lost["code"]) == ("error", "live", "EPOCH_MISMATCH")
        pull = {"type": "pull", "id": 1, "cursor": 2}
        assert socket.ask(pull | {"epoch": old})["code"] == "EPOCH_MISMATCH"
        assert socket.ask(pull | {"cursor": 4})["code"] == "EPOCH_MISMATCH"
        assert [event["args"] for event in read_all(socket, cursor=2)] == [{"new": True}]


@pytest.mark.parametrize("live", [True, False])
def test_a_reader_whom_pruning_overtakes_is_told(
    live: bool, server: Server, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log loses its beginning between the check of the cursor and the read."""
    store = Store.objects.get(name=member.instance)
    for _ in range(3):
        member.do("Pause")
        member.do("Resume")
    Event.objects.filter(store=store).update(created_at=timezone.now() - timedelta(days=400))

    def overtaken(*args: Any, **kwargs: Any) -> tuple[str, int]:
        position = find_position(*args, **kwargs)
        call_command("prune_events", days=300, count=0, stdout=io.StringIO())
        member.do("Pause")
        return position

    monkeypatch.setattr(sync, "find_position", overtaken)
    with member.open(server) as socket:
        refused = socket.ask({"type": "pull", "id": 1, "cursor": 2, "live": live})
        assert (refused["code"], refused["id"]) == ("CURSOR_TOO_OLD", 1)
        assert socket.ask({"type": "ping", "id": 2})["head"] == 7


def test_a_database_that_is_away_is_said_and_the_socket_stays(
    server: Server, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(names: Any) -> Any:
        raise OperationalError("gone")

    with member.open(server) as socket:
        with monkeypatch.context() as broken:
            broken.setattr(sync, "read_heads", away)
            assert socket.ask({"type": "ping", "id": 1})["code"] == "UNAVAILABLE"
        assert socket.ask({"type": "ping", "id": 2})["type"] == "pong"


def test_a_server_moves_from_anonymous_clients_to_people(
    server: Server, member: Member, settings: Settings, tmp_path: Path
) -> None:
    """docs/migration.md step by step: import events, allow anonymous clients, transfer a store, disallow them."""
    file = tmp_path / "notes.jsonl"
    file.write_text('{"backline_store":1,"name":"app:notes"}\n{"name":"Noted","args_text":"1.0"}\n')
    call_command("import_store", file, stdout=io.StringIO())
    settings.REQUIRE_AUTH = False
    with server.connect() as socket:
        ready = socket.init("other")
        assert push(socket, noted())["head"] == 1
        for store in Store.objects.filter(name__startswith="app:"):
            store.owner = member.user
            store.save(update_fields=["owner"])
            set_member(store, User.objects.get(pk=ready["userId"]), StoreRole.WRITER)
        assert push(socket, noted())["head"] == 2
    with open_store(server, member, "other") as socket:
        assert push(socket, noted())["head"] == 3
        settings.REQUIRE_AUTH = True
        with server.connect() as late:
            assert late.init("other")["code"] == "AUTH_REQUIRED"
            assert late.close_code() == 4401
        tomorrow = timezone.now() + timedelta(days=1)
        call_command(
            "tag_events",
            user=member.user.discord_id,
            before=tomorrow.isoformat(),
            apply=True,
            stdout=io.StringIO(),
        )
        metadata = [event["metadata"] for event in read_all(socket)]
        assert {entry["userId"] for entry in metadata} == {str(member.user.pk)}
        assert [entry["auth"] for entry in metadata] == ["anonymous", "anonymous", "valid"]
    with open_store(server, member, "notes") as socket:
        [event] = read_all(socket)
        assert (event["metadata"]["userId"], event["args"]) == (str(member.user.pk), 1.0)


def test_a_restored_database_tells_clients_that_their_positions_do_not_fit(
    server: Server, member: Member
) -> None:
    with open_store(server, member, "notes") as socket:
        push(socket, noted())
        socket.ask({"type": "pull", "id": 1, "cursor": 1, "live": True})
        call_command("renew_epochs", stdout=io.StringIO())
        assert socket.receive()["code"] == "EPOCH_MISMATCH"
        assert len(read_all(socket)) == 1
