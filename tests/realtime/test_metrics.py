"""The metrics, each changed through the interface that it measures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from prometheus_client import REGISTRY
from pytest_django import Settings
from websockets.exceptions import InvalidStatus

from accounts import service_tokens
from accounts.domain.sessions import issue_pair, revoke_session
from realtime import hub, metrics
from realtime.domain.append import append_untyped, ensure_store, lock_store
from realtime.origin import BOT
from tests.factories import SessionFactory
from tests.realtime.conftest import Member
from tests.server import Server, Socket
from tests.waiting import until


class Moved:
    """How much a metric has changed since it was first read, because other tests in this process change it too."""

    def __init__(self, name: str, **labels: object) -> None:
        self.name = name
        self.labels = {key: str(value) for key, value in labels.items()}
        self.before = self.now()

    def now(self) -> float:
        return REGISTRY.get_sample_value(self.name, self.labels) or 0.0

    def by(self) -> float:
        return self.now() - self.before


def authentications(surface: str, outcome: str) -> Moved:
    return Moved("backline_authentications_total", surface=surface, outcome=outcome)


def test_rest_counts_tokens_good_and_bad(member: Member, client: Client) -> None:
    good, bad = authentications("rest", "valid"), authentications("rest", "TOKEN_EXPIRED")
    expired = member.token_expiring(-60)
    for token in (member.token, expired, expired):
        client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert (good.by(), bad.by()) == (1, 2)


def test_a_cookie_is_counted_with_its_login(member: Member, client: Client) -> None:
    login, rest = authentications("login", "valid"), authentications("rest", "valid")
    client.force_login(member.user)
    client.get("/api/auth/me")
    assert (login.by(), rest.by()) == (1, 1)


def test_refused_logins_are_counted(client: Client, db: None) -> None:
    refused = authentications("login", "STATE_INVALID")
    client.get("/api/auth/discord/callback?code=x&state=y")
    assert refused.by() == 1


def test_refreshes_are_counted_by_how_they_end(member: Member, client: Client) -> None:
    fine = Moved("backline_token_refreshes_total", surface="rest", outcome="valid")
    ended = Moved("backline_token_refreshes_total", surface="rest", outcome="SESSION_REVOKED")
    pair = issue_pair(member.session)
    body = {"refresh": pair.refresh}
    client.post("/api/auth/token/refresh", body, content_type="application/json")
    revoke_session(member.session)
    client.post("/api/auth/token/refresh", body, content_type="application/json")
    assert (fine.by(), ended.by()) == (1, 1)


def test_service_tokens_are_counted_and_the_bot_api_shows_metrics(
    settings: Settings, client: Client, db: None
) -> None:
    settings.ROOT_URLCONF = settings.BOT_API_URLCONF
    good, spent = authentications("bot_api", "valid"), authentications("bot_api", "TOKEN_INVALID")
    headers = {"Authorization": f"Bearer {service_tokens.issue()}"}
    for _ in range(2):
        client.get("/internal/status", headers=headers)
    assert (good.by(), spent.by()) == (1, 1)
    assert (
        b'backline_authentications_total{outcome="valid",surface="bot_api"}' in client.get("/metrics").content
    )


def test_events_are_counted_by_kind_when_they_are_committed(transactional_db: None) -> None:
    ensure_store("test:metrics")
    appended = Moved("backline_events_appended_total", kind="test")
    with transaction.atomic():
        append_untyped(lock_store("test:metrics"), "Happened", {}, origin=BOT)
        transaction.set_rollback(True)
    with transaction.atomic():
        append_untyped(lock_store("test:metrics"), "Happened", {}, origin=BOT)
    assert appended.by() == 1


def test_a_socket_s_life_is_counted(server: Server, member: Member) -> None:
    opened = Moved("backline_sockets_open", endpoint="sync")
    good, renewed = (
        authentications("sync", "valid"),
        Moved("backline_token_refreshes_total", surface="sync", outcome="valid"),
    )
    closed = Moved("backline_sockets_closed_total", endpoint="sync", code=4401)
    with member.open(server) as socket:
        assert opened.by() == 1
        assert socket.ask({"type": "auth", "id": 1, "authToken": member.token})["type"] == "authed"
        assert (good.by(), renewed.by()) == (2, 1)
        revoke_session(member.session)
        assert socket.close_code() == 4401
    until(lambda: opened.by() == 0)
    assert closed.by() == 1
    with member_again(member).open(server):
        assert opened.by() == 1
    until(lambda: opened.by() == 0)
    assert closed.by() == 1  # the other one left by itself


def member_again(member: Member) -> Member:
    return Member(member.user, SessionFactory.create(user=member.user), member.guild)


def test_each_accepted_socket_is_logged_once_with_its_person_and_session(
    server: Server, member: Member, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with server.connect(f"/sync?token={member.token}") as socket:
        connection_id = socket.init(member.instance, member.token)["connectionId"]
        assert socket.ask({"type": "auth", "id": 2, "authToken": member.token})["type"] == "authed"
    accepted = [r.getMessage() for r in caplog.records if r.getMessage().startswith("socket.accepted")]
    who = f"user={member.user.pk} session={member.session.pk}"
    assert accepted == [f"socket.accepted endpoint=sync connection={connection_id} {who}"]
    assert member.token not in caplog.text


def test_grace_and_rejections_are_counted_and_said_without_tokens(
    server: Server, member: Member, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    grace = Moved("backline_grace_uses_total", surface="sync")
    refused = Moved("backline_connections_rejected_total", endpoint="sync", reason="TOKEN_INVALID")
    foreign = Moved("backline_connections_rejected_total", endpoint="sync", reason="FORBIDDEN")
    unserved = Moved("backline_connections_rejected_total", endpoint="sync", reason="4400")
    expired = member.token_expiring(-60)
    with member.open(server, expired):
        pass
    for options in (
        {"additional_headers": {"Authorization": f"Bearer {member.token}x"}},
        {"origin": "https://elsewhere.example"},
    ):
        with pytest.raises(InvalidStatus):
            server.connect(**options)
    with server.connect() as socket:
        socket.send({"type": "dance"})
        assert socket.close_code() == 4400
    assert (grace.by(), refused.by(), foreign.by(), unserved.by()) == (1, 1, 1, 1)
    output = caplog.text
    for line in (
        "auth.grace surface=sync",
        "auth.refused surface=sync reason=TOKEN_INVALID",
        "socket.rejected endpoint=sync reason=FORBIDDEN",
        "socket.closed endpoint=sync code=4400",
    ):
        assert line in output
    assert expired not in output
    assert member.token not in output


def test_delivery_lag_is_measured_once_an_event(
    server: Server, member: Member, api: Callable[..., Client]
) -> None:
    with member.open(server) as first, member.open(server) as second:
        for socket in (first, second):
            assert socket.ask({"type": "pull", "id": 2, "cursor": 0, "live": True})["events"] == []
        count = Moved("backline_delivery_lag_seconds_count", kind="guild")
        slow = Moved("backline_delivery_lag_seconds_bucket", kind="guild", le="10.0")
        for _ in range(3):
            append_to(member.instance)
        seen = [event["seqNum"] for event in read(first, 3)]
        until(lambda: count.by() == 3)
        assert seen == [1, 2, 3]
        assert slow.by() == 3


def append_to(instance: str) -> None:
    with transaction.atomic():
        append_untyped(lock_store(instance), "Happened", {}, origin=BOT)


def read(socket: Socket, count: int) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while len(events) < count:
        events += socket.receive()["events"]
    return events


def test_what_is_closed_as_slow_is_counted(
    server: Server, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(hub, "STALL_SECONDS", 0.3)
    slow = Moved("backline_slow_closes_total", endpoint="sync")
    with server.connect(max_queue=1) as socket:  # a reader that accepts next to nothing
        socket.init(member.instance, member.token)
        socket.send({"type": "pull", "id": 2, "cursor": 0, "live": True})
        with transaction.atomic():
            for _ in range(16):
                append_untyped(lock_store(member.instance), "Happened", {"fill": "x" * 500_000}, origin=BOT)
        until(lambda: slow.by() == 1)
        socket.connection.socket.close()


def test_metrics_are_open_and_in_text(client: Client, db: None) -> None:
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert b"# TYPE backline_delivery_lag_seconds histogram" in answer.content
    assert metrics.exposition().startswith(b"# HELP")
