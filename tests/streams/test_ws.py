"""`/ws`: who may connect, who may send and receive what, and where messages go."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from accounts.domain.sessions import Principal, begin_sync_session, revoke_session
from accounts.tokens import issue_sync
from realtime.models import Event
from streams.domain.streams import (
    change_stream,
    create_stream,
    delete_stream,
    issue_token,
    share_with_user,
    unshare,
)
from streams.models import Stream, StreamGrant, StreamPresence
from streams.register import Request, grant, read_request
from streams.rights import NO_RIGHTS
from tests.factories import UserFactory
from tests.server import Server
from tests.streams.device import Device, Person, connect, make_person
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner(transactional_db: None) -> Person:
    return make_person()


@pytest.fixture
def stream(owner: Person) -> Stream:
    return create_stream(owner.user, stream_id="cam-1")


def refused(server: Server, path: str = "/ws", **options: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as caught:
        connect(server, path, **options)
    return caught.value.response.status_code, json.loads(caught.value.response.body or b"")


def bearer(token: str) -> dict[str, Any]:
    return {"additional_headers": {"Authorization": f"Bearer {token}"}}


# --- Who may open it ---


def test_header_subprotocol_query_and_cookie_open(server: Server, owner: Person) -> None:
    browser = Client()
    browser.force_login(owner.user)
    cookie = browser.cookies[django_settings.SESSION_COOKIE_NAME].value
    ways: list[dict[str, Any]] = [
        bearer(owner.token),
        {"subprotocols": [Subprotocol("bearer"), Subprotocol(owner.token)]},
        {"path": f"/ws?token={owner.token}"},
        {"additional_headers": {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}"}},
    ]
    for way in ways:
        with connect(server, **way) as device:
            assert device.connection.subprotocol == ("bearer" if "subprotocols" in way else None)
            answer = device.register("cam-1", produces=["video-frame"])
            assert answer["type"] == "registered"
            assert (answer["streamId"], answer["userId"]) == ("cam-1", str(owner.user.pk))


def test_without_a_good_credential_the_upgrade_is_refused(server: Server, owner: Person) -> None:
    assert refused(server) == (401, {"code": "AUTH_REQUIRED", "detail": "Log in first."})
    for options in (
        bearer("nonsense"),
        {"subprotocols": [Subprotocol("bearer"), Subprotocol("nonsense")]},
        {"path": "/ws?token=nonsense"},
    ):
        assert refused(server, **options)[1]["code"] == "TOKEN_INVALID"
    assert refused(server, **bearer(owner.token_expiring(-60)))[1]["code"] == "TOKEN_EXPIRED"  # no grace here
    store_token, _ = begin_sync_session(owner.user, store="app:todo", device="x", address=None)
    assert refused(server, **bearer(store_token))[1]["code"] == "TOKEN_INVALID"
    revoke_session(owner.session)
    assert refused(server, **bearer(owner.token))[1]["code"] == "SESSION_REVOKED"


def test_a_foreign_origin_is_refused(server: Server, owner: Person) -> None:
    headers = {"Authorization": f"Bearer {owner.token}"}
    status, body = refused(server, additional_headers=headers | {"Origin": "https://evil.example"})
    assert (status, body["code"]) == (403, "FORBIDDEN")
    with connect(server, additional_headers=headers | {"Origin": server.url}) as device:
        assert device.register("cam-1", produces=["x"])["type"] == "registered"


def test_without_required_authentication_anybody_is_dev(server: Server, settings: Settings) -> None:
    settings.REQUIRE_AUTH = False
    for options in ({}, bearer("nonsense")):
        with connect(server, **options) as device:
            answer = device.register("cam-1", produces=["x"])
            assert answer["warning"] == {"code": "AUTH_DISABLED"}
    assert Stream.objects.get().owner.username == "dev"


def test_who_says_nothing_is_closed(server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.consumers.connection.INIT_SECONDS", 0.1)
    with owner.open(server) as device:
        assert device.close_code() == 4408


# --- Who may do what ---


def test_owner_writer_reader_public_and_outsider(server: Server, owner: Person, stream: Stream) -> None:
    writer, reader, outsider = make_person(), make_person(), make_person()
    share_with_user(stream, writer.user, write=True)
    share_with_user(stream, reader.user, write=False)
    cannot_publish = {
        "type": "error",
        "code": "UNAUTHORIZED",
        "message": "No permission to publish to this stream",
        "streamId": "cam-1",
    }
    cannot_read = cannot_publish | {"message": "No permission to read this stream"}

    def tries(person: Person, **options: list[str]) -> dict[str, Any]:
        with person.open(server) as device:
            return device.register("cam-1", **options)

    for person in (owner, writer):
        assert tries(person, produces=["alert"], consumes=["alert"])["type"] == "registered"
    assert tries(reader, consumes=["alert"])["type"] == "registered"
    assert tries(reader, produces=["alert"], consumes=["alert"]) == cannot_publish
    assert tries(outsider, consumes=["alert"]) == cannot_read
    assert tries(outsider, produces=["alert"]) == cannot_publish
    Stream.objects.update(public=True)
    assert tries(outsider, consumes=["alert"])["type"] == "registered"
    assert tries(outsider, produces=["alert"]) == cannot_publish


def test_a_reader_who_publishes_anyway_is_told_and_stays(
    server: Server, owner: Person, stream: Stream
) -> None:
    reader = make_person()
    share_with_user(stream, reader.user, write=False)
    with reader.on(server, "cam-1", consumes=["alert"]) as device:
        answer = device.ask({"type": "alert", "text": "no", "id": "a" * 8})
        assert (answer["code"], answer["id"]) == ("UNAUTHORIZED", "a" * 8)
        device.show({"type": "video-frame"})
        refusal = device.next()
        assert isinstance(refusal, dict)
        assert refusal["code"] == "UNAUTHORIZED"
        device.quiet()
    assert not Event.objects.exists()


def test_producing_makes_the_stream_and_consuming_does_not(
    server: Server, owner: Person, settings: Settings
) -> None:
    with owner.open(server) as device:
        assert device.register("new", consumes=["alert"])["code"] == "NOT_FOUND"
        assert device.close_code() == 4404
    with owner.on(server, "mine", produces=["x"]) as device:
        assert Stream.objects.get().owner == owner.user
        assert device.register("new", consumes=["alert"])["code"] == "NOT_FOUND"
        device.quiet()  # it continues with its other stream
    settings.STREAMS_AUTOCREATE = False
    with owner.open(server) as device:
        assert device.register("other", produces=["x"])["code"] == "NOT_FOUND"


def test_a_device_token_is_good_for_its_stream_only(server: Server, owner: Person, stream: Stream) -> None:
    session = issue_token(stream, device="phone")
    with owner.open(server, issue_sync(session)) as device:
        assert device.register("cam-1", produces=["video-frame"])["type"] == "registered"
        assert device.register("cam-2", produces=["video-frame"])["code"] == "UNAUTHORIZED"
        revoke_session(session)
        assert device.until("error")["code"] == "SESSION_REVOKED"
        assert device.close_code() == 4401


def test_a_right_that_is_lost_closes_within_a_second(server: Server, owner: Person, stream: Stream) -> None:
    writer, reader = make_person(), make_person()
    for person, write in ((writer, True), (reader, False)):
        share_with_user(stream, person.user, write=write)
    with (
        writer.on(server, "cam-1", produces=["x"]) as producing,
        reader.on(server, "cam-1", consumes=["x"]) as consuming,
        owner.on(server, "cam-1", consumes=["x"]) as unharmed,
    ):
        share_with_user(stream, writer.user, write=False)
        unshare(stream, StreamGrant.objects.get(user=reader.user).pk)
        for device in (producing, consuming):
            lost = device.next(seconds=1.5)
            assert isinstance(lost, dict)
            assert lost["code"] == "UNAUTHORIZED"
            assert device.close_code() == 4403
        unharmed.quiet()
        delete_stream(stream)
        assert unharmed.close_code() == 4404


def test_an_ended_session_closes_4401(server: Server, owner: Person) -> None:
    with owner.on(server, "cam-1", produces=["x"]) as device:
        revoke_session(owner.session)
        ended = device.next(seconds=1.5)
        assert isinstance(ended, dict)
        assert ended["code"] == "SESSION_REVOKED"
        assert device.close_code() == 4401


# --- Tokens that expire ---


def test_a_token_is_noticed_renewed_and_closes_a_minute_after_it_expired(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.consumer.AFTER_EXPIRY_SECONDS", 0.5)
    with owner.open(server, owner.token_expiring(30)) as device:
        notice = device.next()
        assert isinstance(notice, dict)
        assert (notice["type"], notice["code"]) == ("notice", "TOKEN_EXPIRING")
        authed = device.ask({"type": "auth", "id": 7, "authToken": owner.token_expiring(300)})
        assert (authed["type"], authed["id"]) == ("authed", 7)
        device.ask({"type": "auth", "id": 8, "authToken": owner.token_expiring(1)})
        assert device.until("error")["code"] == "TOKEN_EXPIRED"
        assert device.close_code() == 4401


def test_another_persons_token_closes_4403_and_a_bad_one_4401(server: Server, owner: Person) -> None:
    for token, code in ((make_person().token, 4403), ("nonsense", 4401), (owner.token_expiring(-60), 4401)):
        with owner.open(server) as device:
            assert device.ask({"type": "auth", "authToken": token})["type"] == "error"
            assert device.close_code() == code


# --- Messages ---


def test_a_message_goes_to_those_who_consume_its_type_with_the_true_sender(
    server: Server, owner: Person, stream: Stream
) -> None:
    friend = make_person()
    share_with_user(stream, friend.user, write=False)
    with (
        owner.on(server, "cam-1", produces=["status", "other"]) as producer,
        friend.on(server, "cam-1", consumes=["status"]) as consumer,
        owner.on(server, "cam-2", produces=["status"], consumes=["status"]) as elsewhere,
    ):
        forged = {"userId": str(friend.user.pk), "from": {"userId": "1"}, "timestamp": 1, "seq": 9}
        producer.send({"type": "other", "n": 0})
        producer.send({"type": "status", "battery": 0.5, **forged})
        got = consumer.receive()
        assert got.pop("timestamp") > 1_700_000_000_000
        assert got == {
            "type": "status",
            "battery": 0.5,
            "streamId": "cam-1",
            "from": {"userId": str(owner.user.pk), "connectionId": producer.connection_id},
        }
        elsewhere.quiet()
        consumer.quiet()
    assert not Event.objects.exists()  # not stored


def test_one_connection_serves_several_streams(server: Server, owner: Person) -> None:
    with (
        owner.on(server, "a", produces=["x"]) as device,
        owner.on(server, "a", consumes=["x"]) as on_a,
    ):
        assert device.register("b", produces=["x"], consumes=["x"])["streamId"] == "b"
        ambiguous = device.ask({"type": "x", "n": 1})
        assert (ambiguous["code"], "streamId" in ambiguous["message"]) == ("BAD_MESSAGE", True)
        device.send({"type": "x", "n": 2, "streamId": "a"})
        assert on_a.receive()["n"] == 2
        device.send({"type": "x", "n": 3, "streamId": "b"})
        assert device.receive()["n"] == 3  # including its own
        assert device.ask({"type": "unregister", "streamId": "b"})["type"] == "unregistered"
        device.send({"type": "x", "n": 4})
        assert on_a.receive()["n"] == 4
        assert device.ask({"type": "x", "streamId": "b"})["code"] == "BAD_MESSAGE"


def test_those_who_register_at_once_are_answered_each_for_itself_with_as_many_queries(
    owner: Person, stream: Stream, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    outsider, reader, device = make_person(), make_person(), make_person(owner.user)
    share_with_user(stream, reader.user, write=False)
    asked = [
        asking(owner, produces=["x"]),
        asking(outsider, consumes=["x"]),
        asking(reader, consumes=["x"]),
        asking(reader, produces=["x"]),
        asking(outsider, streamId="new", consumes=["x"]),
        asking(owner, since=10**6),
        (Principal(owner.user, device.session, store="stream:other"), asking(owner)[1]),
    ]
    answers = grant(asked)
    assert [type(answer).__name__ for answer in answers] == [
        "Granted", "NoPermission", "Granted", "NoPermission", "StreamNotFound", "EpochMismatch", "NoPermission",
    ]  # fmt: skip
    assert [getattr(answer, "rights", NO_RIGHTS).name for answer in answers[:3:2]] == ["owner", "read"]
    for many in (1, 3):
        with django_assert_num_queries(2):
            assert len(grant([asking(owner) for _ in range(many)])) == many
    both = grant([asking(person, streamId="new", produces=["x"]) for person in (outsider, owner)])
    assert [type(answer).__name__ for answer in both] == ["Granted", "NoPermission"]  # only the first one


def asking(person: Person, **options: Any) -> tuple[Principal, Request]:
    return Principal(person.user, person.session), read_request({"streamId": "cam-1", **options})


def test_registering_again_replaces(server: Server, owner: Person) -> None:
    with owner.on(server, "a", produces=["x"], consumes=["x"]) as device:
        device.register("a", produces=["x"], consumes=["y"])
        device.send({"type": "x"})
        device.quiet()


NOT_CARRIED_OUT: list[dict[str, Any]] = [
    {"type": "register"},
    {"type": "register", "streamId": "a b"},
    {"type": "register", "streamId": "a", "produces": "x"},
    {"type": "register", "streamId": "a", "produces": ["register"]},
    {"type": "register", "streamId": "a", "consumes": ["x"] * 33},
    {"type": "register", "streamId": "a", "since": -1},
    {"type": "register", "streamId": "a", "credit": 3},
    {"type": "register", "streamId": "a", "clientType": "a b"},
    {"type": "x"},
    {"type": "x", "id": ["a"]},
    {"type": "presence"},
    {"type": "unregister"},
    {"type": "auth"},
]


def test_a_message_that_cannot_be_carried_out_is_refused_and_harms_nothing(
    server: Server, owner: Person
) -> None:
    with owner.open(server) as device:
        for message in NOT_CARRIED_OUT:
            answer = device.ask(message)
            assert (answer["type"], answer["code"]) == ("error", "BAD_MESSAGE"), message
            device.quiet()


def test_what_is_no_message_closes_4400(server: Server, owner: Person) -> None:
    for text in ("nonsense", "[]", '{"a":1}', '{"type":5}', "[" * 5000):
        with owner.open(server) as device:
            device.connection.send(text)
            assert device.close_code() == 4400, text


# --- Durable messages ---


def test_an_alert_is_kept_and_replayed(server: Server, owner: Person, stream: Stream) -> None:
    with owner.on(server, "cam-1", produces=["alert"], consumes=["alert"]) as device:
        key = str(uuid.uuid4())
        device.send({"type": "alert", "level": "high", "text": "motion", "userId": "1", "id": key})
        first, second = device.receive(), device.receive()
        alert, ack = (first, second) if first["type"] == "alert" else (second, first)
        assert ack == {"type": "ack", "id": key, "streamId": "cam-1", "seq": 1}
        sender = {"userId": str(owner.user.pk), "connectionId": device.connection_id}
        timestamp = alert.pop("timestamp")
        assert alert == {
            "type": "alert",
            "level": "high",
            "text": "motion",
            "streamId": "cam-1",
            "from": sender,
            "seq": 1,
            "id": key,
        }
        again = device.ask({"type": "alert", "level": "high", "text": "motion", "id": key})
        assert again["seq"] == 1  # sent twice, stored once
    event = Event.objects.get()
    assert (event.actor, event.name, json.loads(event.args)) == (
        owner.user,
        "alert",
        {"level": "high", "text": "motion"},
    )
    with owner.on(server, "cam-1", consumes=["alert"], since=0) as later:
        assert later.receive() == alert | {"timestamp": timestamp}
        later.quiet()
    with owner.on(server, "cam-1", consumes=["alert"]) as fresh:
        fresh.quiet()
    with owner.on(server, "cam-1", consumes=["other"], since=0) as uninterested:
        uninterested.quiet()


def test_alerts_survive_the_consumer_and_the_server(
    server: Server, owner: Person, stream: Stream, settings: Settings
) -> None:
    from tests.server import serve

    with owner.on(server, "cam-1", consumes=["alert"]) as consumer, producer_on(owner, server) as producer:
        producer.send({"type": "alert", "n": 1})
        seen = [consumer.receive()]
        consumer.connection.socket.close()  # without a close frame
        for n in (2, 3):
            producer.ask({"type": "alert", "n": n, "id": f"message-{n}"})
    server.stop()
    with serve(settings) as another:
        with producer_on(owner, another) as producer:
            producer.ask({"type": "alert", "n": 4, "id": "message-4"})
        with owner.on(another, "cam-1", consumes=["alert"], since=seen[-1]["seq"]) as consumer:
            seen += [consumer.receive() for _ in range(3)]
            with producer_on(owner, another) as producer:
                producer.send({"type": "alert", "n": 5})
            seen.append(consumer.receive())
    assert [(message["seq"], message["n"]) for message in seen] == [(n, n) for n in range(1, 6)]


def producer_on(owner: Person, server: Server) -> Device:
    return owner.on(server, "cam-1", produces=["alert"])


def test_alerts_are_also_read_over_sync(server: Server, owner: Person, stream: Stream) -> None:
    with producer_on(owner, server) as producer:
        producer.ask({"type": "alert", "text": "motion", "id": "message-1"})
    with server.connect() as sync:
        assert sync.init("stream:cam-1", owner.token)["head"] == 1
        events = sync.ask({"type": "pull", "id": 1, "cursor": 0})["events"]
        assert [(e["name"], e["args"], e["metadata"]["userId"]) for e in events] == [
            ("alert", {"text": "motion"}, str(owner.user.pk))
        ]
        assert sync.receive()["type"] == "end"
        push = {"eventId": str(uuid.uuid4()), "name": "alert", "args": {}}
        assert sync.ask({"type": "push", "id": 2, "events": [push]})["code"] == "FORBIDDEN"
    with server.connect() as sync:
        assert sync.init("stream:cam-1", make_person().token)["code"] == "NOT_FOUND"


def test_a_type_that_becomes_durable_is_kept_and_delivered_from_then_on(
    server: Server, owner: Person, stream: Stream
) -> None:
    with owner.on(server, "cam-1", produces=["door"], consumes=["door"]) as device:
        device.send({"type": "door", "n": 1})
        assert "seq" not in device.receive()
        device.quiet()
        change_stream(stream, durable_types=["alert", "door"])
        notice = device.receive()
        assert (notice["code"], notice["streamId"], notice["durableTypes"]) == (
            "DURABLE_TYPES",
            "cam-1",
            ["alert", "door"],
        )
        device.send({"type": "door", "n": 2})
        assert device.receive()["seq"] == 1


def test_a_position_nobody_can_continue_from_is_refused(
    server: Server, owner: Person, stream: Stream
) -> None:
    with owner.open(server) as device:
        ahead = device.register("cam-1", consumes=["alert"], since=5)
        assert (ahead["code"], ahead["head"]) == ("EPOCH_MISMATCH", 0)
        assert device.register("cam-1", consumes=["alert"], since=0, epoch="x")["code"] == "EPOCH_MISMATCH"


# --- Presence ---


def test_members_who_ask_are_told_who_is_there(server: Server, owner: Person, stream: Stream) -> None:
    Stream.objects.update(public=True)
    with (
        owner.on(server, "cam-1", consumes=["x"], presence=True) as watcher,
        make_person().on(server, "cam-1", consumes=["x"], presence=True) as public,
    ):
        while True:
            told = watcher.until("presence")
            if told["watching"] == 2:
                break
        with owner.on(server, "cam-1", produces=["x"]) as producer:
            told = watcher.until("presence")
            assert (told["producing"], told["watching"]) == (1, 2)
            camera = next(p for p in told["present"] if p["produces"])
            assert (camera["userId"], camera["connectionId"], camera["clientType"]) == (
                str(owner.user.pk),
                producer.connection_id,
                "test",
            )
            headers = {"Authorization": f"Bearer {owner.token}"}
            shape = Client(headers=headers).get("/api/streams/cam-1").json()
            assert (shape["producing"], shape["watching"], len(shape["presence"])) == (1, 2, 3)
        assert watcher.until("presence")["producing"] == 0
        public.quiet()
    until(lambda: not StreamPresence.objects.exists())


def test_nobody_else_than_its_user_is_present(server: Server, owner: Person) -> None:
    UserFactory.create()
    with owner.on(server, "cam-1", produces=["x"]):
        until(StreamPresence.objects.exists)
        assert StreamPresence.objects.get().user == owner.user
