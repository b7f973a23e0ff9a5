"""The quota of one owner's streams, and that a log is deleted with its stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.models import User
from realtime.domain.append import size_of
from realtime.errors import StoreFull
from realtime.models import Event, Store, Via
from realtime.origin import Origin
from streams.domain import streams
from streams.domain.alerts import Picture, write_alert
from streams.domain.streams import (
    create_stream,
    delete_stream,
    issue_token,
    revoke_tokens,
    rotate,
    share_with_user,
)
from streams.errors import StreamNotFound, TooManyTokens
from streams.models import AlertFrame, Stream
from tests.factories import UserFactory
from tests.server import Server
from tests.streams.device import make_person

pytestmark = pytest.mark.both_databases

JPEG = b"\xff\xd8\xff" + bytes(5_000)


@pytest.fixture
def owner(db: None) -> User:
    return UserFactory.create()


@pytest.fixture
def stream(owner: User) -> Stream:
    return create_stream(owner, stream_id="cam-1")


def alert(sender: User, text: str = "", *, to: str = "cam-1", picture: bool = False, key: str = "") -> int:
    shot = Picture("image/jpeg", JPEG, time.time()) if picture else None
    origin = Origin(user=sender, via=Via.SYNC, command_id=key)
    return write_alert(to, "alert", {"text": text}, origin=origin, picture=shot)


def held(stream: Stream) -> int:
    return Store.objects.get(name=stream.log).size_bytes


@pytest.mark.django_db
def test_a_log_knows_what_it_holds(owner: User, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.domain.alerts.KEPT_FRAMES", 2)
    for n in range(5):
        alert(owner, "é" * n, picture=True)
        pictures = len(JPEG) * AlertFrame.objects.count()
        assert held(stream) == size_of(Event.objects.all()) + pictures
    assert AlertFrame.objects.count() == 2


@pytest.mark.django_db
def test_all_streams_of_an_owner_share_the_room_and_others_have_theirs(
    owner: User, stream: Stream, settings: Settings
) -> None:
    settings.STREAM_BYTES_PER_OWNER = 5_000
    second = create_stream(owner, stream_id="cam-2")
    writer = UserFactory.create()
    share_with_user(second, writer, write=True)
    create_stream(writer, stream_id="theirs")
    assert alert(owner, "x" * 3_000, key="message-1") == 1
    with pytest.raises(StoreFull):
        alert(writer, "x" * 1_500, to="cam-2")
    assert not Event.objects.filter(store__name=second.log).exists()
    assert Store.objects.get(name=second.log).head == 0
    assert alert(owner, "x" * 3_000, key="message-1") == 1  # a repeated message needs no space
    assert alert(writer, "x" * 1_500, to="theirs") == 1
    delete_stream(stream)
    assert alert(writer, "x" * 1_500, to="cam-2") == 1
    settings.STREAM_BYTES_PER_OWNER = 0
    assert alert(writer, "x" * 9_000, to="cam-2") == 2


@pytest.mark.django_db
def test_where_a_picture_finds_no_room_the_alert_is_kept_without(
    owner: User, stream: Stream, settings: Settings
) -> None:
    settings.STREAM_BYTES_PER_OWNER = 5_000
    assert alert(owner, picture=True) == 1
    assert not AlertFrame.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_full_log_is_said_and_the_rest_goes_on(server: Server, settings: Settings) -> None:
    settings.STREAM_BYTES_PER_OWNER = 1_000
    person = make_person()
    with person.on(server, "cam-1", produces=["alert", "status"], consumes=["status"]) as device:
        answer = device.ask({"type": "alert", "text": "x" * 1_000, "id": "message-1"})
        assert (answer["code"], answer["id"]) == ("STORE_FULL", "message-1")
        device.send({"type": "status"})
        assert device.receive()["type"] == "status"


@pytest.mark.django_db(transaction=True)
def test_a_stream_deleted_while_an_alert_is_written_leaves_no_log_behind(
    owner: User, stream: Stream, in_threads: Callable[..., list[Any]]
) -> None:
    """Otherwise the next owner of the id could read it."""
    writing, deleted = threading.Event(), threading.Event()

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        if "realtime_store" in sql and not writing.is_set():
            writing.set()
            deleted.wait(timeout=1)  # times out if one waits for the other
        return execute(sql, *rest)

    def act(index: int) -> None:
        if index:
            assert writing.wait(timeout=10)
            delete_stream(stream)
            deleted.set()
            return
        try:
            with connection.execute_wrapper(meanwhile):
                alert(owner)
        except StreamNotFound:
            pass

    in_threads(2, act)
    assert not Store.objects.filter(name=stream.log).exists()
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_a_stream_has_so_many_device_tokens_and_no_more(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_TOKENS", 2)
    for _ in range(2):
        issue_token(stream, device="phone")
    with pytest.raises(TooManyTokens):
        issue_token(stream, device="phone")
    rotate(stream, device="phone")  # revokes the others first
    revoke_tokens(stream)
    assert issue_token(stream, device="phone").revoked_at is None
