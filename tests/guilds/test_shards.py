"""The state that shards store, and their turns to identify."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from guilds.domain import shards
from guilds.domain.shards import IDENTIFY_EVERY, claim_identify, forget_old_shards, note_shard
from guilds.models import BotShard, IdentifyBucket

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def note(number: int = 0, *, process: str = "a", connected: bool = True) -> None:
    note_shard(
        number,
        2,
        process=process,
        connected=connected,
        ready_at=None,
        latency_ms=20,
        guilds=3,
        members_intent=True,
        content_intent=False,
    )


def test_a_bucket_has_one_turn_at_a_time() -> None:
    assert claim_identify(0) == 0
    assert 0 < claim_identify(0) <= IDENTIFY_EVERY.total_seconds()
    assert claim_identify(1) == 0
    IdentifyBucket.objects.filter(pk=0).update(free_at=timezone.now())
    assert claim_identify(0) == 0


def test_a_turn_written_by_a_wrong_clock_is_no_turn() -> None:
    claim_identify(0)
    IdentifyBucket.objects.update(free_at=timezone.now() + timedelta(days=1))
    assert claim_identify(0) == 0


def test_of_many_who_claim_at_once_one_has_the_turn(
    in_threads: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the last one claims long after the first one's turn has ended.
    monkeypatch.setattr(shards, "IDENTIFY_EVERY", timedelta(minutes=10))
    claim_identify(7)
    IdentifyBucket.objects.update(free_at=timezone.now())
    assert in_threads(6, lambda _: claim_identify(7)).count(0) == 1


def test_a_process_that_is_gone_does_not_speak_for_the_one_that_took_over() -> None:
    note(process="a")
    note(process="b")
    note(process="a", connected=False)
    shard = BotShard.objects.get()
    assert (shard.process, shard.connected) == ("b", True)
    note(process="b", connected=False)
    assert not BotShard.objects.get().connected


def test_shards_that_nobody_keeps_are_forgotten() -> None:
    note(0)
    note(1)
    BotShard.objects.filter(number=1).update(seen_at=timezone.now() - timedelta(days=2))
    forget_old_shards()
    assert BotShard.objects.get().number == 0
