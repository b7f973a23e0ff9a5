"""Every state of the player can be ended: each way in the table of SILENCES, and random acts of people and Discord."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from accounts.errors import Refusal
from accounts.models import User
from botrunner.desired_state import read_desired_state
from database.owners import lease_owner
from guilds.channel_permissions import CONNECT, SPEAK, VIEW_CHANNEL, may_bot_enter
from guilds.models import Channel, GuildSettings, VoiceState
from queue_app.commands import COMMANDS
from queue_app.domain import playback
from queue_app.domain.playback import abandoned, note_absence
from queue_app.domain.whereabouts import best_channel
from queue_app.models import MOVES, ItemState, Player, QueueItem
from queue_app.player_states import SILENCES, Surface, Way
from queue_app.queries import first_queued
from tests.factories import ChannelFactory, RoleFactory, TrackFactory, sit
from tests.queue_app.stage import Stage


def close(channel: Channel) -> None:
    """Remove the bot's right to connect. People whose roles are unknown may join any channel."""
    channel.overwrites = [{"id": channel.guild_id, "type": 0, "allow": "0", "deny": str(CONNECT)}]
    channel.save()


def open_to_all(channel: Channel) -> None:
    channel.overwrites, channel.user_limit = [], 0
    channel.save()


class Theatre(Stage):
    """A stage whose guild is mirrored, so that permissions apply, with a bot that does what Discord allows."""

    def __init__(self) -> None:
        super().__init__()
        RoleFactory.create(id=self.id, guild=self.guild, permissions=VIEW_CHANNEL | CONNECT | SPEAK)
        self.back_room: Channel = ChannelFactory.create(guild=self.guild, voice=True)
        self.manager = self.join(owner=True)

    def tick(self) -> None:
        """Do what the bot's reconciler would do, until nothing is left to do."""
        playback.take_lease(self.id, owner=self.owner)
        for _ in range(3):
            if decision := read_desired_state(self.id).decision:
                decision(self.id, owner=self.owner)
            self.connect()

    def connect(self) -> None:
        player = self.player
        wanted = None if player.stopped else player.voice_channel_id
        channel = Channel.objects.filter(pk=wanted).first()
        if channel is None:
            self.see(None, sounding=False)
        elif obstacle := may_bot_enter(self.guild, channel):
            self.see(None, sounding=False)
            if player.item_id:
                self.report(obstacle.code, obstacle.detail)
        else:
            self.see(channel.pk, sounding=player.item_id is not None and not player.paused)

    def see(self, channel_id: str | None, *, sounding: bool) -> None:
        playback.observe(
            self.id, owner=self.owner, connected_channel_id=channel_id, sounding=sounding, position_ms=None
        )

    def report(self, code: str, detail: str = "") -> None:
        playback.report_error(self.id, owner=self.owner, code=code, detail=detail)

    @property
    def error(self) -> str:
        shown = self.snapshot()["player"]["error"]
        return shown["code"] if shown else ""

    def assert_heard(self) -> None:
        player = self.snapshot()["player"]
        assert (player["status"], player["error"]) == ("playing", None)


@pytest.fixture
def stage(db: None) -> Theatre:
    return Theatre()


# --- The table ---


def add_from_nowhere(stage: Theatre) -> None:
    stage.add()
    stage.tick()


def add_and_hear(stage: Theatre) -> None:
    sit(stage.member, stage.channel)
    stage.add()
    stage.tick()
    stage.assert_heard()


def from_a_closed_channel(stage: Theatre) -> None:
    close(stage.channel)
    sit(stage.member, stage.channel)
    stage.add()
    stage.tick()


def from_a_full_channel(stage: Theatre) -> None:
    stage.channel.user_limit = 1
    stage.channel.save()
    sit(stage.member, stage.channel)
    stage.add()
    stage.tick()


def pause(stage: Theatre) -> None:
    add_and_hear(stage)
    stage.do("Pause")


def kick(stage: Theatre) -> None:
    add_and_hear(stage)
    playback.moved(stage.id, owner=stage.owner, channel_id=None)


