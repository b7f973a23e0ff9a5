"""The history and the statistics over REST."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from library.models import Track
from queue_app.domain import playback
from queue_app.history import newest_plays
from queue_app.models import Change, ItemState, Play
from tests.factories import ItemFactory, TrackFactory, UserFactory
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def client(stage: Stage, api: Callable[[User], Client]) -> Client:
    return api(stage.member)


Get = Callable[[str], Any]


@pytest.fixture
def get(stage: Stage, client: Client) -> Get:
    return lambda path: client.get(f"/api/guilds/{stage.id}{path}").json()


def played(
    stage: Stage,
    *,
    by: User | None = None,
    track: Track | None = None,
    ago: timedelta = timedelta(),
    state: ItemState = ItemState.PLAYED,
    heard_ms: int = 60_000,
) -> Play:
    """Store an ended play that began that long ago."""
    started_at = timezone.now() - ago
    item = ItemFactory.create(
        guild=stage.guild, track=track or TrackFactory.create(), requested_by=by or stage.member, state=state
    )
    return Play.objects.create(
        guild=stage.guild,
        item=item,
        track=item.track,
        requested_by=item.requested_by,
        started_at=started_at,
        day=started_at.date(),
        ended_at=started_at + timedelta(milliseconds=heard_ms),
        outcome=state,
        heard_ms=heard_ms,
    )


# --- History ---


def test_what_was_played_is_read_with_how_it_ended(stage: Stage, get: Get) -> None:
    finished = stage.play()
    stage.hear(position_ms=59_000)
    playback.finish(stage.id, owner=stage.owner, item_id=finished.pk)
    skipped = stage.play()
    stage.hear(position_ms=10_000)
    stage.do("Skip")
    newest, oldest = get("/history")["items"]
    assert (newest["item"]["id"], newest["state"]) == (str(skipped.pk), "skipped")
    assert (oldest["item"]["id"], oldest["state"]) == (str(finished.pk), "played")
    assert oldest["item"]["requested_by"]["id"] == str(stage.member.pk)
    assert 10_000 <= newest["heard_ms"] < 15_000
    assert newest["started_at"] < newest["ended_at"]


def test_what_plays_now_is_heard_so_far(stage: Stage, get: Get) -> None:
    stage.play()
    stage.hear(position_ms=20_000)
    (play,) = get("/history")["items"]
    assert (play["state"], play["ended_at"]) == ("playing", None)
    assert 20_000 <= play["heard_ms"] < 25_000


def test_a_track_counts_its_plays_in_this_guild_only(stage: Stage, get: Get) -> None:
    track = TrackFactory.create()
    played(Stage(), track=track)
    for _ in range(2):
        played(stage, track=track)
    played(stage)
    assert sorted(play["plays"] for play in get("/history")["items"]) == [1, 2, 2]


def test_a_failure_is_shown_with_its_reason(stage: Stage, get: Get) -> None:
    item = stage.play()
    playback.fail(stage.id, owner=stage.owner, item_id=item.pk, code="UNDECODABLE", detail="No sound.")
    (play,) = get("/history?state=failed")["items"]
    assert (play["state"], play["item"]["error"]["code"]) == ("failed", "UNDECODABLE")


def test_pages_follow_each_other_also_at_one_moment(stage: Stage, get: Get) -> None:
    plays = [str(played(stage).pk) for _ in range(5)]
    Play.objects.update(started_at=timezone.now())
    seen: list[str] = []
    before = ""
    for _ in range(3):
        page = get(f"/history?limit=2{before}")
        seen += [play["id"] for play in page["items"]]
        before = f"&before={page['next']}"
    assert page["next"] is None
    assert seen == plays[::-1]


def test_the_current_play_comes_first_also_where_an_undo_continued_it(stage: Stage, get: Get) -> None:
    old = played(stage, ago=timedelta(hours=1))
    current = stage.play()
    stage.hear(position_ms=5_000)
    stage.do("Skip")
    skip = Change.objects.latest("seq").seq
    other = stage.play()
    stage.do("Undo", seq=skip)
    assert stage.player.item == current
    order = [str(current.pk), str(other.pk), str(old.item_id)]
    assert [play["item"]["id"] for play in get("/history")["items"]] == order
    seen, before = [], ""
    for _ in order:
        page = get(f"/history?limit=1{before}")
        seen += [play["item"]["id"] for play in page["items"]]
        before = f"&before={page['next']}"
    assert seen == order
    assert page["next"] is None
    pages = [newest_plays(stage.id, offset=offset, limit=2) for offset in range(3)]
    assert [str(play.item_id) for page in pages for play in page] == [*order[:2], *order[1:], order[2]]


def test_a_page_behind_a_deleted_play_is_empty(stage: Stage, get: Get) -> None:
    played(stage)
    assert get(f"/history?before={2**40}") == {"items": [], "next": None}


def test_filters_narrow_it_down(stage: Stage, get: Get) -> None:
    other = stage.join()
    mine = played(stage)
    theirs = played(stage, by=other, state=ItemState.SKIPPED)

    def found(query: str) -> list[str]:
        return [play["id"] for play in get(f"/history?{query}")["items"]]

    assert found("user=me") == [str(mine.pk)]
    assert found(f"user={other.pk}") == [str(theirs.pk)]
    assert found("state=skipped") == [str(theirs.pk)]
    assert found("user=me&state=skipped") == []
    assert found("user=999999") == []


def test_words_and_days_narrow_it_down_too(stage: Stage, get: Get) -> None:
    moss = played(
        stage, track=TrackFactory.create(title="Étude in Moss", artist="Ada"), ago=timedelta(days=3)
    )
    today = played(stage)

    def found(query: str) -> list[str]:
        return [play["id"] for play in get(f"/history?{query}")["items"]]

    assert found("q=etude+ada") == [str(moss.pk)]
    assert found("q=etude+bob") == []
    assert found(f"day={today.day}") == [str(today.pk)]
    assert found(f"day={moss.day}&q=moss") == [str(moss.pk)]
    assert found("day=2001-01-01") == []


def test_who_skipped_a_track_is_told_and_a_vote_is_nobody(stage: Stage, get: Get) -> None:
    stage.play()
    stage.do("Skip")
    assert get("/history")["items"][0]["skipped_by"]["id"] == str(stage.member.pk)
    item = stage.play()
    stage.do("Skip", by=stage.seat(2)[0])  # one of two is half of them
    (play,) = (each for each in get("/history")["items"] if each["item"]["id"] == str(item.pk))
    assert (play["state"], play["skipped_by"], play["by_vote"]) == ("skipped", None, True)
    stage.do("Undo", seq=Change.objects.latest("seq").seq)
    assert Play.objects.get(item=item).by_vote is False


def test_another_guilds_history_stays_there(stage: Stage, get: Get) -> None:
    other = Stage()
    play = played(other)
    assert get("/history")["items"] == []
    mine = played(stage)
    assert get(f"/history?before={play.pk}")["items"] == []
    assert [each["id"] for each in get("/history")["items"]] == [str(mine.pk)]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/history?before=0", "before"),
        ("/history?before=x", "before"),
        (f"/history?before={10**18}", "before"),
        ("/history?before=-1", "before"),
        ("/history?before=１", "before"),
        ("/history?limit=0", "limit"),
        ("/history?limit=101", "limit"),
        ("/history?user=Ines", "user"),
        ("/history?user=", "user"),
        (f"/history?user={'9' * 19}", "user"),
        ("/history?user=%00", "user"),
        ("/history?state=queued", "state"),
        (f"/history?q={'x' * 201}", "q"),
        ("/history?q=%00", "q"),
        ("/history?day=yesterday", "day"),
        ("/history?day=2026-02-30", "day"),
        ("/history?day=9999-12-31", "day"),
        ("/audit?day=0001-01-01", "day"),
        ("/audit?kind=noise", "kind"),
        ("/statistics?days=0", "days"),
        ("/statistics?days=367", "days"),
        ("/statistics?days=1.5", "days"),
        ("/statistics?user=you", "user"),
        ("/statistics?user=1", "user"),
        ("/audit?before=x", "before"),
        ("/audit?event=Nothing", "event"),
        ("/audit?event=", "event"),
        ("/audit?via=pigeon", "via"),
        ("/audit?user=-1", "user"),
    ],
)
def test_a_bad_query_is_400_by_field(
    path: str, field: str, stage: Stage, client: Client, api: Callable[[User], Client]
) -> None:
    response = client.get(f"/api/guilds/{stage.id}{path}")
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_INPUT")
    assert list(response.json()["errors"]) == [field]
    assert api(UserFactory.create()).get(f"/api/guilds/{stage.id}{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/history", "/history?before={before}", "/statistics", "/statistics?user=me"]
)
def test_more_plays_take_no_more_queries(
    path: str, stage: Stage, client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    queries = 6 if "history" in path else 9  # two find the caller
    for wanted in (1, 3):
        while Play.objects.count() <= wanted:
            played(stage, by=stage.member)
        before = Play.objects.latest("pk").pk
        with django_assert_num_queries(queries):
            response = client.get(f"/api/guilds/{stage.id}{path.format(before=before)}")
        assert response.status_code == 200


# --- Statistics ---


def test_statistics_add_up(stage: Stage, get: Get) -> None:
    other = stage.join()
    loved = TrackFactory.create(title="Loved", artist="Ada")
    for _ in range(2):
        played(stage, track=loved, heard_ms=100_000)
    played(stage, by=other, track=TrackFactory.create(title="Other", artist="Ada"), heard_ms=30_000)
    played(stage, by=other, track=TrackFactory.create(artist=None), ago=timedelta(days=1), heard_ms=1_000)
    reported = get("/statistics?days=2")
    today = timezone.now().date()
    yesterday = today - timedelta(days=1)
    assert reported["since"] == yesterday.isoformat()
    assert (reported["plays"], reported["heard_ms"]) == (4, 231_000)
    assert reported["by_day"] == [
        {"day": yesterday.isoformat(), "plays": 1, "heard_ms": 1_000},
        {"day": today.isoformat(), "plays": 3, "heard_ms": 230_000},
    ]
    assert reported["top_tracks"][0]["track"]["title"] == "Loved"
    assert [track["plays"] for track in reported["top_tracks"]] == [2, 1, 1]
    assert reported["top_artists"] == [{"artist": "Ada", "plays": 3, "heard_ms": 230_000}]
    assert [(top["user"]["id"], top["plays"]) for top in reported["top_requesters"]] == [
        (str(stage.member.pk), 2),
        (str(other.pk), 2),
    ]


def test_statistics_count_people_skips_and_hours(stage: Stage, get: Get) -> None:
    play = played(stage, state=ItemState.SKIPPED)
    played(stage, by=stage.join())
    reported = get("/statistics?days=2")
    assert (reported["people"], reported["skipped"]) == (2, 1)
    assert (sum(reported["by_hour"]), len(reported["by_hour"])) == (2, 24)
    assert reported["by_hour"][play.started_at.hour] >= 1


def test_statistics_end_where_asked(stage: Stage, get: Get) -> None:
    played(stage, ago=timedelta(days=2))
    assert get("/statistics?days=2")["plays"] == 0
    reported = get("/statistics?days=3")
    assert (reported["plays"], len(reported["by_day"])) == (1, 3)
    assert len(get("/statistics")["by_day"]) == 30


def test_statistics_leave_out_an_account_that_is_deleted_meanwhile(stage: Stage, get: Get) -> None:
    played(stage)
    other = stage.join()
    played(stage, by=other)
    leaving = [other]

    def delete_first(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if leaving and 'FROM "accounts_user" WHERE "accounts_user"."id" IN' in sql:
            leaving.pop().delete()
        return execute(sql, *rest)

    with connection.execute_wrapper(delete_first):
        top = get("/statistics")["top_requesters"]
    assert [each["user"]["id"] for each in top] == [str(stage.member.pk)]
    assert not User.objects.filter(pk=other.pk).exists()


def test_ones_own_statistics(stage: Stage, get: Get) -> None:
    played(stage)
    played(stage, by=stage.join())
    reported = get("/statistics?user=me")
    assert reported["plays"] == 1
    assert len(reported["top_tracks"]) == len(reported["top_artists"]) == 1
    assert [top["user"]["id"] for top in reported["top_requesters"]] == [str(stage.member.pk)]


def test_only_ten_are_named_and_always_the_same(stage: Stage, get: Get) -> None:
    for _ in range(12):
        played(stage, by=stage.join())
    first, again = get("/statistics"), get("/statistics")
    for top in ("top_tracks", "top_artists", "top_requesters"):
        assert len(first[top]) <= 10
        assert first[top] == again[top]


def test_a_guild_without_plays_has_statistics(get: Get) -> None:
    reported = get("/statistics?days=1")
    assert (reported["plays"], reported["heard_ms"], reported["top_tracks"]) == (0, 0, [])
