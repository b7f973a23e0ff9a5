"""The Django admin: only operators may use it, every page opens, and its actions use the usual code."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import AuthSession
from library.domain.scan_lease import scan_lease
from library.domain.scan_request import is_scan_wanted
from library.models import ScanLease
from queue_app.models import ItemState, Player, QueueItem
from tests.factories import ChannelFactory, RoleFactory
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.django_db

OURS = {"accounts", "alerts", "guilds", "library", "queue_app", "realtime", "streams"}
MODELS = [model for model in admin.site._registry if model._meta.app_label in OURS]


@pytest.fixture
def played(stage: Stage) -> Stage:
    """A stage with a row in every table."""
    stage.play()
    stage.add()
    RoleFactory.create(guild=stage.guild)
    ChannelFactory.create(guild=stage.guild)
    return stage


def page(model: type[Model], name: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def run(browser: Client, model: type[Model], action: str, *rows: Model) -> list[str]:
    """Run an admin action on rows. Returns the messages on the page."""
    selected = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    response = browser.post(page(model), selected, follow=True)
    assert response.status_code == 200
    return [str(message) for message in response.context["messages"]]


def test_the_models_are_there() -> None:
    assert {model.__name__ for model in MODELS} >= {
        "User", "AuthSession", "Guild", "Membership", "Channel", "Role", "GuildSettings", "Store", "Event",
        "Track", "Album", "Artist", "ScanLease", "QueueItem", "Player", "Play", "Change",
    }  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_lists_searches_and_rows_open_for_an_operator(
    model: type[Model], operator: Client, played: Stage
) -> None:
    assert operator.get(page(model)).status_code == 200
    assert operator.get(page(model), {"q": "x"}).status_code == 200
    row = model._default_manager.first()
    if row is not None:
        assert operator.get(page(model, "change", row.pk)).status_code == 200


def test_the_index_opens_for_an_operator(operator: Client) -> None:
    response = operator.get(reverse("admin:index"))
    assert response.status_code == 200
    assert b"Traceback" not in response.content


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_nobody_else_comes_in(model: type[Model], played: Stage) -> None:
    person = Client()
    person.force_login(played.join(owner=True))
    for browser in (Client(), person):
        response = browser.get(page(model))
        assert response.status_code in {302, 403}
        if response.status_code == 302:  # to the login, which does not help a person who is logged in
            assert browser.get(response.headers["Location"]).status_code in {302, 403}


def test_an_operator_whose_id_is_taken_off_the_list_is_out_at_once(
    operator: Client, settings: Settings
) -> None:
    assert operator.get(reverse("admin:index")).status_code == 200
    settings.ADMIN_DISCORD_IDS = set()
    assert operator.get(reverse("admin:index")).status_code in {302, 403}


def test_the_log_can_be_looked_at_and_not_changed(operator: Client, played: Stage) -> None:
    from realtime.models import Event

    event = Event.objects.first()
    assert event is not None
    assert operator.post(page(Event, "change", event.pk), {"name": "Other"}).status_code == 403
    assert operator.get(page(Event, "delete", event.pk)).status_code == 403
    assert operator.get(page(Event, "add")).status_code == 403


def test_an_operator_skips_what_plays(operator: Client, played: Stage) -> None:
    assert any("skipped" in reported for reported in run(operator, Player, "skip", played.player))
    event = played.events()[-1]
    assert (event["name"], event["metadata"]["via"]) == ("TrackSkipped", "admin")
    assert any("Nothing is playing" in reported for reported in run(operator, Player, "skip", played.player))


def test_an_operator_puts_an_item_back_to_the_front(operator: Client, played: Stage) -> None:
    failed = QueueItem.objects.get(state=ItemState.PLAYING)
    played.do("Skip")
    before = played.snapshot()
    assert any("front" in reported for reported in run(operator, QueueItem, "put_back", failed))
    assert played.assert_replays(before)["queue"][0]["id"] == str(failed.pk)
    assert any("not in the queue" in reported for reported in run(operator, QueueItem, "put_back", failed))


def test_an_operator_puts_back_what_plays(operator: Client, played: Stage) -> None:
    playing = QueueItem.objects.get(state=ItemState.PLAYING)
    before = played.snapshot()
    run(operator, QueueItem, "put_back", playing)
    assert played.assert_replays(before)["player"]["item"] is None


def test_an_operator_has_all_files_read_again(operator: Client) -> None:
    with scan_lease():
        pass
    assert any(
        "begins within seconds" in reported
        for reported in run(operator, ScanLease, "rescan", ScanLease.objects.get())
    )
    assert is_scan_wanted()


def test_an_operator_ends_sessions(operator: Client, played: Stage) -> None:
    browser = Client()
    browser.force_login(played.member)
    session = AuthSession.objects.get(user=played.member)
    assert browser.get("/api/auth/me").status_code == 200
    run(operator, AuthSession, "revoke", session)
    assert browser.get("/api/auth/me").status_code == 401