def vanish(stage: Theatre) -> None:
    add_and_hear(stage)
    Player.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def delete_the_channel(stage: Theatre) -> None:
    add_and_hear(stage)
    stage.channel.delete()
    playback.lose_channel(stage.id, owner=stage.owner)
    stage.tick()


def reported(code: str) -> Callable[[Theatre], None]:
    def arrange(stage: Theatre) -> None:
        add_and_hear(stage)
        stage.see(None, sounding=False)
        stage.report(code)

    return arrange


# How to get into each state. States that Discord reports to the bot are set here, and are caused in tests/botrunner.
INTO: dict[str, Callable[[Theatre], None]] = {
    "NO_VOICE_CHANNEL": add_from_nowhere,
    "PAUSED": pause,
    "STOPPED": kick,
    "UNKNOWN_CHANNEL": delete_the_channel,
    "CANNOT_CONNECT": from_a_closed_channel,
    "CHANNEL_FULL": from_a_full_channel,
    "NOT_ALLOWED_TO_SPEAK": reported("NOT_ALLOWED_TO_SPEAK"),
    "SERVER_MUTED": reported("SERVER_MUTED"),
    "VOICE_FAILED": reported("VOICE_FAILED"),
    "VOICE_REFUSED": reported("VOICE_REFUSED"),
    "BOT_AWAY": vanish,
}


def take(way: Way, stage: Theatre) -> None:
    """Take a way of the table, as a person who may."""
    match way.what:
        case "Resume playback":
            stage.do("Resume")
        case "Add a track":
            stage.add()
        case "Choose a voice channel":
            stage.do("JoinVoice", by=stage.manager, channel_id=stage.back_room.pk)
        case "Set the default voice channel":
            stage.do("ChangeSettings", by=stage.manager, voice_channel_id=stage.back_room.pk)
        case "Join a voice channel":
            sit(stage.member, stage.back_room)
        case "Grant the permission" | "Make room in the channel":
            open_to_all(stage.channel)
        case "Unmute the bot" | "Invite the bot to speak" | "Wait":
            pass
        case _:
            raise AssertionError(f"nobody knows how to: {way.what}")


WAYS = [(code, way) for code, silence in SILENCES.items() for way in silence.ways]


@pytest.mark.parametrize(("code", "way"), WAYS, ids=[f"{code}: {way.what}" for code, way in WAYS])
def test_each_way_out_of_each_state_makes_it_play(code: str, way: Way, stage: Theatre) -> None:
    INTO[code](stage)
    player = stage.snapshot()["player"]
    assert player["error"]["code"] == code
    assert player["status"] == SILENCES[code].status
    take(way, stage)
    stage.tick()
    stage.assert_heard()


def test_every_state_has_a_sentence_and_a_way_out() -> None:
    assert set(INTO) == set(SILENCES)
    for code, silence in SILENCES.items():
        assert silence.ways, code
        assert silence.sentence.endswith("."), code


@pytest.mark.parametrize("way", {way.command: way for _, way in WAYS if way.command}.values())
def test_each_command_of_the_table_is_offered_on_its_surfaces(way: Way, stage: Theatre) -> None:
    assert way.surfaces >= {Surface.API, Surface.WEB}
    assert (
        way.command in COMMANDS
    )  # `/sync` accepts the same commands. Slash commands are tested in tests/botrunner/test_commands.py
    routes: dict[str, tuple[str, str, dict[str, Any]]] = {
        "Resume": ("patch", "player", {"paused": False}),
        "AddTrack": ("post", "queue", {"query": TrackFactory.create().uri}),
        "JoinVoice": ("patch", "player", {"voice_channel_id": stage.channel.pk}),
        "ChangeSettings": ("patch", "settings", {"voice_channel_id": stage.channel.pk}),
    }
    method, route, body = routes[way.command]
    client = Client()
    client.force_login(stage.manager)
    answer = getattr(client, method)(f"/api/guilds/{stage.id}/{route}", body, "application/json")
    assert answer.status_code != 404


