"""The queue while many people change and read it at the same moment."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from accounts.errors import Refusal
from queue_app.domain import playback
from queue_app.errors import ItemNotFound, LeaseLost
from queue_app.models import QueueItem
from realtime.models import Event, Store
from tests.factories import TrackFactory
from tests.queue_app.busy_guild import BOT_ACTS, BusyGuild, assert_has_reason, look, seen
from tests.queue_app.random_commands import choose_arguments, choose_name
from tests.queue_app.reducer import Snapshot, reduce
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("long_leases")]


@pytest.mark.django_db(transaction=True)
def test_what_four_do_at_once_is_carried_out_or_refused_and_has_one_order(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    guild = BusyGuild()
    stage = guild.stage
    assert playback.take_lease(stage.id, owner=stage.owner)
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    for number in range(6):
        stage.add(by=guild.writers[number % 4], track=guild.tracks[number % 5])
    start = look(stage.id)
    carried_out: list[int] = []
    # While nobody has the lease, a snapshot says that the bot is away, which no event tells.
    acts = [act for act in BOT_ACTS if act != "take over"]

    def act(n: int) -> list[Snapshot]:
        rng, world, read = random.Random(n), guild.world(), list[Snapshot]()
        for number in range(20):
            if number % 4 == 0:  # between these, its ids become old
                read.append(stage.snapshot())
                world.see(read[-1])
            name = choose_name(rng.randrange)
            try:
                answer = stage.answer(
                    name, by=guild.writers[n], **choose_arguments(name, world, rng.randrange)
                )
            except Refusal as refusal:
                assert_has_reason(refusal)
            else:
                carried_out.extend(answer.seqs)
            if n == 0:
                with suppress(LeaseLost):
                    guild.act_as_bot(rng.choice(acts), rng.randrange(60))
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
