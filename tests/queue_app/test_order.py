"""The order of the queue after random changes, in turn and by many people at once."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from accounts.errors import Refusal
from accounts.models import User
from guilds.models import Membership, VoiceState
from queue_app.commands import COMMANDS, shuffle_queue
from queue_app.domain import add_many, playback
from queue_app.domain.policy import TAKES_A_VOTE
from queue_app.domain.requeue import requeue
from queue_app.domain.votes import recount
from queue_app.errors import ItemNotFound, LeaseLost, NotAllowed, NothingToRedo, NothingToUndo
from queue_app.models import Change, ItemState, Play, QueueItem
from queue_app.queries import failed_items, load_player, queued_items
from queue_app.shapes import item_shape, player_shape, skip_vote_shape
from realtime.models import Event, Store, Via
from realtime.origin import Origin
from tests.factories import ChannelFactory, TrackFactory, sit
from tests.queue_app.random_commands import ARGUMENTS, Choose, World, choose_arguments, choose_name
from tests.queue_app.reducer import Snapshot, reduce
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def leases_that_outlast_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a lease the player says that the bot is away, which no event tells."""
    monkeypatch.setattr(playback, "LEASE", timedelta(hours=1))


QUEUED, PLAYING = ItemState.QUEUED, ItemState.PLAYING
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