def test_the_bot_reports_only_what_stands_in_the_table(stage: Theatre) -> None:
    add_and_hear(stage)
    with pytest.raises(ValueError, match="NO_SUCH_STATE"):
        stage.report("NO_SUCH_STATE")


def test_an_item_takes_only_the_ways_of_the_table(stage: Theatre) -> None:
    item = stage.add()
    for wanted in set(ItemState) - set(MOVES[ItemState.QUEUED]):
        with pytest.raises(ValueError, match="cannot go from queued"):
            item.end(wanted)
    item.end(ItemState.REMOVED)
    with pytest.raises(ValueError, match="cannot go from removed"):
        item.end(ItemState.PLAYED)


# --- Single stories ---


def test_a_track_added_after_the_paused_queue_ran_empty_plays(stage: Theatre) -> None:
    add_and_hear(stage)
    stage.do("Pause")
    stage.do("Skip")
    player = stage.snapshot()["player"]
    assert (player["status"], player["item"], player["error"]["code"]) == ("paused", None, "PAUSED")
    before = stage.snapshot()
    stage.add()
    assert "PlayerResumed" in stage.names
    stage.assert_replays(before)
    stage.tick()
    stage.assert_heard()


def test_a_paused_player_with_tracks_waiting_stays_paused_until_somebody_resumes(stage: Theatre) -> None:
    add_and_hear(stage)
    stage.add()
    stage.do("Pause")
    stage.do("Skip")
    stage.add()
    stage.tick()
    assert (stage.snapshot()["player"]["status"], stage.error) == ("paused", "PAUSED")
    stage.do("Resume")
    stage.tick()
    stage.assert_heard()


def test_what_nothing_matches_does_not_resume(stage: Theatre) -> None:
    add_and_hear(stage)
    stage.do("Pause")
    stage.do("Skip")
    stage.do("AddTrack", query="nothing matches this")
    assert stage.player.paused


def test_leaving_while_paused_ends_the_pause_so_that_calling_it_back_plays(stage: Theatre) -> None:
    pause(stage)
    stage.do("LeaveVoice")
    stage.do("Pause")  # there is no sound to pause
    assert stage.error == "STOPPED"
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    stage.tick()
    stage.assert_heard()


def test_resuming_from_nowhere_what_was_sent_out_of_voice_says_what_to_do(stage: Theatre) -> None:
    add_and_hear(stage)
    VoiceState.objects.all().delete()
    stage.do("LeaveVoice")
    stage.tick()
    stage.do("Resume")
    stage.tick()
    assert stage.error == "NO_VOICE_CHANNEL"
    names = stage.names
    stage.tick()
    assert stage.names == names
    sit(stage.member, stage.back_room)
    stage.tick()
    stage.assert_heard()


def test_the_channel_of_anybody_who_waits_is_taken_where_nobody_else_named_one(stage: Theatre) -> None:
    stage.add()
    late = stage.join()
    stage.add(by=late)
    stage.tick()
    assert stage.error == "NO_VOICE_CHANNEL"
    sit(late, stage.back_room)
    stage.tick()
    stage.assert_heard()
    assert stage.current.requested_by == stage.member


def test_a_closed_channel_is_passed_over_for_one_that_the_bot_may_enter(stage: Theatre) -> None:
    from_a_closed_channel(stage)
    assert stage.error == "CANNOT_CONNECT"
    assert "Connect" in stage.snapshot()["player"]["error"]["detail"]
    sit(stage.member, stage.back_room)
    stage.tick()
    stage.assert_heard()
    assert stage.player.voice_channel_id == stage.back_room.pk


def test_of_a_closed_and_an_open_channel_the_open_one_is_taken_at_once(stage: Theatre) -> None:
    stage.decide(voice_channel_id=stage.back_room.pk)
    from_a_closed_channel(stage)
    stage.assert_heard()
    assert stage.player.voice_channel_id == stage.back_room.pk


def test_looking_for_a_channel_again_and_again_says_nothing_twice(stage: Theatre) -> None:
    from_a_closed_channel(stage)
    names = stage.names
    for _ in range(3):
        stage.tick()
    assert stage.names == names


