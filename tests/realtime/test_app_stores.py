"""`app:` stores over `/sync`: created by their first caller, written by clients, read by those with access."""

from __future__ import annotations

import itertools
import json
import uuid
from typing import Any

import pytest
from pytest_django import Settings

from realtime import json_text
from realtime.domain.stores import MAX_OWNED, create_store, delete_store, set_member, set_public
from realtime.models import Event, Store, StoreRole
from tests.realtime.conftest import Member, make_member
from tests.realtime.frames import push
from tests.realtime.test_json_text import STRANGE
from tests.server import Server, Socket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def noted(args: Any = None, **more: Any) -> dict[str, Any]:
    return {"eventId": str(uuid.uuid4()), "name": "Noted", "args": {} if args is None else args} | more


def strict(seq: int, parent: int, **more: Any) -> dict[str, Any]:
    return noted(**more) | {"seqNum": seq, "parentSeqNum": parent}


def open_store(server: Server, member: Member, name: str) -> Socket:
    socket = server.connect()
    ready = socket.init(name, member.token)
    assert ready["type"] == "ready", ready
    return socket


def read_all(socket: Socket, cursor: int = 0) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    frame = socket.ask({"type": "pull", "id": "all", "cursor": cursor})
    while frame["type"] == "events":
        events += frame["events"]
        frame = socket.receive()
    assert frame["type"] == "end"
    return events


def test_the_first_init_makes_the_store_and_owns_it(server: Server, member: Member) -> None:
    stranger = make_member()
    with open_store(server, member, "notes") as socket:
        store = Store.objects.get(name="app:notes")
        assert (store.owner, store.public, store.head) == (member.user, False, 0)
        assert push(socket, noted(), noted()) == {"type": "ack", "id": "push", "head": 2, "seqNums": [1, 2]}
    with server.connect() as socket:
        assert socket.init("app:notes", stranger.token)["code"] == "FORBIDDEN"
        assert socket.close_code() == 4403
    with open_store(server, member, "app:notes") as socket:
        assert len(read_all(socket)) == 2
    assert Store.objects.filter(name__startswith="app:").count() == 1


@pytest.mark.parametrize(
    "name", ["app:", "app:a b", "app:é", "app:-a", "app:" + "a" * 101, "app:a:b", "app:a/b"]
)
def test_a_name_that_no_store_can_have_is_not_found(name: str, server: Server, member: Member) -> None:
    with server.connect() as socket:
        assert socket.init(name, member.token)["code"] == "NOT_FOUND"
        assert socket.close_code() == 4404
    assert not Store.objects.filter(name__startswith="app:").exists()


def test_stores_are_made_by_init_only_where_that_is_wanted(
    server: Server, member: Member, settings: Settings
) -> None:
    settings.STORES_AUTOCREATE = False
    with server.connect() as socket:
        assert socket.init("notes", member.token)["code"] == "NOT_FOUND"
        assert socket.close_code() == 4404
    create_store(member.user, "notes")
    with open_store(server, member, "notes") as socket:
        assert push(socket, noted())["head"] == 1


def test_one_person_owns_so_many_stores_and_no_more(server: Server, member: Member) -> None:
    Store.objects.bulk_create(Store(name=f"app:s{n}", owner=member.user) for n in range(MAX_OWNED))
    with server.connect() as socket:
        assert socket.init("one-more", member.token)["code"] == "TOO_MANY_STORES"
        assert socket.close_code() == 4403


def test_an_owner_s_stores_hold_so_much_together_and_no_more(
    server: Server, member: Member, settings: Settings
) -> None:
    settings.STORE_BYTES_PER_OWNER = 4000
    with open_store(server, member, "notes") as notes, open_store(server, member, "more") as more:
        first = noted("x" * 1000)
        assert push(notes, first)["head"] == 1
        assert push(more, noted("ä" * 500))["head"] == 1
        before = Store.objects.get(name="app:more").size_bytes
        assert push(more, noted(), noted("x" * 1000))["code"] == "STORE_FULL"
        assert push(notes, first)["head"] == 1  # a repeated event takes no space
        assert Store.objects.get(name="app:more").size_bytes == before
        assert Event.objects.filter(store__name="app:more").count() == 1
        delete_store(Store.objects.get(name="app:notes"))
        assert push(more, noted("x" * 1000))["head"] == 2


