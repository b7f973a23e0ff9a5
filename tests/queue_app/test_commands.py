"""Each command: what it does, what it refuses, and that it runs once if it is sent twice."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.errors import InvalidInput
from guilds.errors import GuildNotFound, InvalidGuildId
from guilds.models import Membership
from library.models import Track
from queue_app.commands import COMMANDS, execute
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


# --- AddTrack ---


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


def test_a_library_uri_of_a_file_that_is_gone_fails(stage: Stage) -> None:
    track = TrackFactory.create(available=False)
    for uri in (track.uri, "library:00000000000000000000000000000000"):
        error = stage.do("AddTrack", query=uri)["error"]
        assert error["code"] == "NO_MATCH"
        assert "no longer in the library" in error["detail"]


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
        "position_ms": 5, "loop": "track",
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
