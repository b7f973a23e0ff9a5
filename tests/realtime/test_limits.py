"""What a socket may send, and how peers are handled that flood, fall silent or vanish."""

from __future__ import annotations

import itertools
import socket as sockets
from typing import Any

import pytest
from pytest_django import Settings

from realtime import limits, metrics
from realtime.limits import Bucket, Meter
from realtime.server import OPTIONS
from tests.realtime.conftest import Member, make_member
from tests.realtime.frames import deaf_client
from tests.server import Server, Socket, serve
from tests.waiting import until


def test_a_bucket_empties_and_fills_up_again() -> None:
    bucket = Bucket(rate=10, burst=20)
    for _ in range(20):
        assert bucket.missing(1, now=100) == 0
        bucket.take(1)
    assert bucket.missing(1, now=100) == pytest.approx(0.1)
    assert bucket.missing(1, now=100.1) == pytest.approx(0)
    assert bucket.missing(30, now=100.1) == pytest.approx(1.9)  # more than its capacity needs a full bucket
    assert bucket.missing(20, now=999) == 0
    bucket.take(20)
    assert bucket.missing(1, now=999) > 0


def test_large_messages_cost_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SOCKET_RATE", 0.001)
    small, large = Meter(), Meter()
    assert sum(small.charge(100) == 0 for _ in range(1000)) == 498
    assert sum(large.charge(900_000) == 0 for _ in range(1000)) == 17


def test_large_messages_between_small_ones_are_a_flood_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=0.025)
    monkeypatch.setattr("realtime.limits.time.monotonic", lambda: next(clock))
    polite, flooding = Meter(), Meter()
    for _ in range(1000):
        polite.charge(10)
        flooding.charge(900_000)
        flooding.charge(10)
    assert polite.refused == 0
    assert flooding.refused > limits.MAX_REFUSED


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets with a small capacity that hardly refill."""
    monkeypatch.setattr(limits, "SOCKET_RATE", 0.001)
    monkeypatch.setattr(limits, "SOCKET_BURST", 10.5)
    monkeypatch.setattr(limits, "USER_RATE", 0.001)
    monkeypatch.setattr(limits, "USER_BURST", 25.5)


def ping(socket: Socket) -> str:
    frame = socket.ask({"type": "ping", "id": 1})
    return str(frame.get("code", frame["type"]))


def test_a_flood_is_told_and_then_cut_off(tight: None, server: Server, member: Member) -> None:
    bystander = make_member(member.guild)
    with member.open(server) as flooding, bystander.open(server) as other:
        assert [ping(flooding) for _ in range(9)] == ["pong"] * 9
        refused = flooding.ask({"type": "ping", "id": 1})
        assert (refused["code"], refused["id"]) == ("RATE_LIMITED", 1)
        assert refused["retryAfterMs"] > 0
        assert ping(other) == "pong"
        for _ in range(limits.MAX_REFUSED):
            flooding.send({"type": "ping", "id": 1})
        assert flooding.close_code() == 4429
        assert ping(other) == "pong"


def test_who_waits_may_go_on(server: Server, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SOCKET_RATE", 20.0)
    monkeypatch.setattr(limits, "SOCKET_BURST", 5.0)
    with member.open(server) as socket:
        answers = [ping(socket) for _ in range(20)]
        assert "RATE_LIMITED" in answers
        until(lambda: ping(socket) == "pong")


def test_one_person_s_sockets_share_a_limit(tight: None, server: Server, member: Member) -> None:
    bystander = make_member(member.guild)
    with member.open(server) as one, member.open(server) as two, member.open(server) as three:
        answers = [ping(socket) for socket in (one, two, three) for _ in range(8)]
        assert answers == ["pong"] * 24  # the three `init`s came before the person was known
        assert [ping(three), ping(one)] == ["pong", "RATE_LIMITED"]
    with bystander.open(server) as other:
        assert ping(other) == "pong"


@pytest.mark.parametrize("how", ["answers no ping", "closes one direction"])
def test_a_half_open_peer_is_let_go(
    how: str, member: Member, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "answers no ping":
        monkeypatch.setitem(OPTIONS, "ws_ping_interval", 0.2)
        monkeypatch.setitem(OPTIONS, "ws_ping_timeout", 0.2)
    frames: list[dict[str, Any]] = [
        {"type": "init", "instanceId": member.instance, "authToken": member.token},
        {"type": "pull", "id": 1, "cursor": 0, "live": True},
    ]
    gauge = metrics.SOCKETS_OPEN.labels("sync")._value
    before = gauge.get()
    with serve(settings) as server, deaf_client(server, *frames) as raw:
        until(lambda: gauge.get() == before + 1)
        if how == "closes one direction":
            raw.shutdown(sockets.SHUT_WR)
        until(lambda: gauge.get() == before)
        until(lambda: server.connections == 0)
