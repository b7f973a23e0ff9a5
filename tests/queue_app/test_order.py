"""The order of the queue after random changes, one after the other."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from accounts.errors import Refusal
from accounts.models import User
from queue_app.commands import COMMANDS, shuffle_queue
from queue_app.domain import add_many, playback
from queue_app.domain.policy import TAKES_A_VOTE
from queue_app.errors import NotAllowed, NothingToRedo, NothingToUndo
from queue_app.models import Change
from tests.queue_app.busy_guild import BOT_ACTS, BusyGuild, assert_has_reason, look, seen
from tests.queue_app.random_commands import ARGUMENTS, Choose, choose_arguments, choose_name
from tests.queue_app.reducer import Snapshot, reduce

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("long_leases")]


LOOPS = ("off", "track", "queue")


def essence(snapshot: Snapshot) -> Snapshot:
    """The state that undo and redo restore. It excludes ranks, the voice channel and whether playback was stopped."""
    player = snapshot["player"]
    return {
        "queue": [item["id"] for item in snapshot["queue"]],
        "queue_total": snapshot["queue_total"],
        "failed": [item["id"] for item in snapshot["failed"]],
        "item": player["item"] and player["item"]["id"],
        "loop": player["loop"],
    }


class Performance:
    """Random commands and acts of the bot, one after the other. Each succeeds, or is refused with a reason.

    Two readers replay the log: one has loaded the whole queue, and one a part of it.
    """

    def __init__(self, guild: BusyGuild, *, fair: bool, loop: str, waiting: int) -> None:
        self.guild = guild
        self.stage = stage = guild.stage
        self.world, self.stale = guild.world(), guild.world()
        self.full = self.part = self.now = look(stage.id)
        assert playback.take_lease(stage.id, owner=stage.owner)
        stage.decide(fair_order=fair)
        stage.do("JoinVoice", channel_id=stage.channel.pk)
        stage.do("SetLoop", loop=loop)
        for number in range(waiting):
            stage.add(by=guild.writers[number % 4], track=guild.tracks[number % 5])
        self.follow()

    def attempt(self, who: int, choose: Choose) -> bool:
        """Run a command. Returns whether it succeeded."""
        name = choose_name(choose)
        args = choose_arguments(name, self.stale if who == 3 else self.world, choose)
        try:
            answer = self.stage.answer(name, by=self.guild.writers[who], **args)
        except Refusal as refusal:
            assert_has_reason(refusal)
            fresh = look(self.stage.id)
            assert (fresh["seq"], seen(fresh)) == (self.now["seq"], seen(self.now))
            return False
        before = self.now["seq"]
        events = self.follow()
        assert answer.seqs == list(range(before + 1, self.now["seq"] + 1))
        assert {event["name"] for event in events} <= {each.__name__ for each in COMMANDS[name].appends}
        return True

    def attempt_undo_and_redo(self, who: int, choose: Choose) -> None:
        """Check that undo restores the state before a command, and that redo restores the state after it."""
        before = self.now
        if not self.attempt(who, choose):
            return
        change = Change.objects.filter(guild=self.stage.guild, seq=before["seq"] + 1).first()
        if change is None:
            return
        after = self.now
        by = self.guild.writers[who] if change.actor_id else self.guild.manager
        if not self.take_back("Undo", by, seq=change.last_seq):
            return
        assert essence(self.now) == essence(before)
        assert before["states"].items() <= self.now["states"].items()
        self.assert_same_position(before)
        if not self.take_back("Redo", by, **({"seq": change.seq} if who % 2 else {})):
            return
        assert essence(self.now) == essence(after)
        assert self.now["states"] == after["states"]
        self.assert_same_position(after)

    def take_back(self, name: str, by: User, **args: Any) -> bool:
        """Undo or redo all of a change. Returns False if that takes a vote, which a member cannot get past."""
        member = by in (self.guild.listener, self.guild.elsewhere)
        current = self.stage.player.item
        others = member and current is not None and current.requested_by_id != by.pk
        try:
            answer = self.stage.do(name, by=by, **args)
        except NotAllowed as refusal:
            return self.give_up(others and str(refusal) == str(TAKES_A_VOTE))
        except (NothingToUndo, NothingToRedo):
            return self.give_up(others)
        self.follow()
        if answer["left_out"] and others:
            return self.give_up({each["reason"] for each in answer["left_out"]} == {"WOULD_INTERRUPT"})
        assert answer["left_out"] == []
        return True

    def give_up(self, takes_a_vote: bool) -> bool:
        assert takes_a_vote
        return False

    def act_as_bot(self, what: str, number: int) -> None:
        self.guild.act_as_bot(what, number)
        self.follow()

    def sit_or_leave(self, number: int) -> None:
        self.guild.sit_or_leave(number)
        self.follow()

    def load_a_part(self, size: int) -> None:
        """Start a reader that loads `size` items. A person also reads the queue, and may use these ids later."""
        self.part = copy.deepcopy(self.now)
        if len(self.part["queue"]) > size:
            self.part["queue"] = self.part["queue"][:size]
            self.part["next"] = str(self.part["queue"][-1]["rank"])
        self.stale = copy.deepcopy(self.world)

    def follow(self) -> list[dict[str, Any]]:
        """Update all readers and compare them with the tables. Returns the new events."""
        fresh = look(self.stage.id)
        events = self.stage.events(after=self.full["seq"]) if fresh["seq"] > self.full["seq"] else []
        for event in events:  # `reduce` checks that no seq is missing
            self.full, self.part = reduce(self.full, event), reduce(self.part, event)
        assert (self.full["seq"], seen(self.full)) == (fresh["seq"], seen(fresh))
        reached = self.part["next"]
        held = [each for each in fresh["queue"] if reached is None or each["rank"] <= int(reached)]
        assert seen(self.part) == seen(fresh) | {"queue": held}
        self.now = fresh
        self.world.see(fresh)
        return events

    def assert_same_position(self, then: Snapshot) -> None:
        assert abs(self.now["player"]["position_ms"] - then["player"]["position_ms"]) < 1_000


class QueueMachine(RuleBasedStateMachine):
    guild: BusyGuild

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        add_many._random = shuffle_queue._random = random.Random(1)  # repeatable

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @initialize(fair=st.booleans(), loop=st.sampled_from(LOOPS), waiting=st.integers(0, 6))
    def begin(self, fair: bool, loop: str, waiting: int) -> None:
        self.performance = Performance(self.guild, fair=fair, loop=loop, waiting=waiting)

    @rule(who=st.integers(0, 3), data=st.data())
    def command(self, who: int, data: st.DataObject) -> None:
        self.performance.attempt(who, lambda below: data.draw(st.integers(0, below - 1)))

    @rule(who=st.integers(0, 3), data=st.data())
    def command_undo_and_redo(self, who: int, data: st.DataObject) -> None:
        self.performance.attempt_undo_and_redo(who, lambda below: data.draw(st.integers(0, below - 1)))

    @rule(what=st.sampled_from(BOT_ACTS), number=st.integers(0, 59))
    def bot(self, what: str, number: int) -> None:
        self.performance.act_as_bot(what, number)

    @rule(number=st.integers(0, 29))
    def someone_comes_or_goes(self, number: int) -> None:
        self.performance.sit_or_leave(number)

    @rule(size=st.integers(1, 4))
    def a_reader_loads_a_part(self, size: int) -> None:
        self.performance.load_a_part(size)


@pytest.mark.django_db
def test_whatever_is_done_all_readers_see_one_order_and_undo_takes_it_back() -> None:
    class Machine(QueueMachine):
        guild = BusyGuild()

    length = 8 if settings().max_examples < 100 else 40
    steps = settings(stateful_step_count=length, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Machine, settings=steps)


def test_random_commands_are_of_the_whole_registry() -> None:
    assert set(ARGUMENTS) == set(COMMANDS)
