"""Whatever people and Discord do, the player plays or says what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from accounts.errors import Refusal
from accounts.models import User
from database.owners import lease_owner
from guilds.channel_permissions import may_bot_enter
from guilds.models import Channel, GuildSettings, VoiceState
from queue_app.domain import playback
from queue_app.domain.whereabouts import best_channel
from queue_app.models import Player
from queue_app.player_states import SILENCES
from queue_app.queries import first_queued
from tests.factories import TrackFactory, sit
from tests.queue_app.voice_stage import VoiceStage, close, open_to_all

PEOPLE = st.integers(0, 2)
ROOMS = st.integers(0, 1)


class Players(RuleBasedStateMachine):
    """People, Discord and the bot act at random. From time to time the bot finishes its work, and all is checked."""

    def __init__(self) -> None:
        super().__init__()
        self.rolled_back = transaction.atomic()
        self.rolled_back.__enter__()
        self.stage = VoiceStage()
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