class Theatre:
    """A guild with four people who change its queue: a manager, a DJ, a listener, and a person who is not in voice."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.manager = self.stage.member
        Membership.objects.filter(user=self.manager).update(owner=True)
        self.dj = self.stage.dj()
        (self.listener, other) = self.stage.seat(2)
        self.elsewhere = self.stage.join()
        self.writers = [self.manager, self.dj, self.listener, self.elsewhere]
        self.people = [*self.writers, other]
        self.channels = [self.stage.channel, ChannelFactory.create(guild=self.stage.guild, voice=True)]
        self.tracks = [TrackFactory.create() for _ in range(5)]

    def world(self) -> World:
        return World(
            uris=[track.uri for track in self.tracks],
            channels=[channel.pk for channel in self.channels],
            people=[str(person.pk) for person in self.writers],
        )

    def act_as_bot(self, what: str, number: int) -> None:
        """Do what a bot process would do in the player's current state."""
        stage, player = self.stage, self.stage.player
        if what == "start":
            playback.start_next(stage.id, owner=stage.owner)
        elif what == "hear":
            heard = player.item_id is not None and not (player.paused or player.stopped)
            playback.observe(
                stage.id,
                owner=stage.owner,
                connected_channel_id=player.voice_channel_id,
                sounding=heard and player.voice_channel_id is not None,
                position_ms=number * 1_000 if heard else None,
                jumps=player.jumps - number % 2,
            )
        elif what == "finish" and player.item_id:
            playback.finish(stage.id, owner=stage.owner, item_id=player.item_id, jumps=player.jumps)
        elif what == "fail" and player.item_id:
            playback.fail(stage.id, owner=stage.owner, item_id=player.item_id, code="GONE", detail="Gone.")
        elif what == "fail queued":
            waiting = QueueItem.objects.filter(guild=stage.guild, state=ItemState.QUEUED)
            if item := waiting.order_by("rank")[number % 5 : number % 5 + 1].first():
                playback.fail_queued(
                    stage.id, owner=stage.owner, item_id=item.pk, code="GONE", detail="Gone."
                )
        elif what == "take over":
            stage.expire()
            stage.owner = stage.take_over()
        elif what == "move":
            channel = [None, *self.channels][number % 3]
            playback.moved(stage.id, owner=stage.owner, channel_id=channel.pk if channel else None)
        elif what == "requeue":
            items = QueueItem.objects.filter(guild=stage.guild).exclude(state=ItemState.QUEUED)
            if item := items.order_by("-added_at", "pk")[number % 5 : number % 5 + 1].first():
                operator = Origin(user=self.manager, via=Via.ADMIN, operator=True)
                requeue(stage.id, item_id=str(item.pk), origin=operator)

    def sit_or_leave(self, number: int) -> None:
        person = self.people[number % 5]
        if number % 2:
            sit(person, self.channels[number % 3 // 2])
        else:
            VoiceState.objects.filter(discord_id=person.discord_id).delete()
        recount(self.stage.id)


BOT_ACTS = ("start", "start", "hear", "hear", "finish", "fail", "fail queued", "take over", "move", "requeue")


def look(guild_id: str) -> Snapshot:
    """Read the queue and the player from the tables, and check the invariants of these rows."""
    player = load_player(guild_id)
    waiting = queued_items(guild_id, limit=1_000)
    rows = QueueItem.objects.filter(guild_id=guild_id).values_list("pk", "state", "ended_at")
    states = {pk: state for pk, state, _ in rows}
    assert [pk for pk, state in states.items() if state == PLAYING] == [pk for pk in [player.item_id] if pk]
    assert all((ended is None) == (state in (QUEUED, PLAYING)) for _, state, ended in rows)
    assert len({item.rank for item in waiting}) == len(waiting) == player.queue_total
    sounding = Play.objects.filter(guild=guild_id, ended_at=None).values_list("item", flat=True)
    assert list(sounding) == [pk for pk in [player.item_id] if pk]
    return {
        "seq": Store.objects.values_list("head", flat=True).get(name=f"guild:{guild_id}"),
        "queue": [item_shape(item) for item in waiting],
        "queue_total": player.queue_total,
        "next": None,
        "failed": [item_shape(item) for item in failed_items(guild_id)],
        "player": player_shape(player),
        "skip_vote": skip_vote_shape(player),
        "states": states,
    }


def seen(state: Snapshot) -> Snapshot:
    """The state that a reader of the whole queue must have, which is everything except the running position."""
    player = {name: value for name, value in state["player"].items() if not name.startswith("position")}
    return {
        "player": player,
        **{name: state[name] for name in ("queue", "queue_total", "failed", "skip_vote")},
    }


def assert_has_reason(refusal: Refusal) -> None:
    assert refusal.code
    assert str(refusal)


class Performance:
    """Random commands and acts of the bot, one after the other. Each succeeds, or is refused with a reason.

    Two readers replay the log: one has loaded the whole queue, and one a part of it.
    """

    def __init__(self, theatre: Theatre, *, fair: bool, loop: str, waiting: int) -> None:
        self.theatre = theatre
        self.stage = stage = theatre.stage
        self.world, self.stale = theatre.world(), theatre.world()
        self.full = self.part = self.now = look(stage.id)
        assert playback.take_lease(stage.id, owner=stage.owner)
        stage.decide(fair_order=fair)
        stage.do("JoinVoice", channel_id=stage.channel.pk)
        stage.do("SetLoop", loop=loop)
        for number in range(waiting):
            stage.add(by=theatre.writers[number % 4], track=theatre.tracks[number % 5])
        self.follow()

    def attempt(self, who: int, choose: Choose) -> bool:
        """Run a command. Returns whether it succeeded."""
        name = choose_name(choose)
        args = choose_arguments(name, self.stale if who == 3 else self.world, choose)
        try:
            answer = self.stage.answer(name, by=self.theatre.writers[who], **args)
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
        by = self.theatre.writers[who] if change.actor_id else self.theatre.manager
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
        member = by in (self.theatre.listener, self.theatre.elsewhere)
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
        self.theatre.act_as_bot(what, number)
        self.follow()

    def sit_or_leave(self, number: int) -> None:
        self.theatre.sit_or_leave(number)
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
    theatre: Theatre

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        add_many._random = shuffle_queue._random = random.Random(1)  # type: ignore[assignment]  # repeatable

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @initialize(fair=st.booleans(), loop=st.sampled_from(LOOPS), waiting=st.integers(0, 6))
    def begin(self, fair: bool, loop: str, waiting: int) -> None:
        self.performance = Performance(self.theatre, fair=fair, loop=loop, waiting=waiting)

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
        theatre = Theatre()

    length = 8 if settings().max_examples < 100 else 40
    steps = settings(stateful_step_count=length, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Machine, settings=steps)


def test_random_commands_are_of_the_whole_registry() -> None:
    assert set(ARGUMENTS) == set(COMMANDS)


# --- At once ---


@pytest.mark.django_db(transaction=True)
def test_what_four_do_at_once_is_carried_out_or_refused_and_has_one_order(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    theatre = Theatre()
    stage = theatre.stage
    assert playback.take_lease(stage.id, owner=stage.owner)
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    for number in range(6):
        stage.add(by=theatre.writers[number % 4], track=theatre.tracks[number % 5])
    start = look(stage.id)
    carried_out: list[int] = []
    # While nobody has the lease, a snapshot says that the bot is away, which no event tells.
    acts = [act for act in BOT_ACTS if act != "take over"]

    def act(n: int) -> list[Snapshot]:
        rng, world, read = random.Random(n), theatre.world(), list[Snapshot]()
        for number in range(20):
            if number % 4 == 0:  # between these, its ids become old
                read.append(stage.snapshot())
                world.see(read[-1])
            name = choose_name(rng.randrange)
            try:
                answer = stage.answer(
                    name, by=theatre.writers[n], **choose_arguments(name, world, rng.randrange)
                )
            except Refusal as refusal:
                assert_has_reason(refusal)
            else:
                carried_out.extend(answer.seqs)
            if n == 0:
                with suppress(LeaseLost):
                    theatre.act_as_bot(rng.choice(acts), rng.randrange(60))
        return read

    read = [snapshot for each in in_threads(4, act) for snapshot in each]
    assert len(carried_out) == len(set(carried_out))
    states = {start["seq"]: start}
    for event in stage.events(after=start["seq"]):
        states[event["seqNum"]] = reduce(states[event["parentSeqNum"]], event)
    fresh = look(stage.id)
    assert list(states) == list(range(start["seq"], fresh["seq"] + 1))
    assert seen(states[fresh["seq"]]) == seen(fresh)
    for snapshot in read:
        assert seen(snapshot) == seen(states[snapshot["seq"]])


@pytest.mark.django_db(transaction=True)
def test_tracks_added_at_once_are_all_there_in_the_order_of_the_log(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    stage = Stage()
    members = [stage.join() for _ in range(6)]
    query = TrackFactory.create().uri
    before = stage.snapshot()
    positions = ["end", "next"]
    in_threads(
        6,
        lambda n: [
            stage.do("AddTrack", by=members[n], query=query, position=positions[n % 2]) for _ in range(5)
        ],
    )
    fresh = stage.assert_replays(before)
    assert len(fresh["queue"]) == 30
    assert fresh["seq"] == 30
    assert QueueItem.objects.values("rank").distinct().count() == 30


@pytest.mark.django_db(transaction=True)
def test_an_item_wanted_by_many_is_removed_by_one_or_started(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    stage = Stage()
    playback.take_lease(stage.id, owner=stage.owner)
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    before = stage.snapshot()
    for _ in range(5):
        item = stage.add()

        def one(n: int, item_id: str = str(item.pk)) -> bool:
            try:
                if n == 0:
                    return playback.start_next(stage.id, owner=stage.owner) is not None
                stage.do("RemoveItem", item_id=item_id)
            except ItemNotFound:
                return False
            return True

        assert sum(in_threads(4, one)) == 1
        if stage.player.item_id:
            stage.do("Skip")
    stage.assert_replays(before)


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_among_writers_is_of_one_moment(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    """The queue of each snapshot is exactly the result of the events up to its seq."""
    stage = Stage()
    query = TrackFactory.create().uri
    start = stage.snapshot()

    def work(n: int) -> list[dict[str, Any]]:
        if n < 3:
            for _ in range(10):
                item = stage.do("AddTrack", query=query, position="next")
                stage.do("RemoveItem", item_id=item["id"])
            return []
        return [stage.snapshot() for _ in range(25)]

    results = in_threads(5, work)
    states = {start["seq"]: start}
    for event in stage.events():
        states[event["seqNum"]] = reduce(states[event["parentSeqNum"]], event)
    assert Store.objects.get(name=f"guild:{stage.id}").head == 60 == Event.objects.count()
    for snapshot in results[3] + results[4]:
        expected = states[snapshot["seq"]]
        assert [i["id"] for i in snapshot["queue"]] == [i["id"] for i in expected["queue"]], snapshot["seq"]