def test_who_may_read_and_who_may_write(server: Server, member: Member) -> None:
    reader, writer, anybody = make_member(), make_member(), make_member()
    store = create_store(member.user, "notes")
    set_member(store, reader.user, StoreRole.READER)
    set_member(store, writer.user, StoreRole.WRITER)
    with open_store(server, writer, "notes") as socket:
        assert push(socket, noted())["type"] == "ack"
    with open_store(server, reader, "notes") as socket:
        assert push(socket, noted())["code"] == "FORBIDDEN"
        assert read_all(socket)[0]["metadata"]["userId"] == str(writer.user.pk)
    with server.connect() as socket:
        assert socket.init("notes", anybody.token)["code"] == "FORBIDDEN"
    set_public(store, True)
    with open_store(server, anybody, "notes") as socket:
        assert len(read_all(socket)) == 1
        assert push(socket, noted())["code"] == "FORBIDDEN"
        set_public(store, False)
        assert socket.receive()["code"] == "FORBIDDEN"
        assert socket.close_code() == 4403


def test_args_come_back_byte_for_byte(server: Server, member: Member) -> None:
    written = [text.strip(" \t\r\n") for text in STRANGE]
    with open_store(server, member, "notes") as socket:
        for n, text in enumerate(written):
            event = f'{{"eventId":"event-{n:04}","name":"Noted","args":{text}}}'
            socket.connection.send(f'{{"type":"push","id":{n},"events":[{event}]}}')
            assert socket.receive()["seqNums"] == [n + 1]
        del_args = noted()
        del del_args["args"]
        push(socket, del_args)
        socket.send({"type": "pull", "id": 1, "cursor": 0})
        frame = str(socket.connection.recv(timeout=5))
        events = json_text.elements(frame, json_text.members(frame)["events"][0])
        spans = [json_text.members(frame, start).get("args") for start in events]
        assert [frame[slice(*span)] if span else None for span in spans] == [*written, None]


def test_the_same_event_id_gets_the_same_ack_and_nothing_happens_twice(
    server: Server, member: Member
) -> None:
    events = [noted({"n": n}) for n in range(3)]
    with open_store(server, member, "notes") as socket:
        assert push(socket, *events[:2])["seqNums"] == [1, 2]
        assert push(socket, *events[:2]) == {"type": "ack", "id": "push", "head": 2, "seqNums": [1, 2]}
        assert push(socket, *events)["seqNums"] == [1, 2, 3]
        assert push(socket, events[0] | {"args": {"n": 9}})["code"] == "CONFLICT"
        assert push(socket, noted(), events[0] | {"name": "Other"})["code"] == "CONFLICT"
        assert [event["seqNum"] for event in read_all(socket)] == [1, 2, 3]


def test_a_strict_push_follows_the_head_and_may_leave_gaps(server: Server, member: Member) -> None:
    with open_store(server, member, "notes") as socket:
        first = strict(100, 0)
        assert push(socket, first)["seqNums"] == [100]
        assert push(socket, strict(20_000, 100), strict(20_001, 20_000))["seqNums"] == [20_000, 20_001]
        for stale in (strict(20_001, 20_000), strict(101, 100), strict(20_003, 20_002)):
            refused = push(socket, stale)
            assert (refused["code"], refused["head"]) == ("SERVER_AHEAD", 20_001)
        assert push(socket, first)["seqNums"] == [100]  # the ack was lost, not the event
        assert push(socket, strict(20_002, 20_001), strict(20_004, 20_003))["code"] == "INVALID_PUSH"
        assert push(socket, noted())["seqNums"] == [20_002]
        events = read_all(socket)
        assert [(e["seqNum"], e["parentSeqNum"]) for e in events] == [
            (100, 0), (20_000, 100), (20_001, 20_000), (20_002, 20_001),
        ]  # fmt: skip
        assert [e["seqNum"] for e in read_all(socket, cursor=150)] == [20_000, 20_001, 20_002]


