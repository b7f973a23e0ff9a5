"""The pages of the history, the activity and the statistics, as the server renders them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from guilds.models import Membership
from queue_app.charts import bars, ceiling
from queue_app.domain import playback
from queue_app.models import ItemState, Play, QueueItem
from tests.factories import ItemFactory, TrackFactory, UserFactory, sit
from tests.queue_app.stage import Stage
from tests.queue_app.test_history import played

pytestmark = pytest.mark.django_db

ROOMS = ("history", "activity", "statistics")
HEBREW = "\N{HEBREW LETTER AYIN}\N{HEBREW LETTER ALEF}"


def browser_of(user: User) -> Client:
    client = Client(headers={"Accept": "text/html"})
    client.force_login(user)
    return client


Show = Callable[..., str]


@pytest.fixture
def show(stage: Stage) -> Show:
    def show(path: str, *, by: User | None = None, zone: str = "") -> str:
        browser = browser_of(by or stage.member)
        if zone:
            browser.cookies["timezone"] = zone
        response = browser.get(path if path.startswith("/guilds/") else f"/guilds/{stage.id}/{path}")
        assert response.status_code == 200
        return response.content.decode()

    return show


def shown_titles(page: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'class="line-title" dir="auto">([^<]*)<', page)]


@pytest.mark.parametrize("room", ROOMS)
def test_only_members_see_a_guilds_past(room: str, stage: Stage) -> None:
    path = f"/guilds/{stage.id}/{room}"
    assert browser_of(UserFactory.create()).get(path).status_code == 404
    assert browser_of(stage.member).get(f"/guilds/abc/{room}").status_code == 404
    assert Client().get(path).status_code == 302
    assert browser_of(stage.member).post(path).status_code == 405


@pytest.mark.parametrize("room", ROOMS)
def test_an_empty_guild_says_so_and_leads_to_the_queue(room: str, stage: Stage, show: Show) -> None:
    page = show(room)
    assert f'href="/guilds/{stage.id}">Go to the queue' in page
    assert 'aria-current="page">' + room.title() in page
    assert all(f'href="/guilds/{stage.id}/{other}"' in page for other in ROOMS)


def test_the_history_says_how_each_play_ended(stage: Stage, show: Show) -> None:
    item = stage.play()
    playback.fail(stage.id, owner=stage.owner, item_id=item.pk, code="UNDECODABLE", detail="<b>No sound.</b>")
    stage.play()
    stage.hear(position_ms=72_000)
    stage.do("Skip")
    stage.play()
    sit(stage.member, stage.channel)
    stage.do("Skip", by=stage.seat(1)[0])
    stage.play()
    page = show("history")
    assert 'Failed: <span dir="auto">&lt;b&gt;No sound.&lt;/b&gt;</span>' in page
    assert f"Skipped by {stage.member} at 1:12" in page
    assert "Skipped by vote at 0:0" in page
    assert "Playing now" in page
    assert page.count('data-act="again"') == 3  # not for what plays
    stage.decide(may_add="dj")
    assert 'data-act="again"' not in show("history")


def test_names_and_titles_are_text_in_their_own_direction(stage: Stage, show: Show) -> None:
    User.objects.filter(pk=stage.member.pk).update(display_name=f"<i>{HEBREW}</i>")
    stage.member.refresh_from_db()
    track = TrackFactory.create(title=f"{HEBREW} <script>", artist=HEBREW)
    stage.add(track=track)
    played(stage, track=track)
    history, activity, statistics = map(show, ROOMS)
    assert shown_titles(history) == [track.title]
    assert f"<bdi>&lt;i&gt;{HEBREW}&lt;/i&gt;</bdi> · <bdi>{HEBREW}</bdi>" in history
    assert (
        f"<strong>\u2068&lt;i&gt;{HEBREW}&lt;/i&gt;\u2069</strong> added \u2068{HEBREW} &lt;script&gt;\u2069."
        in activity
    )
    assert f'<span class="past-name" dir="auto">{HEBREW} &lt;script&gt;</span>' in statistics
    assert not any("<script>" in page or f"<i>{HEBREW}" in page for page in (history, activity, statistics))


def test_filters_narrow_the_history_and_wrong_ones_are_ignored(stage: Stage, show: Show) -> None:
    other = stage.join()
    played(stage, track=TrackFactory.create(title="Moss"), by=other, state=ItemState.SKIPPED)
    played(stage, track=TrackFactory.create(title="Harbour"), ago=timedelta(days=2))
    assert shown_titles(show("history")) == ["Moss", "Harbour"]
    for query in ("q=mos", f"user={other.pk}", "state=skipped", f"day={timezone.now().date()}"):
        page = show(f"history?{query}&before=")
        assert shown_titles(page) == ["Moss"], query
        assert "Clear filters" in page
    for query in ("user=Ines", "state=nothing", "day=x", "before=x", "limit=1"):
        assert shown_titles(show(f"history?{query}")) == ["Moss", "Harbour"], query
    assert "Nothing matches these filters" in show("history?q=nothing")
    assert f'<option value="{other.pk}" dir="auto" selected>' in show(f"history?user={other.pk}")


def test_days_and_times_are_those_of_the_reader(stage: Stage, show: Show) -> None:
    play = played(stage, track=TrackFactory.create(title="Moss"))
    Play.objects.filter(pk=play.pk).update(started_at=datetime(2026, 3, 2, 4, 30, tzinfo=UTC))
    page = show("history", zone="America%2FNew_York")
    assert "March 1, 2026" in page
    assert ">23:30<" in page
    assert shown_titles(show("history?day=2026-03-01", zone="America/New_York")) == ["Moss"]
    assert shown_titles(show("history?day=2026-03-01")) == []
    for nonsense in ("Nowhere/City", "../../etc/passwd", "x" * 5_000):
        assert ">04:30<" in show("history", zone=nonsense)


def test_three_thousand_plays_are_read_page_by_page_with_few_queries(stage: Stage) -> None:
    track, now = TrackFactory.create(), timezone.now()
    items = QueueItem.objects.bulk_create(
        ItemFactory.build(guild=stage.guild, track=track, requested_by=stage.member, state=ItemState.PLAYED)
        for _ in range(3_000)
    )
    begun = [now - timedelta(minutes=number) for number in range(len(items))]
    Play.objects.bulk_create(
        Play(
            guild=stage.guild, item=item, track=track, requested_by=stage.member, started_at=at, day=at.date(),
            ended_at=at, outcome=ItemState.PLAYED,
        )
        for item, at in zip(items, begun, strict=True)
    )  # fmt: skip
    browser, path, seen, counts = browser_of(stage.member), f"/guilds/{stage.id}/history", list[str](), set()
    while path:
        with CaptureQueriesContext(connection) as queries:
            page = browser.get(path).content.decode()
        counts.add(len(queries))
        seen += re.findall(r'data-key="play-(\d+)"', page)
        path = unescape(page.partition('rel="next" href="')[2].partition('"')[0])
    assert len(seen) == len(set(seen)) == 3_000
    assert seen == [str(pk) for pk in Play.objects.order_by("-started_at").values_list("pk", flat=True)]
    assert max(counts) <= 15
    for room in ("statistics", "activity"):
        with CaptureQueriesContext(connection) as queries:
            browser.get(f"/guilds/{stage.id}/{room}")
        assert len(queries) <= 20, room


def test_the_account_menu_leads_staff_to_the_admin_and_all_to_the_api(
    stage: Stage, show: Show, settings: Settings
) -> None:
    assert 'href="/api/docs"' in show("history")
    assert 'href="/admin/"' not in show("history")
    settings.ADMIN_DISCORD_IDS = {stage.member.discord_id}
    assert 'href="/admin/"' in show("history")


# --- Activity ---


def test_a_change_is_one_line_with_who_where_and_undo(stage: Stage, show: Show) -> None:
    stage.do("AddTracks", uris=[track.uri for track in TrackFactory.create_batch(3)])
    page = show("activity")
    assert page.count('data-key="seq-') == 1
    assert f"<strong>{stage.member}</strong> added 3 tracks." in page
    assert "Web or API" in page
    assert page.count('data-act="undo"') == 1
    assert 'data-act="undo"' not in show("activity", by=stage.join())  # somebody else's
    assert 'data-act="undo"' in show("activity", by=stage.dj())


def test_what_was_undone_is_struck_through_with_who_and_what_is_missing(stage: Stage, show: Show) -> None:
    first, second = stage.add(), stage.add()
    seq = stage.answer("RemoveItems", item_ids=[str(first.pk), str(second.pk)]).seqs[-1]
    QueueItem.objects.filter(pk=first.pk).update(state=ItemState.PLAYED)
    dj = stage.dj()
    stage.do("Undo", by=dj, seq=seq)
    page = show("activity")
    assert f"<s><strong>{stage.member}</strong> removed 2 tracks.</s>" in page
    assert re.search(rf"Undone by {dj} at [^·]+ · 1 came back, 1 had already played", page)
    assert f"This undid: {stage.member} removed 2 tracks." in page
    assert page.count('data-act="redo"') == 1
    stage.do("Redo", seq=seq)
    assert "<s>" not in show("activity")


def test_steps_of_the_bot_are_left_out_unless_asked_for(stage: Stage, show: Show) -> None:
    stage.play()
    assert "</strong> started" not in show("activity")
    assert "<strong>Backline</strong> started" in show("activity?surface=bot")
    assert f"{stage.member}</strong> added" not in show("activity?surface=bot")
    assert f"{stage.member}</strong> added" in show("activity?surface=web")
    assert "Nothing matches these filters" in show("activity?surface=discord")


def test_members_are_offered_only_the_kinds_that_they_may_read(stage: Stage, show: Show) -> None:
    assert 'value="server"' not in show("activity")
    Membership.objects.filter(user=stage.member).update(owner=True)
    stage.do("ChangeSettings", fair_order=True)
    page = show("activity?kind=server")
    assert '<option value="server" selected>' in page
    assert "changed the settings" in page
    assert "changed the settings" not in show("activity", by=stage.join())


# --- Statistics ---


def test_statistics_are_drawn_and_written(stage: Stage, show: Show) -> None:
    other = stage.join()
    loved = TrackFactory.create(title="Loved", artist="Ada")
    for _ in range(3):
        played(stage, track=loved, by=other, heard_ms=1_800_000)
    played(stage, state=ItemState.SKIPPED, ago=timedelta(days=40))
    page = show("statistics")
    assert "<dd>3</dd>" in page
    assert "1 h 30 min" in page
    assert len(re.findall(r'<rect class="chart-bar"', page)) >= 2
    assert re.search(r'role="img" aria-label="3 plays since [^"]+, at most 3 on one day', page)
    assert "<td>3</td>" in page
    assert "style=" not in page
    assert '<span class="past-name" dir="auto">Loved</span>' in page
    assert f'<bdi class="past-name">{other}</bdi>' in page
    assert "<dd>25 %</dd>" in show("statistics?days=90")
    assert "No plays in these days" in show("statistics?user=me")


def test_bars_fill_their_box_and_the_grid_has_round_numbers() -> None:
    assert [ceiling(most) for most in (0, 3, 4, 16, 31, 299)] == [3, 3, 6, 30, 60, 300]
    drawn = bars([0, 1, 30])
    assert [bar["height"] for bar in drawn["bars"]] == [7, 200]
    assert all(bar["y"] + bar["height"] == 200 for bar in drawn["bars"])
    assert [line["value"] for line in drawn["grid"]] == [10, 20, 30]
    assert bars([])["bars"] == []
