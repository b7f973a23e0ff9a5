"""The log in sentences over REST, and what can be undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from guilds.models import Membership
from queue_app.audit import FOR_MEMBERS
from queue_app.models import Change, ItemState, QueueItem
from realtime.models import Event
from tests.factories import TrackFactory
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

Get = Callable[..., Any]


@pytest.fixture
def get(stage: Stage, api: Callable[[User], Client]) -> Get:
    def get(path: str, *, by: User | None = None) -> Any:
        return api(by or stage.member).get(f"/api/guilds/{stage.id}{path}").json()

    return get


def test_each_event_is_a_sentence_with_who_and_when(stage: Stage, get: Get) -> None:
    item = stage.add()
    (entry,) = get("/audit")["items"]
    event = Event.objects.get()
    assert entry == {
        "seq": 1,
        "last_seq": 1,
        "name": "TrackAdded",
        "sentence": f"{stage.member} added {item.track.title}.",
        "user": entry["user"],
        "via": "rest",
        "at": event.created_at.isoformat().replace("+00:00", "Z"),
        "undoable": True,
        "redoable": False,
        "undone_by": None,
        "undone": None,
        "undoes": None,
        "redoes": None,
    }
    assert entry["user"]["id"] == str(stage.member.pk)


def test_the_bot_is_nobody(stage: Stage, get: Get) -> None:
    stage.play()
    (entry,) = get("/audit?event=TrackStarted")["items"]
    assert (entry["user"], entry["via"]) == (None, "bot")
    assert entry["sentence"].startswith("Backline started ")


def test_many_tracks_are_counted(stage: Stage, get: Get) -> None:
    tracks = TrackFactory.create_batch(3)
    tracks[0].title = 'A "requested_by":{"requested_by":1}'
    tracks[0].save()
    stage.do("AddTracks", uris=[track.uri for track in tracks])
    assert get("/audit")["items"][0]["sentence"] == f"{stage.member} added 3 tracks."


def test_pages_follow_each_other(stage: Stage, get: Get) -> None:
    for _ in range(5):
        stage.add()
    seen: list[int] = []
    before = ""
    for _ in range(3):
        page = get(f"/audit?limit=2{before}")
        seen += [entry["seq"] for entry in page["items"]]
        before = f"&before={page['next']}"
    assert page["next"] is None
    assert seen == [5, 4, 3, 2, 1]


def test_filters_narrow_it_down(stage: Stage, get: Get) -> None:
    other = stage.join()
    stage.add()  # 1
    stage.add(by=other)  # 2
    stage.do("SetVolume", volume=30)  # 3

    def found(query: str) -> list[int]:
        return [entry["seq"] for entry in get(f"/audit?{query}")["items"]]

    assert found("user=me") == [3, 1]
    assert found(f"user={other.pk}") == [2]
    assert found("event=TrackAdded") == [2, 1]
    assert found("event=TrackAdded&user=me") == [1]
    assert found("via=rest") == [3, 2, 1]
    assert found("via=discord") == []


def test_settings_are_for_managers(stage: Stage, get: Get) -> None:
    manager = stage.join(manager=True)
    stage.do("ChangeSettings", by=manager, vote_share=70)
    stage.add()
    assert "SettingsChanged" not in FOR_MEMBERS
    assert [entry["name"] for entry in get("/audit")["items"]] == ["TrackAdded"]
    assert get("/audit?event=SettingsChanged")["items"] == []
    assert [entry["name"] for entry in get("/audit", by=manager)["items"]] == [
        "TrackAdded",
        "SettingsChanged",
    ]
    assert get("/audit?event=SettingsChanged", by=manager)["items"][0]["undoable"]


def test_what_was_undone_and_redone_refers_to_each_other(stage: Stage, get: Get) -> None:
    stage.add()
    stage.do("Undo")
    undone, added = get("/audit")["items"]
    assert (added["undoable"], added["undone_by"]) == (False, undone["seq"])
    assert (undone["undoable"], undone["undoes"]) == (False, added["seq"])
    stage.do("Redo")
    redone, _, added = get("/audit")["items"]
    assert redone["redoes"] == added["seq"]
    assert (added["undoable"], added["undone_by"]) == (True, None)


def test_a_command_is_one_entry_however_many_events_it_has(stage: Stage, get: Get) -> None:
    dj = stage.dj()
    stage.do("AddTracks", uris=[TrackFactory.create().uri for _ in range(250)])
    stage.do("ClearQueue", by=dj)
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    entries = get("/audit", by=dj)["items"]
    assert [(entry["name"], entry["seq"], entry["last_seq"], entry["undoable"]) for entry in entries] == [
        ("VoiceJoined", 5, 5, False),
        ("QueueCleared", 3, 4, True),
        ("TracksAdded", 1, 2, True),
    ]
    assert [entry["undoable"] for entry in get("/audit")["items"]] == [False, False, True]
    assert entries[1]["sentence"] == f"{dj} cleared 250 tracks."
    Change.objects.all().delete()  # as housekeeping does
    assert [entry["sentence"] for entry in get("/audit")["items"][1:]] == [
        f"{dj} cleared 250 tracks.",
        f"{stage.member} added 250 tracks.",
    ]


def test_no_page_divides_a_command(stage: Stage, get: Get) -> None:
    dj = stage.dj()
    stage.play()
    stage.do("AddTracks", uris=[TrackFactory.create().uri for _ in range(250)])
    before = len(stage.names)
    stage.do("Stop", by=dj)
    stage.do("Undo", by=dj)
    found, cursor = [], ""
    while cursor is not None:
        page = get(f"/audit?limit=1{cursor and f'&before={cursor}'}", by=dj)
        found += page["items"]
        cursor = page["next"]
    assert [entry["seq"] for entry in found[:3]] == [before + 5, before + 1, before - 1]
    assert found[1]["sentence"] == f"{dj} stopped playback and cleared 250 tracks."
    assert found[0]["undoes"] == found[1]["seq"]
    assert found[1]["undone_by"] == found[0]["seq"]
    seqs = [seq for entry in reversed(found) for seq in range(entry["seq"], entry["last_seq"] + 1)]
    assert seqs == list(range(1, len(stage.names) + 1))


def test_who_undid_it_is_told_and_what_did_not_come_back(stage: Stage, get: Get) -> None:
    first, second = stage.add(), stage.add()
    seq = stage.answer("RemoveItems", item_ids=[str(first.pk), str(second.pk)]).seqs[-1]
    QueueItem.objects.filter(pk=first.pk).update(state=ItemState.PLAYED)
    stage.do("Undo", by=stage.dj(), seq=seq)
    entry = next(each for each in get("/audit")["items"] if each["undone"])
    assert (entry["undoable"], entry["redoable"]) == (False, True)
    assert entry["undone"]["count"] == 1
    assert entry["undone"]["left_out"] == [{"reason": "ALREADY_PLAYED", "count": 1}]
    assert entry["undone"]["user"]["id"] != str(stage.member.pk)
    stage.do("Redo", seq=seq)
    entry = next(each for each in get("/audit")["items"] if each["seq"] == entry["seq"])
    assert (entry["undone"], entry["undoable"]) == (None, True)


def test_kinds_and_days_narrow_it_down(stage: Stage, get: Get) -> None:
    stage.play()
    stage.do("SetVolume", volume=40)
    Membership.objects.filter(user=stage.member).update(owner=True)
    stage.do("ChangeSettings", fair_order=True)

    def names(query: str) -> set[str]:
        return {entry["name"] for entry in get(f"/audit?{query}")["items"]}

    assert {"TrackStarted", "VolumeChanged", "TrackAdded"} <= names("")
    changes = names("kind=changes")
    assert {"VolumeChanged", "TrackAdded", "SettingsChanged"} <= changes
    assert not {"TrackStarted", "VoiceChanged"} & changes
    assert "VolumeChanged" not in names("kind=queue")
    assert "TrackAdded" not in names("kind=player")
    assert names("kind=server") == {"SettingsChanged"}
    assert names("kind=alerts") == names("day=2001-01-01") == set()
    assert names(f"day={timezone.now().date()}&kind=server") == {"SettingsChanged"}


def test_a_filter_by_event_finds_the_commands_that_have_one(stage: Stage, get: Get) -> None:
    dj = stage.dj()
    for _ in range(2):
        stage.play()
        stage.add()
        stage.do("Stop", by=dj)
        stage.do("Resume", by=dj)
    stops = [entry["seq"] for entry in get("/audit?event=VoiceLeft")["items"]]
    assert [entry["seq"] for entry in get("/audit?event=TrackSkipped")["items"]] == stops
    first = get("/audit?event=QueueCleared&limit=1")
    assert [entry["seq"] for entry in first["items"]] == stops[:1]
    (second,) = get(f"/audit?event=QueueCleared&before={first['next']}")["items"]
    assert (second["seq"], second["sentence"]) == (stops[1], f"{dj} stopped playback and cleared 1 track.")


def test_what_is_too_old_is_not_undoable(stage: Stage, get: Get) -> None:
    stage.add()
    Change.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert not get("/audit")["items"][0]["undoable"]


def test_a_departed_person_is_someone(stage: Stage, get: Get) -> None:
    other = stage.join()
    item = stage.add(by=other)
    other.delete()
    (entry,) = get("/audit")["items"]
    assert (entry["user"], entry["via"]) == (None, "rest")
    assert entry["sentence"] == f"Someone added {item.track.title}."


def test_more_events_take_no_more_queries(
    stage: Stage, api: Callable[[User], Client], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = api(stage.member)
    for wanted in (1, 3):
        while Event.objects.count() < wanted:
            stage.add(by=stage.join())
        with django_assert_num_queries(8):  # session, membership, store, seqs, firsts, changes, parts, args
            assert len(client.get(f"/api/guilds/{stage.id}/audit").json()["items"]) == wanted


# --- The next undo ---


def test_the_next_undo_and_redo_are_named(stage: Stage, get: Get) -> None:
    assert get("/undo") == {"undo": None, "redo": None}
    dj = stage.dj()
    stage.do("AddTracks", by=dj, uris=[TrackFactory.create().uri for _ in range(3)])
    stage.do("ClearQueue", by=dj)
    change = Change.objects.latest("seq")
    reported = get("/undo", by=dj)
    assert reported["undo"] == {
        "seq": change.seq,
        "sentence": "You cleared 3 tracks.",
        "at": change.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert reported["redo"] is None
    stage.do("Undo", by=dj)
    reported = get("/undo", by=dj)
    assert reported["undo"]["sentence"] == "You added 3 tracks."
    assert reported["redo"]["sentence"] == "You cleared 3 tracks."
    assert get("/undo") == {"undo": None, "redo": None}


def test_a_new_change_clears_the_redo(stage: Stage, get: Get) -> None:
    stage.add()
    stage.do("Undo")
    assert get("/undo")["redo"] is not None
    stage.add()
    assert get("/undo")["redo"] is None


def test_the_next_undo_costs_the_same_however_much_there_is(
    stage: Stage, api: Callable[[User], Client], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = api(stage.member)
    for count in (1, 3):
        stage.do("AddTracks", uris=[TrackFactory.create().uri for _ in range(count)])
        stage.do("SetVolume", volume=count)
        stage.do("Undo")
        with django_assert_num_queries(11):
            client.get(f"/api/guilds/{stage.id}/undo")


# --- Rights of the caller ---


def test_can_says_who_may_seek_and_undo(stage: Stage, get: Get) -> None:
    dj = stage.dj()
    assert {name: get("/snapshot")["can"][name] for name in ("seek", "undo")} == {
        "seek": False,
        "undo": "own",
    }
    can = get("/snapshot", by=dj)["can"]
    assert (can["seek"], can["undo"]) == (True, "any")
    stage.decide(may_skip="managers")
    assert not get("/snapshot", by=dj)["can"]["seek"]
    Membership.objects.filter(user=dj).update(owner=True)
    assert get("/snapshot", by=dj)["can"]["seek"]
