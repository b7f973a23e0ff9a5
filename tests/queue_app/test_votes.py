"""Skipping by vote, as in docs/guild-settings.md: who may vote, and how many votes are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from guilds.models import VoiceState
from queue_app.commands import execute
from queue_app.domain import playback
from queue_app.domain.policy import votes_needed
from queue_app.domain.votes import recount
from queue_app.errors import NotAllowed
from queue_app.models import ItemState, SkipVote
from realtime.models import Via
from realtime.origin import Origin
from tests.factories import ChannelFactory, UserFactory, sit
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.mark.parametrize(
    ("listening", "share", "needed"),
    [
        (1, 50, 1),
        (2, 50, 1),
        (3, 50, 2),
        (5, 50, 3),
        (4, 0, 1),
        (4, 100, 4),
        (7, 33, 3),
        (10, 1, 1),
        (0, 50, 1),
    ],
)
def test_the_share_is_rounded_up_and_one_at_least(listening: int, share: int, needed: int) -> None:
    assert votes_needed(listening, share) == needed


def test_listeners_vote_and_enough_of_them_skip(stage: Stage, api: Callable[[User], Client]) -> None:
    item = stage.play()
    people = stage.seat(4)
    clients = [api(person) for person in people]
    url = f"/api/guilds/{stage.id}/player/skip"
    first = clients[0].post(url)
    assert (first.status_code, first.json()["vote"]) == (200, {"votes": 1, "needed": 2})
    assert clients[0].post(url).json() == first.json()  # one vote each
    assert stage.names.count("SkipVoted") == 1
    assert stage.events()[-1]["args"] == {"item_id": str(item.pk), "votes": 1, "needed": 2}
    assert stage.snapshot()["skip_vote"] == {"votes": 1, "needed": 2}
    assert clients[1].post(url).json() == {"seq": stage.snapshot()["seq"]}
    item.refresh_from_db()
    assert (item.state, stage.snapshot()["skip_vote"]) == (ItemState.SKIPPED, None)
    assert stage.events()[-1]["metadata"]["userId"] == str(people[1].pk)
    assert not SkipVote.objects.exists()


def test_the_requester_and_djs_skip_at_once(stage: Stage) -> None:
    for who in (stage.member, stage.dj(), stage.join(manager=True)):
        stage.play()
        stage.seat(3)
        assert stage.do("Skip", by=who)["state"] == "skipped"
        VoiceState.objects.all().delete()


def test_only_those_who_hear_it_have_a_vote(stage: Stage) -> None:
    stage.play()
    deaf, *others = stage.seat(5)
    VoiceState.objects.filter(discord_id=deaf.discord_id).update(deafened=True)
    elsewhere = stage.join()
    sit(elsewhere, ChannelFactory.create(guild=stage.guild, voice=True))
    for person in (deaf, elsewhere, stage.join()):
        with pytest.raises(NotAllowed, match="Only listeners in the bot's voice channel"):
            stage.do("Skip", by=person)
    assert stage.do("Skip", by=others[0])["vote"] == {"votes": 1, "needed": 2}  # of four listeners


def test_while_nobody_listens_anybody_may_skip(stage: Stage) -> None:
    stage.play()
    (deaf,) = stage.seat(1)
    VoiceState.objects.filter(discord_id=deaf.discord_id).update(deafened=True)
    assert stage.do("Skip", by=stage.join())["state"] == "skipped"


def test_a_vote_leaves_with_its_person_and_fewer_may_be_enough(stage: Stage) -> None:
    stage.play()
    people = stage.seat(6)
    for person in people[:2]:
        stage.do("Skip", by=person)

    def leave(person: User) -> None:
        VoiceState.objects.filter(discord_id=person.discord_id).delete()
        recount(stage.id)

    leave(people[0])
    assert stage.snapshot()["skip_vote"] == {"votes": 1, "needed": 3}
    for person in people[2:4]:
        leave(person)
    assert stage.snapshot()["skip_vote"] == {"votes": 1, "needed": 2}
    leave(people[4])
    assert stage.names[-1] == "TrackSkipped"
    assert stage.events()[-1]["metadata"]["userId"] is None


def test_the_next_track_begins_without_votes(stage: Stage) -> None:
    item = stage.play()
    stage.add()
    people = stage.seat(4)
    stage.do("Skip", by=people[0])
    playback.finish(stage.id, owner=stage.owner, item_id=item.pk)
    playback.start_next(stage.id, owner=stage.owner)
    stage.hear()
    assert stage.snapshot()["skip_vote"] is None
    assert stage.do("Skip", by=people[1])["vote"] == {"votes": 1, "needed": 2}


def test_an_operator_needs_no_vote(stage: Stage) -> None:
    stage.play()
    stage.seat(5)
    stage.decide(may_skip="managers")
    origin = Origin(user=UserFactory.create(), via=Via.ADMIN, operator=True)
    assert execute(stage.id, "Skip", {}, origin=origin).result["state"] == "skipped"


@pytest.mark.django_db(transaction=True)
def test_votes_cast_at_once_are_all_counted(in_threads: Callable[..., list[Any]]) -> None:
    stage = Stage()
    stage.play()
    people = stage.seat(5)
    stage.decide(vote_share=100)
    results = in_threads(5, lambda n: stage.do("Skip", by=people[n]))
    assert sorted(result["state"] for result in results) == ["playing"] * 4 + ["skipped"]
    assert stage.names.count("TrackSkipped") == 1
