"""How often a track was played, which the search ranks by."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks

from library.models import Track
from queue_app.models import Play
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def counts() -> dict[int, int]:
    return dict(Track.objects.values_list("pk", "play_count"))


def test_each_start_from_the_beginning_counts_after_the_commit(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    stage = Stage()
    with django_capture_on_commit_callbacks(execute=True):
        stage.play()
        track = Play.objects.get().track_id
        assert counts()[track] == 0
    assert counts()[track] == 1
    with django_capture_on_commit_callbacks(execute=True):
        stage.do("Seek", position_ms=1_000)
        stage.do("Pause")
        stage.do("Resume")
    assert counts()[track] == 1


def test_plays_from_before_are_counted_once_by_the_migration() -> None:
    stage = Stage()
    stage.play()
    play = Play.objects.get()
    Play.objects.bulk_create(
        Play(guild_id=play.guild_id, item_id=play.item_id, track_id=play.track_id, day=play.day)
        for _ in range(4)
    )
    other = stage.add().track_id
    Track.objects.update(play_count=0)
    migration: Any = import_module("queue_app.migrations.0007_count_plays")
    with connection.cursor() as cursor:
        cursor.execute(migration.Migration.operations[0].sql)
    assert (counts()[play.track_id], counts()[other]) == (5, 0)
