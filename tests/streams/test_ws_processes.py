"""`/ws` in two processes that share a database and a Redis, one of which is killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from pytest_django import Settings

from streams import presence
from streams.domain.streams import create_stream, share_with_user, unshare
from streams.models import StreamGrant, StreamPresence
from tests.program import AnotherWeb, another_web
from tests.server import Server, serve
from tests.streams.device import JPEG, Device, Person, connect, make_person
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def here(
    transactional_db: None, settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """The server in this process, with the channel layer and cache of a real one.

    It renews its presence rows each time it wakes, instead of every ten seconds.
    """
    monkeypatch.setattr(presence, "REFRESH_SECONDS", 0.0)
    settings.REDIS_URL = redis_url
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [redis_url], "prefix": "backline"},
        }
    }
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": redis_url,
            "KEY_PREFIX": "backline",
        }
    }
    with serve(settings) as running:
        yield running


@pytest.fixture
def elsewhere(transactional_db: None, redis_url: str, tmp_path: Path) -> Iterator[AnotherWeb]:
    with another_web(tmp_path, REDIS_URL=redis_url) as web:
        yield web


def on(person: Person, place: Any, stream: str, **options: Any) -> Device:
    device = connect(place, additional_headers={"Authorization": f"Bearer {person.token}"})
    assert device.register(stream, **options)["type"] == "registered"
    return device


def assert_lists(device: Device, wanted: set[str], staying: set[str]) -> None:
    """Wait until a device has been sent exactly these connections. Those in `staying` must never be missing."""
    here: set[str] = set()
    while here != wanted:
        here = {each["connectionId"] for each in device.until("presence")["present"]}
        assert here >= staying


def staying_rows(connection_ids: set[str]) -> dict[str, int]:
    rows = StreamPresence.objects.filter(connection_id__in=connection_ids)
    return dict(rows.values_list("connection_id", "pk"))


def test_messages_frames_presence_and_rights_cross_processes_and_alerts_survive_a_kill(
    here: Server, elsewhere: AnotherWeb
) -> None:
    owner, friend = make_person(), make_person()
    stream_id = f"cam-{os.getpid()}"
    stream = create_stream(owner.user, stream_id=stream_id)
    share_with_user(stream, friend.user, write=True)
    types = ["video-frame", "status", "alert"]
    with (
        on(owner, here, stream_id, produces=types, presence=True) as producer,
        on(friend, elsewhere, stream_id, consumes=types, produces=["alert"], presence=True) as consumer,
    ):
        # Presence: both devices know both connections.
        for device in (producer, consumer):
            while True:
                notice = device.until("presence")
                if (notice["producing"], notice["watching"]) == (2, 1):
                    break
        # People come and go on both sides. Those who stay must never be missing.
        staying = {producer.connection_id, consumer.connection_id}
        rows = staying_rows(staying)
        for place, person in ((here, owner), (elsewhere, friend)) * 2:
            with on(person, place, stream_id, consumes=["status"]) as passing:
                assert_lists(producer, {*staying, passing.connection_id}, staying)
                assert_lists(consumer, {*staying, passing.connection_id}, staying)
            assert_lists(producer, staying, staying)
            assert_lists(consumer, staying, staying)
        assert staying_rows(staying) == rows

        producer.send({"type": "status", "battery": 1})
        status = consumer.until("status")
        assert status["from"] == {"userId": str(owner.user.pk), "connectionId": producer.connection_id}
        producer.show({"type": "video-frame", "n": 1})
        shown = consumer.next_frame()
        assert (shown.payload, shown.header["n"], shown.header["missed"]) == (JPEG, 1, 0)
        assert shown.header["from"]["connectionId"] == producer.connection_id

        # More frames than the path between the processes carries. Those dropped on it are reported as missed.
        for n in range(2, 42):
            producer.show({"type": "video-frame", "n": n})
        late = [consumer.next_frame().header]
        while late[-1]["n"] < 41:
            late.append(consumer.next_frame().header)
        assert sum(1 + header["missed"] for header in late) == 40
        assert late[-1]["frame"] == 41

        # A service in the other process raises an alert about the camera here.
        consumer.send({"type": "alert", "text": "motion", "id": "message-1"})
        assert consumer.until("ack")["seq"] == 1
        rest = Client(headers={"Authorization": f"Bearer {owner.token}"})
        kept = rest.get(f"/api/streams/{stream_id}/alerts/1/frame")
        assert kept.content == JPEG

        # Without a viewer, the picture for the alert is found all the same.
        with on(owner, here, f"{stream_id}-b", produces=["video-frame"]) as other:
            other.show({"type": "video-frame"})
            url = f"{elsewhere.url}/api/streams/{stream_id}-b/frame"
            headers = {"Authorization": f"Bearer {owner.token}"}
            until(lambda: httpx.get(url, headers=headers).content == JPEG)

        # The process is killed. Events in the meantime are read later, from the cursor.
        elsewhere.program.kill()
        producer.send({"type": "alert", "text": "meanwhile", "id": "message-2"})
        assert producer.until("ack")["seq"] == 2
    elsewhere.program.start()
    until(elsewhere.ready, within=60)
    with on(friend, elsewhere, stream_id, consumes=["alert"], since=1) as consumer:
        assert consumer.receive()["text"] == "meanwhile"
        unshare(stream, StreamGrant.objects.get().pk)
        assert consumer.until("error")["code"] == "UNAUTHORIZED"
        assert consumer.close_code() == 4403
