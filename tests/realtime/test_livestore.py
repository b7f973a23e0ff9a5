"""`/livestore`: the unmodified client's protocol, frame by frame."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts.domain.sessions import begin_sync_session, revoke_session
from realtime import json_text, limits
from realtime.domain.stores import delete_store, set_member
from realtime.livestore import MAX_MESSAGE_BYTES
from realtime.models import Event, Store, StoreRole, new_epoch
from tests.realtime.conftest import Member, make_member
from tests.realtime.test_json_text import STRANGE
from tests.server import Server, Socket
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

NONE = {"_tag": "None"}


class Client:
    """A client of a store, as `@livestore/sync-cf` 0.4.0 writes its frames."""

    def __init__(self, server: Server, store_id: str, payload: object, **options: Any) -> None:
        self.store_id = store_id
        self.payload = payload
        query = f"storeId={quote(store_id)}&transport=ws"
        if payload is not None:
            query += "&payload=" + quote(quote(json.dumps(payload), safe=""), safe="")
        self.socket: Socket = server.connect(f"/livestore?{query}", **options)
        self._ids = iter(range(10_000))

    def request(self, name: str, **payload: object) -> str:
        request_id = str(next(self._ids))
        output = {"storeId": self.store_id, "payload": self.payload, **payload}
        self.socket.send(
            {
                "_tag": "Request", "id": request_id, "tag": f"SyncWsRpc.{name}", "payload": output,
                "headers": [], "traceId": "a" * 32, "spanId": "b" * 16, "sampled": True,
            }
        )  # fmt: skip
        return request_id

    def push(self, *events: dict[str, Any], backend: str | None = None) -> dict[str, Any]:
        option = {"_tag": "Some", "value": backend} if backend else NONE
        request_id = self.request("Push", batch=list(events), backendId=option)
        answer = self.socket.receive()
        assert (answer["_tag"], answer["requestId"]) == ("Exit", request_id)
        exit_: dict[str, Any] = answer["exit"]
        return exit_

    def pull(self, cursor: tuple[int, str] | None = None, *, live: bool = False) -> str:
        option: dict[str, Any] = NONE
        if cursor:
            option = {"_tag": "Some", "value": {"eventSequenceNumber": cursor[0], "backendId": cursor[1]}}
        return self.request("Pull", cursor=option, live=live)

    def page(self, request_id: str) -> dict[str, Any]:
        answer = self.socket.receive()
        assert (answer["_tag"], answer["requestId"]) == ("Chunk", request_id), answer
        page: dict[str, Any] = answer["values"][0]
        return page

    def read_all(self, cursor: tuple[int, str] | None = None) -> list[dict[str, Any]]:
        request_id, events = self.pull(cursor), []
        while (answer := self.socket.receive())["_tag"] == "Chunk":
            events += [item["eventEncoded"] for item in answer["values"][0]["batch"]]
        assert answer == {"_tag": "Exit", "requestId": request_id, "exit": {"_tag": "Success"}}
        return events


def event(seq: int, parent: int | None = None, **more: Any) -> dict[str, Any]:
    place = {"seqNum": seq, "parentSeqNum": seq - 1 if parent is None else parent}
    return {"name": "v1.Noted", "args": {"n": seq}, "clientId": "desk", "sessionId": "s1"} | place | more


@pytest.fixture
def client(server: Server, member: Member) -> Iterator[Client]:
    client = Client(server, "notes", {"authToken": member.token})
    with client.socket:
        yield client


def failed(exit_: dict[str, Any]) -> dict[str, Any]:
    assert (exit_["_tag"], exit_["cause"]["_tag"]) == ("Failure", "Fail")
    error: dict[str, Any] = exit_["cause"]["error"]
    return error


def refused_status(server: Server, store_id: str, payload: object, **options: Any) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused:
        Client(server, store_id, payload, **options)
    return refused.value.response.status_code, json.loads(refused.value.response.body or b"")["code"]


# --- The log ---


def test_an_empty_store_answers_with_an_empty_page(client: Client) -> None:
    request_id = client.pull(live=True)
    epoch = Store.objects.get(name="app:notes").epoch
    assert client.page(request_id) == {"batch": [], "pageInfo": {"_tag": "NoMore"}, "backendId": epoch}
    assert client.read_all() == []


def test_a_live_pull_brings_ones_own_events_with_who_wrote_them(client: Client, member: Member) -> None:
    request_id = client.pull(live=True)
    client.page(request_id)
    sent = [event(1), event(2)]
    client.request("Push", batch=sent, backendId=NONE)
    frames = [client.socket.receive(), client.socket.receive()]
    chunk = next(frame for frame in frames if frame["_tag"] == "Chunk")
    assert {"_tag": "Exit", "requestId": "1", "exit": {"_tag": "Success", "value": {}}} in frames
    page = chunk["values"][0]
    assert page["pageInfo"] == {"_tag": "NoMore"}
    assert [{key: item["eventEncoded"][key] for key in sent[0]} for item in page["batch"]] == sent
    metadata = page["batch"][0]["metadata"]["value"]
    assert metadata["_tag"] == "SyncMessage.SyncMetadata"
    assert metadata["createdAt"].endswith("Z")
    assert metadata["userId"] == str(member.user.pk)
    assert set(Event.objects.values_list("actor", "client_id", "session_id", "via")) == {
        (member.user.pk, "desk", "s1", "sync")
    }


def test_two_writers_with_one_parent_get_one_place(client: Client, server: Server, member: Member) -> None:
    with (other := Client(server, "notes", {"authToken": member.token})).socket:
        assert client.push(event(1))["_tag"] == "Success"
        error = failed(other.push(event(1, clientId="phone")))
        assert error == {"_tag": "ServerAheadError", "minimumExpectedNum": 1, "providedNum": 0}
        assert failed(client.push(event(1)))["_tag"] == "ServerAheadError"  # the acknowledgement was lost
        assert [each["clientId"] for each in other.read_all()] == ["desk"]


def test_seqs_may_leave_gaps_but_never_go_back(client: Client) -> None:
    assert client.push(event(100, 0), event(20_000, 100))["_tag"] == "Success"
    assert [each["seqNum"] for each in client.read_all()] == [100, 20_000]
    assert failed(client.push(event(20_001), event(20_001, 20_001)))["note"] == "INVALID_PUSH"
    assert failed(client.push(event(20_001), event(20_005, 20_003)))["note"] == "INVALID_PUSH"
    assert Store.objects.get(name="app:notes").head == 20_000
    assert client.push() == {"_tag": "Success", "value": {}}


def test_args_come_back_exactly_as_sent(client: Client) -> None:
    for seq, args in enumerate(STRANGE, start=1):
        output = json.dumps({"_tag": "Request", "id": str(seq), "tag": "SyncWsRpc.Push", "payload": {
            "storeId": "notes", "backendId": NONE, "batch": [event(seq, args="HERE")],
        }})  # fmt: skip
        client.socket.connection.send(output.replace('"HERE"', args))
        assert client.socket.receive()["exit"]["_tag"] == "Success", args
    client.pull()
    text = client.socket.connection.recv(timeout=10)
    assert isinstance(text, str)
    for args in STRANGE:
        assert f'"args":{args.strip()},' in text


def test_a_long_log_comes_in_pages_that_say_what_remains(client: Client) -> None:
    for start in range(1, 251, 50):
        assert client.push(*(event(seq) for seq in range(start, start + 50)))["_tag"] == "Success"
    request_id, left = client.pull(), list[int]()
    while (answer := client.socket.receive())["_tag"] == "Chunk":
        info = answer["values"][0]["pageInfo"]
        left.append(info.get("remaining", 0))
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert answer["requestId"] == request_id
    epoch = Store.objects.get(name="app:notes").epoch
    assert [each["seqNum"] for each in client.read_all((248, epoch))] == [249, 250]


def test_another_log_is_a_backend_id_mismatch(client: Client) -> None:
    client.push(event(1))
    epoch = Store.objects.get(name="app:notes").epoch
    error = failed(client.push(event(2), backend="another"))
    assert error == {"_tag": "BackendIdMismatchError", "expected": epoch, "received": "another"}
    client.pull((1, "another"))
    assert failed(client.socket.receive()["exit"])["_tag"] == "BackendIdMismatchError"
    client.pull((7, epoch))  # a cursor that this log has never reached
    assert failed(client.socket.receive()["exit"])["_tag"] == "BackendIdMismatchError"


def test_a_replaced_log_makes_open_clients_come_back(client: Client) -> None:
    client.page(client.pull(live=True))
    Store.objects.filter(name="app:notes").update(epoch=new_epoch())
    assert client.socket.close_code() == 1012


def test_pings_interrupts_acks_and_arrays(client: Client) -> None:
    live = client.pull(live=True)
    client.page(live)
    client.socket.connection.send(json.dumps([{"_tag": "Ping"}, {"_tag": "Ack", "requestId": live}]))
    assert client.socket.receive() == {"_tag": "Pong"}
    client.socket.send({"_tag": "Interrupt", "requestId": live})
    assert client.socket.receive()["exit"]["cause"]["_tag"] == "Interrupt"
    assert client.push(event(1))["_tag"] == "Success"  # no chunk comes before it


# --- Who may ---


def test_nobody_and_bad_tokens_are_refused_at_the_upgrade(server: Server, member: Member) -> None:
    assert refused_status(server, "notes", None) == (401, "AUTH_REQUIRED")
    assert refused_status(server, "notes", {"authToken": "nonsense"}) == (401, "TOKEN_INVALID")
    late = member.token_expiring(-100_000)
    assert refused_status(server, "notes", {"authToken": late}) == (401, "TOKEN_EXPIRED")
    wrong = {"origin": "http://evil.example"}
    assert refused_status(server, "notes", {"authToken": member.token}, **wrong) == (403, "FORBIDDEN")
    assert refused_status(server, "", {"authToken": member.token})[0] == 400
    guild = {"authToken": member.token, "instanceId": member.instance}
    assert refused_status(server, "x", guild) == (404, "NOT_FOUND")
    assert not Store.objects.filter(name__startswith="app:").exists()


def test_a_store_of_others_is_forbidden(client: Client, server: Server) -> None:
    stranger = make_member()
    assert refused_status(server, "notes", {"authToken": stranger.token}) == (403, "FORBIDDEN")
    set_member(Store.objects.get(name="app:notes"), stranger.user, role=StoreRole.READER)
    with (reader := Client(server, "notes", {"authToken": stranger.token})).socket:
        assert failed(reader.push(event(1)))["note"] == "FORBIDDEN"


def test_instance_id_names_the_store(server: Server, member: Member) -> None:
    payload = {"authToken": member.token, "instanceId": "app:shared"}
    with (client := Client(server, "local-name", payload)).socket:
        assert client.push(event(1))["_tag"] == "Success"
    assert Store.objects.get(name="app:shared").head == 1


def test_a_sync_token_opens_its_store_only_until_revoked(server: Server, member: Member) -> None:
    token, session = begin_sync_session(member.user, store="app:notes", device="desk", address=None)
    assert refused_status(server, "others", {"authToken": token}) == (403, "FORBIDDEN")
    with (client := Client(server, "notes", {"authToken": token})).socket:
        assert client.push(event(1))["_tag"] == "Success"
        revoke_session(session)
        assert client.socket.close_code() == 4401
    assert refused_status(server, "notes", {"authToken": token}) == (401, "SESSION_REVOKED")


def test_in_grace_it_writes_and_an_open_connection_outlives_its_token(
    server: Server, member: Member, settings: Settings
) -> None:
    with (late := Client(server, "notes", {"authToken": member.token_expiring(-60)})).socket:
        assert late.push(event(1))["_tag"] == "Success"
    settings.SYNC_GRACE_SECONDS = 0
    settings.TOKEN_LEEWAY_SECONDS = 0
    soon = member.token_expiring(1.5)
    with (client := Client(server, "notes", {"authToken": soon})).socket:
        until(
            lambda: (
                client.push(event(Store.objects.get(name="app:notes").head + 1)) and _last_auth() == "grace"
            )
        )
    assert refused_status(server, "notes", {"authToken": soon}) == (401, "TOKEN_EXPIRED")


def _last_auth() -> str:
    return Event.objects.order_by("-seq")[0].auth


def test_another_persons_token_in_a_message_ends_it(client: Client) -> None:
    client.payload = {"authToken": make_member().token}
    client.pull()
    assert client.socket.close_code() == 4403


def test_a_deleted_store_ends_it(client: Client) -> None:
    client.page(client.pull(live=True))
    delete_store(Store.objects.get(name="app:notes"))
    assert client.socket.close_code() in {1012, 4403, 4404}


# --- Bad input ---


@pytest.mark.parametrize(
    "output",
    [
        b"binary", "no JSON", "[" * 5000, "1", "{}", '{"_tag":7}', '{"_tag":"Request","id":1}',
        '{"_tag":"Request","id":"1","tag":"SyncWsRpc.Pull"}',
        '{"_tag":"Request","id":"1","tag":"SyncWsRpc.Pull","payload":{"storeId":"another"}}',
        '{"_tag":"Request","id":"1","tag":"SyncWsRpc.Pull","payload":{"storeId":"notes","cursor":5}}',
        '{"_tag":"Request","id":"1","tag":"SyncWsRpc.Nothing","payload":{"storeId":"notes"}}',
        '{"_tag":"Nothing"}',
    ],
)  # fmt: skip
def test_what_no_client_says_closes_with_4400(client: Client, output: str | bytes) -> None:
    client.socket.connection.send(output)
    assert client.socket.close_code() == 4400


def test_more_than_the_client_ever_sends_closes_with_4413(client: Client) -> None:
    client.socket.connection.send(" " * (MAX_MESSAGE_BYTES + 1))
    assert client.socket.close_code() == 4413


@pytest.mark.parametrize(
    "bad",
    [
        {"seqNum": "1"}, {"seqNum": 0}, {"seqNum": 2**60}, {"parentSeqNum": -1}, {"name": ""}, {"name": 5},
        {"clientId": "\0"}, {"sessionId": "\ud800"}, {"clientId": "x" * 101},
    ],
)  # fmt: skip
def test_a_malformed_event_is_refused_and_nothing_stored(client: Client, bad: dict[str, Any]) -> None:
    client.socket.connection.send(
        json.dumps({"_tag": "Request", "id": "p", "tag": "SyncWsRpc.Push", "payload": {
            "storeId": "notes", "backendId": NONE, "batch": [event(1), event(2) | bad]}})
    )  # fmt: skip
    assert failed(client.socket.receive()["exit"])["note"] == "INVALID_PUSH"
    assert Store.objects.get(name="app:notes").head == 0


def test_flooding_is_held_back_and_loses_nothing(client: Client) -> None:
    for _ in range(700):
        client.socket.send({"_tag": "Ping"})
    for _ in range(700):
        assert client.socket.receive() == {"_tag": "Pong"}


def test_an_array_counts_as_many_messages_and_ends_with_its_session(
    client: Client, server: Server, member: Member
) -> None:
    """If the session ends in the middle of it, no more is written. The limit delays the rest."""
    pushes = [
        {"_tag": "Request", "id": str(seq), "tag": "SyncWsRpc.Push", "payload": {
            "storeId": "notes", "backendId": NONE, "batch": [event(seq)]}}
        for seq in range(1, 2001)
    ]  # fmt: skip
    client.socket.connection.send(json.dumps(pushes))
    assert client.socket.receive()["exit"] == {"_tag": "Success", "value": {}}
    revoke_session(member.session)
    assert client.socket.close_code() == 4401
    with (other := Client(server, "others", {"authToken": make_member().token})).socket:
        other.push(event(1))  # one push of the array may have been in progress
        written = Store.objects.get(name="app:notes").head
        for seq in range(2, 22):
            assert other.push(event(seq))["_tag"] == "Success"
    assert Store.objects.get(name="app:notes").head == written < 2000


def test_an_array_of_messages_is_held_to_the_same_rate(
    server: Server, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SOCKET_RATE", 40.0)
    monkeypatch.setattr(limits, "SOCKET_BURST", 10.0)
    with (client := Client(server, "notes", {"authToken": member.token})).socket:
        begun = time.monotonic()
        client.socket.connection.send(json.dumps([{"_tag": "Ping"}] * 30))
        for _ in range(30):
            assert client.socket.receive() == {"_tag": "Pong"}
        assert time.monotonic() - begun > 0.4


def test_a_batch_of_more_than_a_hundred_is_refused(client: Client) -> None:
    assert failed(client.push(*(event(seq) for seq in range(1, 102))))["note"] == "TOO_LARGE"


def test_event_ids_are_the_servers(client: Client) -> None:
    client.push(event(1, eventId="forged-id-0000"))
    assert uuid.UUID(Event.objects.get().event_id)
    assert json_text.parse(Event.objects.get().args) == {"n": 1}


def test_the_connection_goes_when_the_database_says_no_more(client: Client, member: Member) -> None:
    """The client would never retry a pull that ended with an error."""
    Store.objects.all().delete()
    client.pull()
    tags = list[str]()
    with pytest.raises(ConnectionClosed):
        tags += iter(lambda: str(client.socket.receive()["_tag"]), "")
    assert "Exit" not in tags
