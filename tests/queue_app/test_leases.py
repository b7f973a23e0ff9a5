"""The lease of a guild's player, which only one process has."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from database.owners import lease_owner
from queue_app.domain import playback
from queue_app.errors import LeaseLost
from queue_app.models import Player
from queue_app.player_states import PlayerStatus
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def take(stage: Stage, owner: str) -> bool:
    return playback.take_lease(stage.id, owner=owner)


def test_the_first_takes_the_lease_and_renews_it(stage: Stage) -> None:
    assert take(stage, "a:1:x")
    Player.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=1))
    assert take(stage, "a:1:x")
    expires_at = stage.player.lease_expires_at
    assert expires_at is not None
    left = expires_at - timezone.now()
    assert playback.LEASE - timedelta(seconds=2) < left <= playback.LEASE


def test_a_second_waits_while_the_first_lives(stage: Stage) -> None:
    assert take(stage, "a:1:x")
    assert not take(stage, "b:1:y")
    assert stage.player.lease_owner == "a:1:x"


def test_an_expired_lease_is_taken_over(stage: Stage) -> None:
    assert take(stage, "a:1:x")
    stage.expire()
    assert take(stage, "b:1:y")
    assert not take(stage, "a:1:x")


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_over_at_once(stage: Stage) -> None:
    machine = lease_owner().partition(":")[0]
    with subprocess.Popen(["true"]) as process:
        pass
    assert take(stage, f"{machine}:{process.pid}:abcd")
    assert take(stage, lease_owner())


def test_the_lease_of_a_living_process_or_of_another_machine_is_not(stage: Stage) -> None:
    assert take(stage, lease_owner())
    assert not take(stage, lease_owner())
    assert take(Stage(), "another/abcdef12:999999:abcd")
    other = Stage()
    assert take(other, "another/abcdef12:999999:abcd")
    assert not take(other, lease_owner())


@pytest.mark.parametrize("guilds", [1, 3])
def test_a_process_renews_all_its_leases_at_once(guilds: int, django_assert_num_queries: Any) -> None:
    stages = [Stage() for _ in range(guilds)]
    for each in stages:
        assert take(each, f"a:1:{each.id}")
    Player.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=1))
    with django_assert_num_queries(1):
        held = playback.renew_leases({each.id: f"a:1:{each.id}" for each in stages})
    assert held == {each.id for each in stages}
    renewed = Player.objects.filter(lease_expires_at__gt=timezone.now() + timedelta(seconds=6))
    assert renewed.count() == guilds


def test_renewing_tells_which_leases_are_lost() -> None:
    kept, taken = Stage(), Stage()
    owners = {kept.id: "a:1:x", taken.id: "a:1:y"}
    assert take(kept, "a:1:x")
    assert take(taken, "b:1:z")
    assert playback.renew_leases(owners) == {kept.id}
    assert taken.player.lease_owner == "b:1:z"


def test_whose_lease_may_be_had_is_one_query(django_assert_num_queries: Any) -> None:
    held, expired, given_up = Stage(), Stage(), Stage()
    for each in (held, expired, given_up):
        assert take(each, "a:1:x")
    expired.expire()
    playback.release(given_up.id, owner="a:1:x")
    with django_assert_num_queries(1):
        assert playback.free_leases([held.id, expired.id, given_up.id]) == {expired.id, given_up.id}


def test_a_new_owner_starts_with_nothing_connected_from_the_last_position(stage: Stage) -> None:
    item = stage.play()
    playback.checkpoint(stage.id, owner=stage.owner, item_id=item.pk, jumps=0, position_ms=42_000)
    stage.expire()
    stage.take_over()
    player = stage.player
    assert (player.connected_channel_id, player.sounding, player.position_ms) == (None, False, 42_000)
    assert player.status == PlayerStatus.CONNECTING
    assert player.item_id == item.pk
    assert stage.names[-1] == "VoiceChanged"


def test_a_lease_given_up_is_free_and_the_position_kept(stage: Stage) -> None:
    stage.play()
    stage.hear(position_ms=10_000)
    playback.release(stage.id, owner=stage.owner)
    player = stage.player
    assert (player.lease_owner, player.connected_channel_id, player.sounding) == ("", None, False)
    assert 10_000 <= player.position_ms < 15_000
    assert stage.names[-1] == "VoiceChanged"
    stage.take_over()


def test_only_the_owner_gives_a_lease_up(stage: Stage) -> None:
    stage.play()
    playback.release(stage.id, owner="b:1:y")
    assert stage.player.lease_owner == stage.owner


WRITES: dict[str, dict[str, Any]] = {
    "start_next": {},
    "finish": {"item_id": uuid.uuid4()},
    "fail": {"item_id": uuid.uuid4(), "code": "X", "detail": "x"},
    "fail_queued": {"item_id": uuid.uuid4(), "code": "X", "detail": "x"},
    "observe": {"connected_channel_id": None, "sounding": False, "position_ms": None},
    "report_error": {"code": "VOICE_FAILED"},
    "moved": {"channel_id": None},
    "lose_channel": {},
}


@pytest.mark.parametrize("name", WRITES)
def test_who_lost_the_lease_writes_nothing(name: str, stage: Stage) -> None:
    stage.play()
    stage.expire()
    stage.take_over()
    before, names = stage.snapshot(), stage.names
    with pytest.raises(LeaseLost):
        getattr(playback, name)(stage.id, owner=stage.owner, **WRITES[name])
    assert stage.names == names
    assert stage.snapshot()["player"]["item"] == before["player"]["item"]


def test_a_checkpoint_of_who_lost_the_lease_is_dropped(stage: Stage) -> None:
    item = stage.play()
    stage.expire()
    stage.take_over()
    playback.checkpoint(stage.id, owner=stage.owner, item_id=item.pk, jumps=0, position_ms=99_000)
    assert stage.player.position_ms != 99_000


@pytest.mark.django_db(transaction=True)
def test_of_eight_processes_at_once_one_gets_the_lease(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    stage = Stage()
    assert sum(in_threads(8, lambda n: take(stage, f"machine{n}:1:x"))) == 1


@pytest.mark.django_db(transaction=True)
def test_one_takes_over_from_the_dead_of_eight_at_once(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    stage = Stage()
    stage.play()
    stage.expire()
    assert sum(in_threads(8, lambda n: take(stage, f"machine{n}:1:x"))) == 1
    assert stage.names.count("VoiceChanged") == 2  # once for the sound, once for the new owner
