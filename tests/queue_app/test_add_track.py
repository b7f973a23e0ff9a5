"""`AddTrack`: links, searches, positions, and what wakes the player."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.errors import InvalidInput
from accounts.models import User
from library.models import Track
from queue_app.errors import NotAllowed, QueueFull
from queue_app.models import ItemState
from realtime.models import Event
from tests.factories import TrackFactory, sit
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_a_track_is_added_at_the_end_next_and_now(stage: Stage) -> None:
    one, two = stage.add(), stage.add()
    following = stage.add(position="next")
    assert stage.queue == [str(following.pk), str(one.pk), str(two.pk)]
    first = stage.add(position="now")
    assert stage.queue[0] == str(first.pk)
    assert stage.names == ["TrackAdded"] * 4
    assert [event["args"]["after"] for event in stage.events()] == [None, str(one.pk), None, None]


def test_now_skips_what_plays(stage: Stage) -> None:
    playing, wanted = stage.play(), stage.add(position="now")
    playing.refresh_from_db()
    assert playing.state == ItemState.SKIPPED
    assert stage.names[-2:] == ["TrackAdded", "TrackSkipped"]
    assert stage.player.item is None
    assert stage.queue == [str(wanted.pk)]


def test_what_nothing_matches_is_kept_as_failed(stage: Stage) -> None:
    TrackFactory.create(title="Something else")
    item = stage.do("AddTrack", query="No such song")
    assert (item["state"], item["error"]["code"]) == ("failed", "NO_MATCH")
    assert "“No such song”" in item["error"]["detail"]
    assert item["track"]["title"] == "No such song"
    assert stage.names == ["TrackAdded", "TrackFailed"]
    assert stage.queue == []


def test_a_link_is_queued_before_anybody_looked_at_it(stage: Stage) -> None:
    item = stage.do("AddTrack", query="https://radio.example/live.mp3")
    assert item["state"] == "queued"
    assert (item["track"]["uri"], item["track"]["title"]) == ("https://radio.example/live.mp3", None)
    assert item["track"]["source"] == "http"


def test_the_same_link_is_one_track(stage: Stage) -> None:
    for _ in range(2):
        stage.do("AddTrack", query=" https://radio.example/live.mp3 ")
    assert Track.objects.count() == 1
    assert len(stage.queue) == 2


def test_a_pasted_link_is_judged_and_kept_as_the_link_alone(stage: Stage) -> None:
    link = "https://radio.example/" + "a" * 1978  # 2,000 bytes
    item = stage.do(
        "AddTrack", query=f"\u200b**please play** [this one]({link.replace('https', 'Https')} 'it is good')"
    )
    assert (item["state"], item["track"]["uri"]) == ("queued", link)
    assert stage.do("AddTrack", query=f"<{link}>")["track"]["uri"] == link
    assert Track.objects.count() == 1
    assert [event["args"]["item"]["track"]["url"] for event in stage.events()] == [link] * 2


def test_a_pasted_link_asked_for_twice_is_added_once(stage: Stage) -> None:
    for query in ("<https://radio.example/live.mp3>", "`https://radio.example/live.mp3`"):
        stage.do("AddTrack", query=query, key="the same key")
    assert len(stage.queue) == 1


def test_words_pick_the_best_match_of_the_library(stage: Stage) -> None:
    TrackFactory.create(title="Night Bus Home")
    best = TrackFactory.create(title="Night Bus")
    assert stage.do("AddTrack", query="night BUS")["track"]["uri"] == best.uri


def test_a_uri_of_a_file_that_is_gone_fails_under_its_title(stage: Stage) -> None:
    library, upload = "library:00000000000000000000000000000000", "discord:" + "a" * 26
    gone = [
        TrackFactory.create(title="Gone", available=False),
        TrackFactory.create(title="Gone", available=False, uri="discord:" + "b" * 26, source="discord"),
    ]
    for uri, title, reason in (
        (gone[0].uri, "Gone", "no longer in the library"),
        (gone[1].uri, "Gone", "no longer kept. Upload it again"),
        (library, library, "no longer in the library"),
        (upload, upload, "no longer kept. Upload it again"),
    ):
        item = stage.do("AddTrack", query=uri)
        assert item["error"]["code"] == "NO_MATCH"
        assert reason in item["error"]["detail"]
        assert (item["track"]["title"], item["state"]) == (title, "failed")


def test_adding_takes_the_channel_of_the_requester_and_says_so(stage: Stage) -> None:
    sit(stage.member, stage.channel)
    stage.add()
    assert stage.player.voice_channel_id == stage.channel.pk
    assert stage.names == ["TrackAdded", "VoiceChanged"]
    assert stage.events()[1]["metadata"]["userId"] is None  # it is not a person's event


def test_adding_wakes_a_stopped_player_but_not_a_paused_one(stage: Stage) -> None:
    stage.play()
    stage.do("LeaveVoice")
    sit(stage.member, stage.channel)
    stage.add()
    assert not stage.player.stopped
    assert stage.names[-2:] == ["TrackAdded", "PlayerResumed"]
    stage.do("Pause")
    stage.add()
    assert stage.player.paused


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ({}, "query"),
        ({"query": None}, "query"),
        ({"query": 5}, "query"),
        ({"query": ["a"]}, "query"),
        ({"query": "  "}, "query"),
        ({"query": "\u200b \ufeff\u2060"}, "query"),
        ({"query": "a\0b"}, "query"),
        ({"query": "a\ud800b"}, "query"),
        ({"query": "x" * 501}, "query"),
        ({"query": "https://example.com/a.mp3" + " " * 8000}, "query"),
        ({"query": "https://example.com/" + "x" * 1990}, "query"),
        ({"query": "https://example.com/" + "ü" * 1000}, "query"),
        ({"query": "song", "position": "first"}, "position"),
        ({"query": "song", "position": None}, "position"),
        ({"query": "song", "position": ["end"]}, "position"),
    ],
)
def test_bad_arguments_are_told_by_field(args: dict[str, Any], field: str, stage: Stage) -> None:
    with pytest.raises(InvalidInput) as caught:
        stage.do("AddTrack", **args)
    assert list(caught.value.errors) == [field]
    assert Event.objects.count() == 0


def test_the_longest_link_can_be_kept(stage: Stage) -> None:
    """Even if it is incompressible: PostgreSQL indexes at most 2,704 bytes."""
    query = "https://example.com/" + "".join(chr(0x4E00 + n * 7) for n in range(660))
    assert stage.do("AddTrack", query=query)["track"]["uri"] == query


@pytest.mark.parametrize("query", ["語" * 500, "🎵" * 500])
def test_the_longest_search_is_answered(query: str, stage: Stage) -> None:
    assert stage.do("AddTrack", query=query)["error"]["code"] == "NO_MATCH"


def test_a_full_queue_takes_no_more(stage: Stage, settings: Settings, api: Callable[[User], Client]) -> None:
    settings.QUEUE_MAX_ITEMS = 3
    playing = stage.play()  # is not queued
    items = [stage.add() for _ in range(3)]
    for who in (stage.member, stage.dj()):
        with pytest.raises(QueueFull, match="3 tracks"):
            stage.add(by=who)
    answer = api(stage.member).post(
        f"/api/guilds/{stage.id}/queue", {"query": playing.track.uri}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "QUEUE_FULL")
    stage.do("RemoveItem", item_id=str(items[0].pk))
    stage.add()
    with pytest.raises(QueueFull):
        stage.add()


def test_who_may_not_add_is_told_that_first(stage: Stage, settings: Settings) -> None:
    settings.QUEUE_MAX_ITEMS = 1
    stage.add()
    stage.decide(may_add="managers")
    with pytest.raises(NotAllowed):
        stage.add()
