"""Each command: what it does, what it refuses, and that it runs once if it is sent twice."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.errors import InvalidInput
from accounts.models import User
from guilds.errors import GuildNotFound, InvalidGuildId
from guilds.models import Membership
from queue_app.commands import COMMANDS, execute
from queue_app.domain.rank import STEP
from queue_app.errors import (
    IdempotencyConflict,
    ItemNotFound,
    NothingPlaying,
    NotYourItem,
    UnknownChannel,
    UnknownCommand,
)
from queue_app.models import ItemState, QueueItem
from queue_app.player_states import PlayerStatus
from realtime.models import Event, Via
from realtime.origin import Origin
from realtime.signals import hint_sent
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, TrackFactory, UserFactory, sit
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

# --- RemoveItem ---


def test_the_requester_removes_their_own_item(stage: Stage) -> None:
    item = stage.add()
    assert stage.do("RemoveItem", item_id=str(item.pk))["state"] == "removed"
    assert stage.queue == []
    assert stage.names == ["TrackAdded", "TrackRemoved"]


def test_another_member_may_not_remove_it(stage: Stage) -> None:
    item = stage.add()
    with pytest.raises(NotYourItem):
        stage.do("RemoveItem", by=stage.join(), item_id=str(item.pk))
    assert stage.queue == [str(item.pk)]


@pytest.mark.parametrize(
    "who",
    [lambda stage: stage.dj(), lambda stage: stage.join(manager=True), lambda stage: stage.join(owner=True)],
    ids=["DJ", "administrator", "owner"],
)
def test_who_runs_the_music_removes_any_item(who: Callable[[Stage], Any], stage: Stage) -> None:
    item = stage.add()
    stage.do("RemoveItem", by=who(stage), item_id=str(item.pk))
    assert stage.queue == []


def test_an_item_is_removed_once(stage: Stage) -> None:
    item = stage.add()
    stage.do("RemoveItem", item_id=str(item.pk))
    with pytest.raises(ItemNotFound):
        stage.do("RemoveItem", item_id=str(item.pk))


def test_what_plays_is_skipped_not_removed(stage: Stage) -> None:
    playing = stage.play()
    with pytest.raises(ItemNotFound):
        stage.do("RemoveItem", item_id=str(playing.pk))


def test_an_item_of_another_guild_is_not_found(stage: Stage) -> None:
    other = Stage()
    item = other.add()
    with pytest.raises(ItemNotFound):
        stage.do("RemoveItem", by=stage.join(owner=True), item_id=str(item.pk))


@pytest.mark.parametrize(
    "args", [{}, {"item_id": "1"}, {"item_id": 5}, {"item_id": None}, {"item_id": ["a"]}]
)
def test_what_is_no_item_id_is_told(args: dict[str, Any], stage: Stage) -> None:
    with pytest.raises(InvalidInput):
        stage.do("RemoveItem", **args)


# --- MoveItem ---


def test_items_move_anywhere_and_stay_in_the_log(stage: Stage) -> None:
    a, b, c, d = (str(stage.add().pk) for _ in range(4))
    before = stage.snapshot()
    for item, after, expected in [
        (a, c, [b, c, a, d]), (d, None, [d, b, c, a]), (b, a, [d, c, a, b]), (c, b, [d, a, b, c]),
        (c, b, [d, a, b, c]), (d, None, [d, a, b, c]),
    ]:  # fmt: skip
        stage.do("MoveItem", item_id=item, after=after)
        assert stage.queue == expected
    assert stage.names.count("TrackMoved") == 4  # the last two changed nothing
    stage.assert_replays(before)


def test_several_items_move_together_in_their_order(stage: Stage) -> None:
    a, b, c, d, e = (str(stage.add().pk) for _ in range(5))
    before = stage.snapshot()
    cases: list[tuple[list[str], dict[str, Any], list[str]]] = [
        ([d, b], {"after": None}, [b, d, a, c, e]), ([b, a], {}, [d, c, e, b, a]),
        ([c, b], {"after": a}, [d, e, a, c, b]), ([e, a], {"after": d}, [d, e, a, c, b]),
        ([c, b], {}, [d, e, a, c, b]), ([d, e, a, c, b], {"after": None}, [d, e, a, c, b]),
        ([a, d], {"after": e}, [e, d, a, c, b]),
    ]  # fmt: skip
    for items, place, expected in cases:
        stage.do("MoveItems", item_ids=items, **place)
        assert stage.queue == expected
    assert stage.names.count("TracksMoved") == 4  # the others changed nothing
    stage.assert_replays(before)


def test_there_is_always_room_for_several(stage: Stage) -> None:
    first, *rest = (str(stage.add().pk) for _ in range(9))
    before = stage.snapshot()
    for turn in range(30):
        moving = [rest[(turn + each) % 8] for each in range(3)]
        stage.do("MoveItems", item_ids=moving, after=first)
        assert set(stage.queue[1:4]) == set(moving)
    stage.assert_replays(before)


def test_several_items_stay_where_one_of_them_is_gone(stage: Stage) -> None:
    a, b, c = (str(stage.add().pk) for _ in range(3))
    stage.do("RemoveItem", item_id=b)
    refused: list[dict[str, Any]] = [{"item_ids": [a, b]}, {"item_ids": [a], "after": b}]
    for args in refused:
        with pytest.raises(ItemNotFound):
            stage.do("MoveItems", **args)
    with pytest.raises(InvalidInput):
        stage.do("MoveItems", item_ids=[a, c], after=a)
    assert stage.queue == [a, c]


def test_there_is_always_room_between_two(stage: Stage) -> None:
    first, second, *rest = (str(stage.add().pk) for _ in range(5))
    before = stage.snapshot()
    for n in range(60):  # always into the same gap, which halves each time: renumbered three times
        moving = [second, *rest][n % 4]
        stage.do("MoveItem", item_id=moving, after=first)
        assert stage.queue[:2] == [first, moving]
    stage.assert_replays(before)
    assert max(abs(rank) for rank in QueueItem.objects.values_list("rank", flat=True)) < STEP * 10


def test_what_cannot_be_moved_is_told(stage: Stage) -> None:
    playing, item = stage.play(), stage.add()
    stage.add()
    gone = stage.add()
    stage.do("RemoveItem", item_id=str(gone.pk))
    foreign = str(Stage().add().pk)
    for moved, after in [
        (gone.pk, None),
        (item.pk, gone.pk),
        (playing.pk, None),
        (item.pk, foreign),
        (foreign, None),
    ]:
        with pytest.raises(ItemNotFound):
            stage.do("MoveItem", item_id=str(moved), after=after and str(after))
    for args in ({"after": str(item.pk)}, {}, {"after": 5}, {"after": "x"}):
        with pytest.raises(InvalidInput):
            stage.do("MoveItem", item_id=str(item.pk), **args)
    # After an item that has started comes the front of the queue.
    last = stage.queue[-1]
    stage.do("MoveItem", item_id=last, after=str(playing.pk))
    assert stage.queue[0] == last


# --- ClearQueue ---


def test_clearing_takes_all_that_waits_and_leaves_what_plays(
    stage: Stage, api: Callable[[User], Client]
) -> None:
    playing = stage.play()
    ids = [str(stage.add().pk) for _ in range(3)]
    client = api(stage.dj())
    url = f"/api/guilds/{stage.id}/queue/clear"
    answer = client.post(url, {}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"seq": stage.snapshot()["seq"]})
    assert stage.queue == []
    assert stage.current == playing
    assert stage.events()[-1]["args"] == {"item_ids": ids, "queue_total": 0}
    assert {item.state for item in QueueItem.objects.filter(pk__in=ids)} == {ItemState.REMOVED}
    again = client.post(url, {}, content_type="application/json")
    assert again.json() == answer.json()  # an empty queue stays empty, without an event


# --- Skip ---


def test_skip_ends_what_plays(stage: Stage) -> None:
    playing = stage.play()
    assert stage.do("Skip")["state"] == "skipped"
    playing.refresh_from_db()
    assert playing.ended_at is not None
    assert (stage.player.item, stage.player.position_ms, stage.player.status) == (None, 0, PlayerStatus.IDLE)
    assert stage.names[-1] == "TrackSkipped"


def test_nothing_playing_cannot_be_skipped(stage: Stage) -> None:
    stage.add()
    with pytest.raises(NothingPlaying):
        stage.do("Skip")


# --- Pause, Resume ---


def test_pause_keeps_the_position_and_resume_goes_on(stage: Stage) -> None:
    stage.play()
    stage.hear(position_ms=30_000)
    paused = stage.do("Pause")
    assert paused["status"] == "paused"
    assert 30_000 <= paused["position_ms"] < 35_000
    assert stage.player.position_ms == paused["position_ms"]
    assert stage.do("Resume")["status"] == "playing"
    assert stage.names[-2:] == ["PlayerPaused", "PlayerResumed"]


def test_pausing_and_resuming_twice_appends_once(stage: Stage) -> None:
    for name in ("Pause", "Pause", "Resume", "Resume"):
        stage.do(name)
    assert stage.names == ["PlayerPaused", "PlayerResumed"]


def test_resume_after_leave_goes_back_to_where_the_person_sits(stage: Stage) -> None:
    stage.play()
    stage.do("LeaveVoice")
    other = ChannelFactory.create(guild=stage.guild, voice=True)
    sit(stage.member, other)
    assert stage.do("Resume")["voice_channel_id"] == other.pk
    assert not stage.player.stopped


# --- JoinVoice, LeaveVoice ---


def test_join_voice_chooses_the_channel(stage: Stage) -> None:
    assert stage.do("JoinVoice", channel_id=stage.channel.pk)["voice_channel_id"] == stage.channel.pk
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    assert stage.names == ["VoiceJoined"]


def test_leave_voice_keeps_what_played_with_its_position(stage: Stage) -> None:
    playing = stage.play()
    stage.hear(position_ms=20_000)
    left = stage.do("LeaveVoice")
    assert (left["status"], left["voice_channel_id"], left["item"]["id"]) == (
        "stopped",
        None,
        str(playing.pk),
    )
    assert 20_000 <= left["position_ms"] < 25_000
    stage.do("LeaveVoice")
    assert stage.names.count("VoiceLeft") == 1


def test_join_voice_takes_voice_channels_of_this_guild_only(stage: Stage) -> None:
    text = ChannelFactory.create(guild=stage.guild)
    elsewhere = ChannelFactory.create(voice=True)
    for channel_id in (text.pk, elsewhere.pk, "1"):
        with pytest.raises(UnknownChannel):
            stage.do("JoinVoice", channel_id=channel_id)


@pytest.mark.parametrize("channel_id", [None, 5, "", "abc", "1" * 21, "1\0"])
def test_what_is_no_channel_id_is_told(channel_id: Any, stage: Stage) -> None:
    with pytest.raises(InvalidInput):
        stage.do("JoinVoice", channel_id=channel_id)


# --- All of them ---


def test_the_table_of_commands_is_the_one_of_the_docs() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    table = text.partition("## Commands")[2].partition("## Events")[0]
    assert all(f"`{name}`" in table for name in COMMANDS)


def test_a_command_of_no_name_is_unknown(stage: Stage) -> None:
    with pytest.raises(UnknownCommand):
        stage.do("Dance")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_command_is_for_strangers(name: str, stage: Stage) -> None:
    stranger = MembershipFactory.create().user
    args: dict[str, Any] = {
        "query": "song",
        "item_id": str(uuid.uuid4()),
        "after": None,
        "channel_id": stage.channel.pk,
    }
    with pytest.raises(GuildNotFound):
        stage.do(name, by=stranger, **args)
    assert Event.objects.count() == 0


def test_a_guild_id_that_is_no_snowflake_is_told(db: None) -> None:
    with pytest.raises(InvalidGuildId):
        execute("guild", "Pause", {}, origin=Origin(user=UserFactory.create(), via=Via.REST))


def test_who_has_left_the_guild_is_not_even_told_what_was_answered_before(stage: Stage) -> None:
    uri = TrackFactory.create().uri
    stage.do("AddTrack", key="command-1", query=uri)
    Membership.objects.filter(user=stage.member).delete()
    for query in (uri, "another", ""):
        with pytest.raises(GuildNotFound):
            stage.do("AddTrack", key="command-1", query=query)


def test_a_guild_that_nobody_knows_is_not_found(stage: Stage) -> None:
    stage.id = "300000000000009999"
    with pytest.raises(GuildNotFound):
        stage.do("Pause")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_asked_for_again_gets_its_answer_again_and_does_nothing(name: str, stage: Stage) -> None:
    args = stage.prepare(name)
    first = stage.answer(name, key="command-1", **args)
    assert first.seqs
    done = Event.objects.count()
    assert stage.answer(name, key="command-1", **args) == first
    assert Event.objects.count() == done
    assert stage.events()[first.seqs[0] - 1]["eventId"] == "command-1"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_an_id_used_for_another_body_is_a_conflict(name: str, stage: Stage) -> None:
    args = stage.prepare(name)
    stage.answer(name, key="command-1", **args)
    done = Event.objects.count()
    other: dict[str, Any] = {
        "query": "other", "item_id": str(uuid.uuid4()), "channel_id": "1", "after": None, "volume": 41,
        "vote_share": 71, "uris": ["https://x.example/other.mp3"], "item_ids": [str(uuid.uuid4())],
        "position_ms": 5, "loop": "track", "name": "Another",
    }  # fmt: skip
    another: tuple[str, Any] = (
        (name, {key: other[key] for key in args}) if args else ("AddTrack", {"query": "song"})
    )
    with pytest.raises(IdempotencyConflict):
        stage.answer(another[0], key="command-1", **another[1])
    assert Event.objects.count() == done


def test_two_people_may_use_the_same_id_over_rest(stage: Stage) -> None:
    track, other = TrackFactory.create(), stage.join()
    stage.answer("AddTrack", key="add-track-1", query=track.uri)
    stage.answer("AddTrack", by=other, key="add-track-1", query=track.uri)
    assert QueueItem.objects.count() == 2


def test_guilds_do_not_see_each_other(stage: Stage) -> None:
    other = Stage()
    stage.add()
    assert other.queue == []
    assert GuildFactory.create()
    assert other.events() == []


def test_only_what_changes_what_comes_later_can_wait(
    stage: Stage, django_capture_on_commit_callbacks: Any
) -> None:
    """The bot reacts to a skip or pause at once, even while many tracks are being added."""
    urgent, calm = list[int](), list[int]()

    def note(sender: Any, seq: int, **kwargs: Any) -> None:
        (calm if kwargs["calm"] else urgent).append(seq)

    hint_sent.connect(note)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            stage.play()
            items = [stage.add() for _ in range(3)]
            stage.do("MoveItem", item_id=str(items[2].pk), after=None)
            stage.do("RemoveItem", item_id=str(items[1].pk))
            stage.do("Pause")
            stage.do("Resume")
            stage.do("Skip")
    finally:
        hint_sent.disconnect(note)
    names = {event["seqNum"]: event["name"] for event in stage.events()}
    assert {names[seq] for seq in calm} == {"TrackAdded", "TrackMoved", "TrackRemoved"}
    assert {names[seq] for seq in urgent} >= {"PlayerPaused", "PlayerResumed", "TrackSkipped", "TrackStarted"}
    assert sorted(urgent + calm) == sorted(names)