def test_a_live_pull_crosses_gaps(server: Server, member: Member) -> None:
    with open_store(server, member, "notes") as socket, open_store(server, member, "notes") as writer:
        socket.ask({"type": "pull", "id": 1, "cursor": 0, "live": True})
        seen: list[int] = []
        for parent, seq in itertools.pairwise([0, 5, 6, 7, 40, 41, 1000]):
            assert push(writer, strict(seq, parent))["type"] == "ack"
        while len(seen) < 6:
            seen += [event["seqNum"] for event in socket.receive()["events"]]
        assert seen == [5, 6, 7, 40, 41, 1000]


@pytest.mark.parametrize(
    "bad",
    [
        {"seqNum": 1},
        {"parentSeqNum": 0},
        {"seqNum": 1, "parentSeqNum": 1},
        {"seqNum": 0, "parentSeqNum": -1},
        {"seqNum": True, "parentSeqNum": 0},
        {"seqNum": 1.0, "parentSeqNum": 0},
        {"seqNum": "1", "parentSeqNum": 0},
        {"seqNum": 2**53, "parentSeqNum": 0},
    ],
)
def test_a_seq_that_is_none_is_refused(bad: dict[str, Any], server: Server, member: Member) -> None:
    with open_store(server, member, "notes") as socket:
        assert push(socket, noted() | bad)["code"] == "INVALID_PUSH"
        assert push(socket, noted(), strict(2, 1))["code"] == "INVALID_PUSH"
    assert Event.objects.count() == 0


def test_the_server_writes_metadata_and_the_client_cannot(server: Server, member: Member) -> None:
    forged = noted(metadata={"userId": "1", "via": "bot"}, userId="1", via="bot", auth="valid", actor=1)
    with server.connect() as socket:
        init = {"type": "init", "instanceId": "notes", "clientId": "phone", "userId": "1", "sessionId": "s"}
        ready = socket.ask(init | {"authToken": member.token_expiring(-60)})
        push(socket, forged | {"clientTimestamp": 5})
        [event] = read_all(socket)
        assert (event["clientId"], event["sessionId"]) == ("phone", "s")
        metadata = event["metadata"]
        assert abs(metadata.pop("timestamp") - Event.objects.get().created_at.timestamp() * 1000) <= 1
        assert metadata == {
            "userId": str(member.user.pk),
            "username": member.user.username,
            "displayName": member.user.display_name,
            "avatarUrl": None,
            "connectionId": ready["connectionId"],
            "auth": "grace",
            "via": "sync",
            "clientTimestamp": 5,
        }
        assert "metadata" not in json.loads(Event.objects.get().args)


def test_two_writers_at_once_make_one_chain(server: Server, member: Member) -> None:
    """Plain pushes are ordered by the server. Of two strict pushes at one head, the second must rebase."""
    with open_store(server, member, "notes") as one, open_store(server, member, "notes") as two:
        for n in range(10):
            for socket in (one, two):
                socket.send({"type": "push", "id": n, "events": [noted({"n": n}), noted({"n": n})]})
        acks = [socket.receive() for socket in (one, two) for _ in range(10)]
        assert sorted(seq for ack in acks for seq in ack["seqNums"]) == list(range(1, 41))
        for socket in (one, two):
            socket.send({"type": "push", "id": "strict", "events": [strict(41, 40)]})
        answers = sorted((socket.receive() for socket in (one, two)), key=lambda answer: answer["type"])
        assert [answer["type"] for answer in answers] == ["ack", "error"]
        assert (answers[1]["code"], answers[1]["head"]) == ("SERVER_AHEAD", 41)
        assert [(e["seqNum"], e["parentSeqNum"]) for e in read_all(one)] == [(n, n - 1) for n in range(1, 42)]


def test_a_store_that_is_deleted_ends_its_sockets(server: Server, member: Member) -> None:
    with open_store(server, member, "notes") as reader, open_store(server, member, "notes") as writer:
        push(writer, noted())
        delete_store(Store.objects.get(name="app:notes"))
        assert push(writer, noted())["code"] == "NOT_FOUND"
        assert writer.close_code() == 4404
        assert reader.close_code() == 4403  # it sends nothing, so the poll must notice
    assert not Event.objects.exists()
