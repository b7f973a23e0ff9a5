"""Pushes on `/sync`: a batch of commands that is executed once, or refused as a whole."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from realtime.models import Event
from tests.factories import TrackFactory
from tests.realtime.conftest import Member
from tests.realtime.frames import add_track, push
from tests.server import Server

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_push_is_a_command_and_its_events_come_back_live(server: Server, member: Member) -> None:
    track = TrackFactory.create()
    with member.open(server) as socket:
        socket.ask({"type": "pull", "id": "live", "cursor": 0, "live": True})
        command = add_track(track.uri, clientTimestamp=123)
        socket.send({"type": "push", "id": 3, "events": [command]})
        frames = {frame["type"]: frame for frame in (socket.receive(), socket.receive())}
        assert frames["ack"] == {"type": "ack", "id": 3, "head": 1, "seqNums": [1]}
        [event] = frames["events"]["events"]
        assert (event["name"], event["eventId"]) == ("TrackAdded", command["eventId"])
        assert event["args"]["item"]["track"]["uri"] == track.uri
        assert (event["metadata"]["via"], event["metadata"]["clientTimestamp"]) == ("sync", 123)
        assert event["metadata"]["userId"] == str(member.user.pk)


def test_the_same_event_id_gets_the_same_ack_and_nothing_twice(server: Server, member: Member) -> None:
    command = add_track(TrackFactory.create().uri)
    with member.open(server) as socket:
        first = push(socket, command)
        member.do("Pause")
        again = push(socket, command)
        assert (first["seqNums"], again["seqNums"]) == ([1], [1])
    with member.open(server) as other:
        assert push(other, command)["seqNums"] == [1]
    assert Event.objects.count() == 2


def test_a_pasted_link_is_told_to_everybody_as_the_link_alone(server: Server, member: Member) -> None:
    with member.open(server) as socket:
        push(socket, add_track("\u200b<Https://radio.example/live.mp3>\ufeff"))
    (event,) = Event.objects.all()
    assert json.loads(event.args)["item"]["track"]["url"] == "https://radio.example/live.mp3"


def test_one_event_id_for_two_commands_is_a_conflict(server: Server, member: Member) -> None:
    command = add_track(TrackFactory.create().uri)
    with member.open(server) as socket:
        push(socket, command)
        assert push(socket, command | {"args": {"query": "other"}})["code"] == "CONFLICT"
        assert push(socket, {**command, "name": "Pause", "args": {}})["code"] == "CONFLICT"


def test_a_refused_event_refuses_the_whole_batch(server: Server, member: Member) -> None:
    good = add_track(TrackFactory.create().uri)
    with member.open(server) as socket:
        for bad, code in [
            ({"name": "Skip", "args": {}}, "NOTHING_PLAYING"),
            ({"name": "Dance", "args": {}}, "UNKNOWN_EVENT"),
            ({"name": "TrackAdded", "args": {}}, "UNKNOWN_EVENT"),
            ({"name": "AddTrack", "args": {}}, "INVALID_PUSH"),
            ({"name": "RemoveItem", "args": {"item_id": "1"}}, "INVALID_PUSH"),
            ({"name": "JoinVoice", "args": {"channel_id": "1"}}, "UNKNOWN_CHANNEL"),
        ]:
            error = push(socket, good, bad | {"eventId": str(uuid.uuid4())})
            assert (error["type"], error["id"], error["code"]) == ("error", "push", code)
        assert Event.objects.count() == 0
        assert push(socket, good)["seqNums"] == [1]


def test_a_batch_is_carried_out_in_order(server: Server, member: Member) -> None:
    tracks = TrackFactory.create_batch(3)
    with member.open(server) as socket:
        ack = push(socket, *(add_track(track.uri) for track in tracks))
        assert (ack["seqNums"], ack["head"]) == ([1, 2, 3], 3)
    uris = [json.loads(event.args)["item"]["track"]["uri"] for event in Event.objects.order_by("seq")]
    assert uris == [track.uri for track in tracks]


@pytest.mark.parametrize(
    ("events", "code"),
    [
        (None, "INVALID_PUSH"),
        ([], "INVALID_PUSH"),
        ({}, "INVALID_PUSH"),
        (["text"], "INVALID_PUSH"),
        ([{"name": "Pause", "args": {}}], "INVALID_PUSH"),
        ([{"eventId": "short", "name": "Pause"}], "INVALID_PUSH"),
        ([{"eventId": "x" * 65, "name": "Pause"}], "INVALID_PUSH"),
        ([{"eventId": "not-ascii-é", "name": "Pause"}], "INVALID_PUSH"),
        ([{"eventId": "with-nul-\0", "name": "Pause"}], "INVALID_PUSH"),
        ([{"eventId": 12345678, "name": "Pause"}], "INVALID_PUSH"),
        ([{"eventId": "12345678", "name": ""}], "INVALID_PUSH"),
        ([{"eventId": "12345678", "name": "Pause", "args": []}], "INVALID_PUSH"),
        ([{"eventId": "12345678", "name": "Pause", "clientTimestamp": "now"}], "INVALID_PUSH"),
        ([{"eventId": "12345678", "name": "Pause", "clientTimestamp": 1e300}], "INVALID_PUSH"),
        ([{"eventId": f"1234567{n}", "name": "Pause"} for n in range(101)], "TOO_LARGE"),
    ],
)
def test_a_push_that_is_not_well_formed_is_refused_and_the_socket_stays(
    events: Any, code: str, server: Server, member: Member
) -> None:
    with member.open(server) as socket:
        assert socket.ask({"type": "push", "id": 1, "events": events})["code"] == code
        assert socket.ask({"type": "ping", "id": 2})["head"] == 0


def test_a_hundred_events_are_not_too_many(server: Server, member: Member) -> None:
    commands = [
        {"eventId": f"command-{n}", "name": ["Pause", "Resume"][n % 2], "args": {}} for n in range(100)
    ]
    with member.open(server) as socket:
        assert push(socket, *commands)["head"] == 100


def test_somebody_who_left_the_guild_pushes_no_more(server: Server, member: Member) -> None:
    with member.open(server) as socket:
        member.user.memberships.all().delete()
        assert push(socket, add_track("song"))["code"] == "FORBIDDEN"
    assert Event.objects.count() == 0
