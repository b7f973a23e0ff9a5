"""The log in sentences."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from django.utils import translation

from accounts.models import User
from queue_app.commands import COMMANDS
from queue_app.models import Change
from queue_app.words import author_name, change_sentence, sentence_of
from realtime.events import event_classes
from realtime.models import Event, Via
from tests.factories import TrackFactory, UserFactory
from tests.queue_app.stage import Stage
from tests.queue_app.test_replay import STORIES, Act

pytestmark = pytest.mark.django_db

TRACK = {"title": "Blue Train", "url": None, "uri": "library:1"}
ITEM = {"track": TRACK, "error": {"detail": "It is gone."}}


UNDOABLE = [name for name, command in COMMANDS.items() if command.undone and name not in ("Undo", "Redo")]


def reported(stage: Stage) -> list[str]:
    """Return the sentences of the log, oldest first."""
    events = Event.objects.filter(store__name=f"guild:{stage.id}").select_related("actor").order_by("seq")
    return [event_sentence(each.name, json.loads(each.args), each.actor, via=each.via) for each in events]


def event_sentence(name: str, args: dict[str, Any], actor: User | None, *, via: str = Via.BOT) -> str:
    listed = args.get("item_ids") or args.get("items") or args.get("ranks") or ()
    by_bot = actor is None and via == Via.BOT
    return sentence_of([(1, name)], json.dumps(args), len(listed), author_name(actor, via), by_bot=by_bot)


def changes(stage: Stage) -> list[str]:
    return [change_sentence(each) for each in Change.objects.select_related("actor").order_by("seq")]


@pytest.fixture
def ines(stage: Stage) -> User:
    user = stage.dj()
    user.display_name = "Ines"
    user.save()
    return user


def test_every_event_has_words() -> None:
    for event in event_classes("guild"):
        words = event.sentence % defaultdict[str, object](lambda: 2, reason="It is gone.")
        assert words.endswith("."), event


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", UNDOABLE)
def test_people_are_addressed_about_their_own_changes(name: str, language: str, stage: Stage) -> None:
    args = stage.prepare(name)
    stage.do(name, **args)
    change = Change.objects.select_related("actor").latest("seq")
    with translation.override(language):
        sentence = change_sentence(change, to=stage.member)
        assert sentence.startswith("You " if language == "en" else "Du hast ")
        assert str(stage.member) not in sentence.replace(f"{stage.member}'s", "")
        assert change_sentence(change, to=stage.join()) == change_sentence(change)


@pytest.mark.parametrize(
    ("before", "act"), [story[1:3] for story in STORIES], ids=[story[0] for story in STORIES]
)
def test_the_words_fit_what_is_logged(before: Act, act: Act, stage: Stage) -> None:
    before(stage)
    act(stage)
    for sentence in reported(stage):
        assert "%(" not in sentence
        assert "changed something" not in sentence
        assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("name", "args", "sentence"),
    [
        ("TrackAdded", {"item": ITEM, "after": None}, "Ines added Blue Train."),
        ("TrackAdded", {"item": ITEM, "retried_id": "1"}, "Ines retried Blue Train."),
        ("TrackMoved", {"item": ITEM, "after": None}, "Ines moved Blue Train to the front."),
        ("TrackMoved", {"item": ITEM, "after": "1"}, "Ines moved Blue Train."),
        ("TracksMoved", {"ranks": [["1", 1], ["2", 2]]}, "Ines moved 2 tracks."),
        ("TrackFailed", {"item": ITEM}, "Backline could not play Blue Train. It is gone."),
        ("TracksRemoved", {"item_ids": ["1"]}, "Ines removed 1 track."),
        ("TracksRemoved", {"item_ids": ["1", "2"]}, "Ines removed 2 tracks."),
        ("VolumeChanged", {"player": {"volume": 40}}, "Ines set the volume to 40%."),
        ("LoopChanged", {"player": {"loop": "queue"}}, "Ines set the loop to Queue."),
        ("PlayerSeeked", {"position_ms": 3_661_000}, "Ines moved playback to 1:01:01."),
        ("SkipVoted", {"votes": 1, "needed": 2}, "Ines voted to skip (1 of 2 votes)."),
        ("VoiceLeft", {}, "Ines disconnected Backline from voice."),
        (
            "SettingsChanged",
            {"after": {"vote_share": 60, "later": 1}},
            "Ines changed the settings: Votes needed to skip, later.",
        ),
        ("RightsChanged", {"user_ids": ["1", "2"]}, "The rights of 2 people changed."),
    ],
)
def test_an_event_is_a_sentence(name: str, args: dict[str, Any], sentence: str) -> None:
    ines = UserFactory.build(display_name="Ines")
    assert event_sentence(name, args, ines, via=Via.REST) == sentence


def test_the_bot_is_called_backline_and_a_departed_person_someone() -> None:
    assert event_sentence("PlayerPaused", {}, None, via=Via.BOT) == "Backline paused playback."
    assert event_sentence("PlayerPaused", {}, None, via=Via.REST) == "Someone paused playback."
    assert event_sentence("VoiceLeft", {}, None, via=Via.BOT) == "Backline left the voice channel."


@pytest.mark.parametrize(
    ("name", "args"), [("LaterEvent", {}), ("TrackAdded", {}), ("TrackAdded", {"item": None}), ("", {})]
)
def test_an_event_of_another_version_is_neutral(name: str, args: dict[str, Any]) -> None:
    assert event_sentence(name, args, None, via=Via.SYNC) == "Someone changed something."


def test_a_title_may_hold_anything() -> None:
    args = {"item": {"track": {"title": "100%(who)s %d", "url": None, "uri": "library:1"}}, "after": None}
    assert event_sentence("TrackAdded", args, None) == "Backline added 100%(who)s %d."


def test_a_change_tells_of_all_its_tracks(stage: Stage, ines: User) -> None:
    for _ in range(2):
        stage.do("AddTracks", by=ines, uris=[TrackFactory.create().uri for _ in range(150)])
    Change.objects.all().delete()
    stage.do("ShuffleQueue", by=ines)
    stage.do("ClearQueue", by=ines)
    assert changes(stage) == ["Ines shuffled 300 tracks.", "Ines cleared 300 tracks."]


def test_a_change_of_many_kinds_of_events_tells_of_the_main_one(stage: Stage, ines: User) -> None:
    stage.play()
    stage.add()
    stage.add()
    Change.objects.all().delete()
    stage.do("Stop", by=ines)
    stage.do("Stop", by=ines)
    stage.do("Resume", by=ines)
    stage.play()
    stage.do("Stop", by=ines)
    assert changes(stage) == [
        "Ines stopped playback and cleared 2 tracks.",
        f"{stage.member} added {stage.ended().track.title}.",
        "Ines stopped playback.",
    ]


def test_a_skip_by_vote_is_nobodys_alone(stage: Stage) -> None:
    stage.play()
    title = stage.current.track.title
    Change.objects.all().delete()
    for voter in stage.seat(4)[:2]:
        stage.do("Skip", by=voter)
    assert changes(stage) == [f"A vote skipped {title}."]


def test_a_change_whose_events_are_gone_is_neutral(stage: Stage, ines: User) -> None:
    stage.add(by=ines)
    Event.objects.all().delete()
    assert changes(stage) == ["Ines changed something."]
