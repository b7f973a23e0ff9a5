"""Old plays are deleted, and data of people who leave becomes anonymous."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.core.management import call_command
from django.utils import timezone

from accounts.domain.departure import delete_account, export_data, export_pieces
from accounts.domain.housekeeping import forget_the_past
from queue_app.domain import playback, retention
from queue_app.domain.retention import forget_history
from queue_app.models import Change, Play, Player, QueueItem
from queue_app.words import change_sentence
from tests.factories import UserFactory
from tests.queue_app.stage import Stage
from tests.queue_app.test_history import played

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LONG_AGO, LATELY = timedelta(days=366), timedelta(days=364)


def end(item: QueueItem, ago: timedelta) -> None:
    QueueItem.objects.filter(pk=item.pk).update(ended_at=timezone.now() - ago)


# --- Retention ---


def test_what_was_played_long_ago_goes_with_its_item(stage: Stage) -> None:
    old, young = played(stage, ago=LONG_AGO), played(stage, ago=LATELY)
    end(old.item, LONG_AGO)
    end(young.item, LATELY)
    assert forget_history() == {"changes": 0, "plays": 1, "queue items": 1}
    assert Play.objects.get() == young
    assert QueueItem.objects.get() == young.item


def test_an_item_stays_as_long_as_one_of_its_plays(stage: Stage) -> None:
    play = played(stage, ago=LONG_AGO)
    end(play.item, LONG_AGO)
    Play.objects.create(
        guild=stage.guild,
        item=play.item,
        track=play.track,
        day=timezone.now().date(),
        ended_at=timezone.now(),
    )
    assert forget_history() == {"changes": 0, "plays": 1, "queue items": 0}
    assert Play.objects.count() == 1


def test_what_waits_or_plays_stays_however_old(stage: Stage) -> None:
    stage.play()
    stage.add()
    old = timezone.now() - LONG_AGO
    QueueItem.objects.update(added_at=old)
    Play.objects.update(started_at=old, day=old.date())
    before = stage.snapshot()
    forget_history()
    assert (QueueItem.objects.count(), Play.objects.count()) == (2, 1)
    assert stage.snapshot()["player"]["item"]["id"] == before["player"]["item"]["id"]


def test_removed_and_failed_items_go_as_well(stage: Stage) -> None:
    removed, failed = stage.add(), stage.fail()
    stage.do("RemoveItem", item_id=str(removed.pk))
    for item in (removed, failed):
        end(item, LONG_AGO)
    assert forget_history()["queue items"] == 2
    assert not QueueItem.objects.exists()


def test_zero_days_keep_everything(stage: Stage, settings: LazySettings) -> None:
    settings.HISTORY_DAYS = 0
    end(played(stage, ago=LONG_AGO).item, LONG_AGO)
    assert forget_history() == {"changes": 0}
    assert (QueueItem.objects.count(), Play.objects.count()) == (1, 1)


def test_a_change_goes_once_nobody_can_undo_it(stage: Stage) -> None:
    for hours in (26, 24, 1):
        stage.add()
        newest = Change.objects.latest("pk")
        Change.objects.filter(pk=newest.pk).update(created_at=timezone.now() - timedelta(hours=hours))
    assert forget_history()["changes"] == 1
    assert Change.objects.count() == 2


def test_a_pass_is_bounded_and_the_next_one_continues(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "MAX_BATCHES", 2)
    for _ in range(5):
        played(stage, ago=LONG_AGO)
    played(stage)
    assert [forget_history()["plays"] for _ in range(3)] == [4, 1, 0]


def test_the_daily_housekeeping_includes_it(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    played(stage, ago=LONG_AGO)
    assert forget_the_past()["plays"] == 1
    call_command("housekeeping")
    assert "      0 plays\n" in capsys.readouterr().out


# --- One's own data ---


def test_the_export_has_ones_plays_and_changes(stage: Stage) -> None:
    item = stage.play()
    stage.hear(position_ms=30_000)
    playback.finish(stage.id, owner=stage.owner, item_id=item.pk)
    stage.do("SetVolume", volume=30)
    played(stage, by=stage.join())
    data = json.loads(b"".join(export_pieces(stage.member)))
    (play,) = data["plays"]
    assert (play["guild_id"], play["item_id"], play["state"]) == (stage.id, str(item.pk), "played")
    assert play["track"]["uri"] == item.track.uri
    assert play["heard_ms"] >= 30_000
    assert [(change["guild_id"], change["tracks"], change["undone"]) for change in data["changes"]] == [
        (stage.id, 1, False),
        (stage.id, 1, False),
    ]


def test_the_export_reads_plays_in_pages(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queue_app.history.EXPORT_PAGE", 2)
    plays = [str(played(stage).item_id) for _ in range(5)]
    assert [play["item_id"] for play in export_data(stage.member)["plays"]] == plays


def test_a_departed_person_leaves_no_name(stage: Stage) -> None:
    person = UserFactory.create(username="wanderer-7", display_name="Wanderer Seven")
    stage.join(user=person)
    person_id, discord_id = person.pk, str(person.discord_id)
    stage.play_as(person)
    stage.add(by=person)
    stage.do("ClearQueue", by=person, whose="mine", key="clear-mine")
    stage.do("ClearQueue", by=stage.dj(), whose=str(person_id), key="clear-theirs")
    stage.do("Skip", by=person)
    stage.do("Undo", by=person)
    stage.do("AddTrack", by=person, query="x")
    delete_account(person)
    for label in ("queue_app", "realtime"):
        for model in apps.get_app_config(label).get_models():
            for row in model._default_manager.all():
                values = {field.attname: str(getattr(row, field.attname)) for field in model._meta.fields}
                text = " ".join(values.values())
                assert "anderer" not in text, (model, values)
                assert discord_id not in text, (model, values)
    assert set(Play.objects.values_list("requested_by", flat=True)) == {None}
    sentences = {change_sentence(change) for change in Change.objects.select_related("actor")}
    assert all(sentence.startswith("Someone ") for sentence in sentences), sentences
    assert Player.objects.get().item is not None