def test_where_nobody_names_a_channel_the_guild_is_not_opened_again(
    stage: Theatre, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        stage.add()
    playback.take_lease(stage.id, owner=stage.owner)
    assert playback.start_next(stage.id, owner=stage.owner) is None
    with django_assert_max_num_queries(7) as found:
        assert playback.start_next(stage.id, owner=stage.owner) is None
    assert not any("UPDATE" in query["sql"] or "SAVEPOINT" in query["sql"] for query in found)


def test_with_an_empty_queue_and_nothing_current_nothing_is_wrong(stage: Theatre) -> None:
    assert stage.error == ""
    assert stage.snapshot()["player"]["status"] == "idle"


# --- An offline bot ---


def test_a_bot_that_vanished_is_told_of_once_and_taken_back_by_the_next(stage: Theatre) -> None:
    vanish(stage)
    before = stage.snapshot()
    assert (before["player"]["status"], before["player"]["error"]["code"]) == ("connecting", "BOT_AWAY")
    assert abandoned([stage.id]) == [stage.id]
    for _ in range(2):
        note_absence(stage.id)
    assert stage.names.count("PlayerErrorChanged") == 1
    assert abandoned([stage.id]) == []
    stage.take_over()
    assert stage.error == ""
    stage.assert_replays(before)


@pytest.mark.parametrize("command", ["Pause", "LeaveVoice"])
def test_a_bot_that_has_nothing_to_do_is_not_missed(command: str, stage: Theatre) -> None:
    add_and_hear(stage)
    stage.do(command)
    Player.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert abandoned([stage.id]) == []


def test_who_gives_the_guild_up_says_that_it_goes(stage: Theatre) -> None:
    add_and_hear(stage)
    playback.release(stage.id, owner=stage.owner)
    told = stage.events()[-1]
    assert (told["name"], told["args"]["player"]["error"]["code"]) == ("VoiceChanged", "BOT_AWAY")


@pytest.mark.parametrize("guilds", [1, 3])
def test_missing_bots_are_found_in_one_query(guilds: int, db: None, django_assert_num_queries: Any) -> None:
    stages = [Theatre() for _ in range(guilds)]
    for each in stages:
        vanish(each)
    with django_assert_num_queries(1):
        assert set(abandoned([each.id for each in stages])) == {each.id for each in stages}


# --- Failed items ---


def test_what_failed_is_shown_for_ten_minutes(stage: Theatre) -> None:
    failed = stage.fail()
    assert [item["id"] for item in stage.snapshot()["failed"]] == [str(failed.pk)]
    QueueItem.objects.update(ended_at=timezone.now() - timedelta(minutes=10))
    assert stage.snapshot()["failed"] == []


def test_retrying_adds_it_again_and_takes_the_failed_one_away(stage: Theatre) -> None:
    failed = stage.fail(by=stage.manager)
    before = stage.snapshot()
    again = stage.do("RetryItem", item_id=str(failed.pk))
    assert (again["track"]["uri"], again["requested_by"]["id"]) == (failed.track.uri, str(stage.member.pk))
    fresh = stage.assert_replays(before)
    assert ([item["id"] for item in fresh["queue"]], fresh["failed"]) == ([again["id"]], [])
    added, removed = [event["args"] for event in stage.events(after=before["seq"]) if "item" in event["args"]]
    assert (added["item"]["id"], added["retried_id"]) == (again["id"], str(failed.pk))
    assert (removed["item"]["id"], removed["why"]) == (str(failed.pk), "retried")


def test_retrying_what_nothing_matched_searches_again(stage: Theatre) -> None:
    failed = stage.do("AddTrack", query="Brand New Song")
    assert failed["error"]["code"] == "NO_MATCH"
    track = TrackFactory.create(title="Brand New Song")
    again = stage.do("RetryItem", item_id=failed["id"])
    assert (again["track"]["uri"], again["state"]) == (track.uri, "queued")


def test_clearing_takes_the_failed_ones_away_too(stage: Theatre) -> None:
    failed = [str(stage.fail().pk) for _ in range(2)]
    before = stage.snapshot()
    assert [item["id"] for item in before["failed"]] == failed
    # Even if the queue is empty.
    assert stage.do("ClearQueue", by=stage.manager) == {"removed": 0, "dismissed": 2}
    assert stage.assert_replays(before)["failed"] == []
    removed = [event["args"] for event in stage.events(after=before["seq"])]
    assert [(args["item"]["id"], args["why"]) for args in removed] == [(pk, "cleared") for pk in failed]

    late = stage.fail()
    QueueItem.objects.filter(pk=late.pk).update(ended_at=timezone.now() - timedelta(minutes=11))
    stage.fail()
    stage.add()
    before = stage.snapshot()
    assert stage.do("ClearQueue", by=stage.manager) == {"removed": 1, "dismissed": 1}
    fresh = stage.assert_replays(before)
    assert (fresh["queue"], fresh["failed"]) == ([], [])
    head = fresh["seq"]
    assert stage.do("ClearQueue", by=stage.manager) == {"removed": 0}
    assert stage.snapshot()["seq"] == head


def test_removing_a_failed_one_is_for_its_requester_and_djs(stage: Theatre) -> None:
    failed = str(stage.fail().pk)
    before = stage.snapshot()
    with pytest.raises(Exception, match="Only the requester or a DJ"):
        stage.do("RemoveItem", by=stage.join(), item_id=failed)
    stage.do("RemoveItem", item_id=failed)
    assert stage.assert_replays(before)["failed"] == []
    with pytest.raises(Exception, match="not in the queue"):
        stage.do("RemoveItem", item_id=failed)


@pytest.mark.parametrize("ending", ["queued", "removed"])
def test_what_waits_or_was_taken_out_cannot_be_retried(ending: str, stage: Theatre) -> None:
    item = stage.add()
    if ending == "removed":
        stage.do("RemoveItem", item_id=str(item.pk))
    with pytest.raises(Exception, match="not in the queue"):
        stage.do("RetryItem", item_id=str(item.pk))


# --- Random stories ---

PEOPLE = st.integers(0, 2)
ROOMS = st.integers(0, 1)


class Players(RuleBasedStateMachine):
    """People, Discord and the bot act at random. From time to time the bot finishes its work, and all is checked."""

    def __init__(self) -> None:
        super().__init__()
        self.rolled_back = transaction.atomic()
        self.rolled_back.__enter__()
        self.stage = Theatre()
        playback.take_lease(self.stage.id, owner=self.stage.owner)
        self.track = TrackFactory.create()
        self.people: list[User] = [self.stage.member, self.stage.join(), self.stage.manager]
        self.rooms = [self.stage.channel, self.stage.back_room]

    def attempt(self, name: str, person: int, **args: Any) -> None:
        """Ignore refusals. Only a player that nobody can start again is a failure."""
        with contextlib.suppress(Refusal):
            self.stage.do(name, by=self.people[person], **args)

    @rule(person=PEOPLE, position=st.sampled_from(["end", "next", "now"]))
    def add(self, person: int, position: str) -> None:
        self.attempt("AddTrack", person, query=self.track.uri, position=position)

    @rule(person=PEOPLE, name=st.sampled_from(["Pause", "Resume", "Skip", "LeaveVoice", "ClearQueue"]))
    def command(self, person: int, name: str) -> None:
        self.attempt(name, person)

    @rule(person=PEOPLE, room=ROOMS)
    def send_the_bot(self, person: int, room: int) -> None:
        self.attempt("JoinVoice", person, channel_id=self.rooms[room].pk)

    @rule(person=PEOPLE, room=ROOMS)
    def sit_down(self, person: int, room: int) -> None:
        sit(self.people[person], self.rooms[room])

    @rule(person=PEOPLE)
    def get_up(self, person: int) -> None:
        VoiceState.objects.filter(discord_id=self.people[person].discord_id).delete()

    @rule(room=st.none() | ROOMS)
    def choose_the_setting(self, room: int | None) -> None:
        self.stage.decide(voice_channel_id=None if room is None else self.rooms[room].pk)

    @rule(room=ROOMS, limit=st.booleans())
    def close_a_room(self, room: int, limit: bool) -> None:
        channel = Channel.objects.get(pk=self.rooms[room].pk)
        if limit:
            Channel.objects.filter(pk=channel.pk).update(user_limit=1)
        else:
            close(channel)

    @rule(room=ROOMS)
    def open_a_room(self, room: int) -> None:
        open_to_all(Channel.objects.get(pk=self.rooms[room].pk))

    @rule(room=st.none() | ROOMS)
    def drag_the_bot(self, room: int | None) -> None:
        self.owned(playback.moved, channel_id=None if room is None else self.rooms[room].pk)

    @rule(code=st.sampled_from(["", "VOICE_FAILED", "VOICE_REFUSED", "SERVER_MUTED", "NOT_ALLOWED_TO_SPEAK"]))
    def discord_says(self, code: str) -> None:
        if self.stage.player.item_id:
            self.owned(playback.report_error, code=code)

    @rule(good=st.booleans())
    def the_track_ends(self, good: bool) -> None:
        item_id = self.stage.player.item_id
        if item_id and good:
            self.owned(playback.finish, item_id=item_id)
        elif item_id:
            self.owned(playback.fail, item_id=item_id, code="UNDECODABLE", detail="No sound.")

    @rule(clean=st.booleans())
    def restart_the_bot(self, clean: bool) -> None:
        if clean:
            playback.release(self.stage.id, owner=self.stage.owner)
        else:
            Player.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        self.stage.owner = lease_owner()

    @rule()
    def the_bot_acts(self) -> None:
        self.stage.tick()

    def owned(self, act: Callable[..., Any], **args: Any) -> None:
        playback.take_lease(self.stage.id, owner=self.stage.owner)
        act(self.stage.id, owner=self.stage.owner, **args)

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            transaction.set_rollback(True)
            self.rolled_back.__exit__(None, None, None)

    def check(self) -> None:
        stage = self.stage
        stage.tick()
        player, first = stage.player, first_queued(stage.id)
        item = player.item or first
        if item is None:
            assert stage.error in ("", "PAUSED", "STOPPED")
            # A person who adds a track from a channel that the bot may join is heard.
            self.stage.add(by=self.seated_where_it_is_open())
            stage.tick()
            stage.assert_heard()
            return
        error = stage.error
        named = best_channel(player, item.requested_by)
        enterable = named is not None and may_bot_enter(stage.guild, Channel.objects.get(pk=named)) is None
        if not (player.paused or player.stopped) and enterable:
            stage.assert_heard()
            return
        assert error in SILENCES
        assert stage.snapshot()["player"]["error"]["detail"]
        for way in SILENCES[error].ways:
            if way.what in ("Grant the permission", "Make room in the channel"):
                open_to_all(Channel.objects.get(pk=named or stage.channel.pk))
            elif way.command == "JoinVoice":
                open_to_all(stage.back_room)
                stage.do("JoinVoice", by=stage.manager, channel_id=stage.back_room.pk)
            elif way.command == "Resume":
                open_to_all(stage.back_room)
                sit(stage.manager, stage.back_room)
                stage.do("Resume", by=stage.manager)
            else:
                continue
            break
        stage.tick()
        if stage.error in ("CANNOT_CONNECT", "CHANNEL_FULL"):  # after Resume, it is another closed channel
            open_to_all(Channel.objects.get(pk=stage.player.voice_channel_id))
            stage.tick()
        stage.assert_heard()

    def seated_where_it_is_open(self) -> User:
        open_to_all(self.stage.back_room)
        VoiceState.objects.all().delete()
        GuildSettings.objects.update(voice_channel_id=None)
        sit(self.stage.manager, self.stage.back_room)
        return self.stage.manager


@pytest.mark.both_databases
class WhateverHappens(TestCase):
    def test_a_queued_track_plays_or_says_what_to_do_and_doing_it_makes_it_play(self) -> None:
        profile = settings(
            max_examples=settings().max_examples // 4,
            stateful_step_count=15,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(Players, settings=profile)
