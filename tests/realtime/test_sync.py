"""`/sync` with a real client: opening it, pulls, and messages that are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed

from realtime import hub
from realtime.models import Event, Store, Via, new_epoch
from tests.factories import TrackFactory
from tests.realtime.conftest import Member, make_member
from tests.realtime.frames import add_track, deaf_client, drain, push
from tests.server import Server, serve
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

# --- init ---


def test_ready_says_where_the_log_stands(server: Server, member: Member) -> None:
    member.do("Pause")
    store = Store.objects.get(name=member.instance)
    with server.connect() as socket:
        ready = socket.init(member.instance, member.token)
        assert ready.pop("connectionId")
        assert isinstance(ready.pop("expiresAt"), int)
        assert ready == {
            "type": "ready",
            "id": "init",
            "epoch": store.epoch,
            "head": 1,
            "userId": str(member.user.pk),
            "auth": "valid",
        }


@pytest.mark.parametrize(
    ("instance", "code"),
    [
        ("guild:999999999999999999", "NOT_FOUND"),
        ("guild:abc", "NOT_FOUND"),
        ("guild:", "NOT_FOUND"),
        ("nothing:1", "NOT_FOUND"),
    ],
)
def test_an_instance_that_is_not_there_closes_4404(
    instance: str, code: str, server: Server, member: Member
) -> None:
    with server.connect() as socket:
        assert socket.init(instance, member.token)["code"] == code
        assert socket.close_code() == 4404


def test_a_guild_of_others_looks_like_none(server: Server, member: Member) -> None:
    stranger = make_member()
    with server.connect() as socket:
        assert socket.init(member.instance, stranger.token)["code"] == "NOT_FOUND"
        assert socket.close_code() == 4404


@pytest.mark.parametrize(
    "frame", [{"type": "pull", "id": 1}, {"type": "push", "id": 1, "events": []}, {"type": "ping"}]
)
def test_nothing_goes_before_init(frame: dict[str, Any], server: Server, member: Member) -> None:
    with server.connect(additional_headers={"Authorization": f"Bearer {member.token}"}) as socket:
        assert socket.ask(frame)["code"] == "BAD_MESSAGE"
        assert socket.close_code() == 4400


def test_a_socket_serves_one_instance(server: Server, member: Member) -> None:
    with member.open(server) as socket:
        assert socket.init(member.instance)["type"] == "ready"
        assert socket.init("guild:123456789012345678")["code"] == "BAD_MESSAGE"
        assert socket.close_code() == 4400


# --- pull ---


def test_a_pull_that_is_not_live_gets_the_log_and_an_end(server: Server, member: Member) -> None:
    for name in ("Pause", "Resume", "Pause"):
        member.do(name)
    with member.open(server) as socket:
        frame = socket.ask({"type": "pull", "id": 2, "cursor": 1})
        assert (frame["type"], frame["id"], frame["remaining"]) == ("events", 2, 0)
        assert [(e["name"], e["seqNum"], e["parentSeqNum"]) for e in frame["events"]] == [
            ("PlayerResumed", 2, 1),
            ("PlayerPaused", 3, 2),
        ]
        assert socket.receive() == {"type": "end", "id": 2}


def test_a_pull_from_the_head_ends_at_once(server: Server, member: Member) -> None:
    with member.open(server) as socket:
        assert socket.ask({"type": "pull", "id": None, "cursor": 0}) == {"type": "end", "id": None}


def test_a_long_log_comes_in_batches(server: Server, member: Member) -> None:
    store = Store.objects.get(name=member.instance)
    Event.objects.bulk_create(
        Event(
            store=store,
            seq=n,
            parent_seq=n - 1,
            event_id=f"event-{n:06}",
            name="X",
            args=f'{{"n":{n}}}',
            via=Via.BOT,
        )
        for n in range(1, 251)
    )
    Store.objects.update(head=250)
    with member.open(server) as socket:
        frames = [socket.ask({"type": "pull", "id": 1, "cursor": 0}), socket.receive(), socket.receive()]
        assert [frame["remaining"] for frame in frames] == [150, 50, 0]
        events = [event for frame in frames for event in frame["events"]]
        assert [event["args"]["n"] for event in events] == list(range(1, 251))
        assert socket.receive()["type"] == "end"


def test_a_live_pull_catches_up_and_goes_on(server: Server, member: Member) -> None:
    member.do("Pause")
    with member.open(server) as socket:
        socket.send({"type": "pull", "id": "live", "cursor": 0, "live": True})
        assert [e["seqNum"] for e in drain(socket, 1)] == [1]
        for name in ("Resume", "Pause", "Resume"):
            member.do(name)
        events = drain(socket, 3)
        assert [(e["seqNum"], e["parentSeqNum"]) for e in events] == [(2, 1), (3, 2), (4, 3)]
        assert events[0]["metadata"]["via"] == "rest"


def test_a_live_pull_from_the_head_says_that_nothing_is_missing(server: Server, member: Member) -> None:
    with member.open(server) as socket:
        frame = socket.ask({"type": "pull", "id": 7, "cursor": 0, "live": True})
        assert frame == {"type": "events", "id": 7, "events": [], "remaining": 0}


def test_unpull_ends_a_live_pull(server: Server, member: Member) -> None:
    with member.open(server) as socket:
        socket.ask({"type": "pull", "id": 1, "cursor": 0, "live": True})
        socket.send({"type": "unpull", "id": 1})
        assert socket.ask({"type": "ping", "id": 2})["type"] == "pong"
        member.do("Pause")
        assert socket.ask({"type": "ping", "id": 3}) == {"type": "pong", "id": 3, "head": 1}
        with pytest.raises(TimeoutError):
            socket.receive(seconds=0.3)


@pytest.mark.parametrize("cursor", [-1, "1", 1.5, True, None, 2**63])
def test_a_cursor_is_a_seq(cursor: Any, server: Server, member: Member) -> None:
    with member.open(server) as socket:
        assert socket.ask({"type": "pull", "id": 1, "cursor": cursor})["code"] == "BAD_MESSAGE"


@pytest.mark.parametrize("live", [True, False])
def test_a_position_nobody_can_continue_from_is_told_and_the_socket_stays(
    live: bool, server: Server, member: Member
) -> None:
    for name in ("Pause", "Resume", "Pause"):
        member.do(name)
    Store.objects.filter(name=member.instance).update(pruned_through=2)
    epoch = Store.objects.get(name=member.instance).epoch
    with member.open(server) as socket:
        refused: list[tuple[dict[str, Any], str]] = [
            ({"cursor": 1}, "CURSOR_TOO_OLD"),
            ({"cursor": 4}, "EPOCH_MISMATCH"),
            ({"cursor": 3, "epoch": "other"}, "EPOCH_MISMATCH"),
        ]
        for frame, code in refused:
            error = socket.ask({"type": "pull", "id": 1, "live": live} | frame)
            assert (error["code"], error["epoch"], error["head"]) == (code, epoch, 3)
        assert socket.ask({"type": "ping", "id": 2})["head"] == 3


def test_a_replaced_log_ends_a_live_pull_with_a_word(server: Server, member: Member) -> None:
    member.do("Pause")
    with member.open(server) as socket:
        socket.ask({"type": "pull", "id": "live", "cursor": 1, "live": True})
        Store.objects.filter(name=member.instance).update(epoch=new_epoch())
        error = socket.receive()
        assert (error["type"], error["id"], error["code"]) == ("error", "live", "EPOCH_MISMATCH")
        assert socket.ask({"type": "ping", "id": 1})["type"] == "pong"


# --- messages ---


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "[]",
        '"text"',
        "{}",
        '{"type":5}',
        '{"type":"dance"}',
        '{"type":"init"}',
        '{"type":"init","instanceId":5}',
        "[" * 100_000,
        '{"type":"ping","id":' + "[" * 2000 + "]" * 2000 + "}",
        b"binary",
    ],
    ids=lambda message: repr(message)[:30],
)
def test_a_message_that_is_not_understood_closes_4400(
    message: str | bytes, server: Server, member: Member
) -> None:
    with member.open(server) as socket:
        socket.connection.send(message)
        assert socket.receive()["code"] == "BAD_MESSAGE"
        assert socket.close_code() == 4400


@pytest.mark.parametrize("text", ["x" * 900_000, "ü" * 460_000, "x" * 3_000_000])
def test_a_message_over_900_kB_is_refused_and_ends_the_socket(
    text: str, server: Server, member: Member
) -> None:
    with member.open(server) as socket:
        assert push(socket, add_track(text))["code"] == "TOO_LARGE"
        assert socket.close_code() == 4413


def test_the_seventeenth_pull_is_refused(server: Server, member: Member) -> None:
    with member.open(server) as socket:
        for n in range(16):
            socket.ask({"type": "pull", "id": n, "cursor": 0, "live": True})
        assert socket.ask({"type": "pull", "id": 16, "cursor": 0, "live": True})["code"] == "BAD_MESSAGE"


def test_two_sockets_see_the_same_log(server: Server, member: Member) -> None:
    other = make_member(member.guild)
    with member.open(server) as one, other.open(server) as two:
        for socket in (one, two):
            socket.ask({"type": "pull", "id": 1, "cursor": 0, "live": True})
        push(two, *(add_track(track.uri) for track in TrackFactory.create_batch(3)))
        seen = drain(one, 3)
        assert [event["metadata"]["username"] for event in seen] == [other.user.username] * 3
        assert [event["seqNum"] for event in seen] == [1, 2, 3]


def test_a_server_that_goes_away_says_so(server: Server, member: Member) -> None:
    with member.open(server) as socket:
        server.stop()
        with pytest.raises(ConnectionClosed) as caught:
            socket.receive()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code in {1001, 1012}


def test_a_client_that_reads_nothing_is_cut_off_and_slows_nobody(
    member: Member, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has more to read than both kernels' buffers hold. The client beside it gets everything."""
    monkeypatch.setattr(hub, "STALL_SECONDS", 1.0)
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.2)
    monkeypatch.setattr("realtime.server.UNREAD_SECONDS", 4.0)
    store = Store.objects.get(name=member.instance)
    args = json.dumps({"text": "x" * 30_000})
    Event.objects.bulk_create(
        Event(
            store=store, seq=n, parent_seq=n - 1, event_id=f"event-{n:06}", name="X", args=args, via=Via.BOT
        )
        for n in range(1, 501)
    )
    Store.objects.update(head=500)
    pull = {"type": "pull", "id": 1, "cursor": 0, "live": True}
    init = {"type": "init", "instanceId": member.instance, "authToken": member.token}
    with serve(settings) as server, deaf_client(server, init, pull), member.open(server) as healthy:
        healthy.send(pull)
        assert [event["seqNum"] for event in drain(healthy, 500)] == list(range(1, 501))
        assert server.connections == 2
        until(lambda: server.connections == 1)
        assert healthy.ask({"type": "ping", "id": 2})["type"] == "pong"
