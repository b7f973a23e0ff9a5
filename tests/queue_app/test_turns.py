"""People take turns in a fair queue."""

from __future__ import annotations

from bisect import bisect_left, insort

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import User
from queue_app.domain.guild_state import open_guild
from queue_app.domain.rank import STEP
from queue_app.domain.turns import at_turn, turn_ranks
from queue_app.errors import NotAllowed
from queue_app.models import ItemState, Player, QueueItem
from realtime.origin import BOT
from tests.factories import TrackFactory
from tests.queue_app.stage import Stage
from tests.queue_app.turns import fair_place

pytestmark = pytest.mark.both_databases


PEOPLE = st.integers(1, 4)


@given(st.lists(PEOPLE, max_size=30), st.none() | PEOPLE)
def test_people_take_turns(adds: list[int], current: int | None) -> None:
    queue: list[tuple[int, int, int]] = []  # (round, when added, who)
    for when, person in enumerate(adds):
        place = fair_place([who for _, _, who in queue], current=current, person=person)
        turn = sum(who == person for _, _, who in queue)
        turn += person == current  # the current item was the first
        queue.insert(place, (turn, when, person))
    assert queue == sorted(queue)  # round by round, each in the order in which people asked


@given(st.lists(PEOPLE, max_size=20), st.none() | PEOPLE, PEOPLE)
def test_a_new_track_never_goes_before_an_earlier_one_of_the_same_person(
    queue: list[int], current: int | None, person: int
) -> None:
    """Also in a queue that was not built in fair order."""
    assert person not in queue[fair_place(queue, current=current, person=person) :]


def test_a_newcomer_does_not_wait_for_an_album(stage: Stage) -> None:
    stage.decide(fair_order=True)
    other = stage.join()
    stage.play()
    album = [str(stage.add().pk) for _ in range(3)]
    theirs = [str(stage.add(by=other).pk) for _ in range(2)]
    assert stage.queue == [theirs[0], album[0], theirs[1], album[1], album[2]]
    with pytest.raises(NotAllowed):  # turns cannot be jumped
        stage.add(by=other, position="next")
    first = str(stage.add(by=stage.dj(), position="next").pk)
    assert stage.queue[0] == first


class Turns(TestCase):
    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(
        queue=st.lists(st.integers(0, 4), max_size=25),
        current=st.none() | st.integers(0, 4),
        person=PEOPLE,
        count=st.integers(1, 6),
        step=st.sampled_from((1, STEP)),
    )
    def test_the_database_finds_the_places_that_the_rule_says(
        self, queue: list[int], current: int | None, person: int, count: int, step: int
    ) -> None:
        """Person 0 has left, so their items have no requester."""
        stage = Stage()
        people: list[User | None] = [None, *(stage.join() for _ in range(4))]
        keys = [user.pk if user else None for user in people]
        ids = stage.fill(len(queue), people=[people[each] for each in queue], step=step) if queue else []
        if current is not None:
            playing = QueueItem.objects.create(
                guild=stage.guild,
                track=TrackFactory.create(),
                requested_by=people[current],
                state=ItemState.PLAYING,
            )
            Player.objects.update_or_create(pk=stage.id, defaults={"item": playing})
        user = people[person]
        assert user is not None
        state = open_guild(stage.id, origin=BOT)
        place = at_turn(state, user.pk)
        if current == 0:  # `fair_place` takes None if nothing plays
            keys[0] = -1
        asked = [keys[each] for each in queue]
        plays = None if current is None else keys[current]
        expected = fair_place(asked, current=plays, person=user.pk)
        assert (str(place.after) if place.after else None) == (ids[expected - 1] if expected else None)
        ranks = list(QueueItem.objects.filter(pk__in=ids).order_by("rank").values_list("rank", flat=True))
        assert sum(rank < place.rank for rank in ranks) == expected
        assert place.rank not in ranks

        several = turn_ranks(state, user.pk, count)
        ranks = list(QueueItem.objects.filter(pk__in=ids).order_by("rank").values_list("rank", flat=True))
        for rank in several:  # the same as one after another
            assert sum(each < rank for each in ranks) == fair_place(asked, current=plays, person=user.pk)
            asked.insert(bisect_left(ranks, rank), user.pk)
            insort(ranks, rank)
        assert len(set(ranks)) == len(queue) + count
