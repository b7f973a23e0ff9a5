"""The tabs of one browser share a connection, a token, and a queue of changes that survives network failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import BrowserContext, Page, Request, Response, ViewportSize, expect
from pytest_django import Settings

from accounts import tokens
from accounts.errors import TokenExpired
from accounts.models import User
from guilds.models import Guild
from queue_app.commands import execute
from realtime.models import Event, Via
from realtime.origin import Origin
from tests.clients.browser import PHONE, WIDE, Desk, log_in, login_cookie
from tests.clients.relay import Relay
from tests.clients.rows import choose
from tests.factories import GuildFactory, MembershipFactory, TrackFactory, UserFactory
from tests.waiting import until

TITLES = ("Cold Harbour", "Moss", "Low Tide")


@dataclass
class Stage:
    """A guild with a small library, two people, and the network between them and the server."""

    desk: Desk
    relay: Relay
    guild: Guild
    owner: User
    member: User

    def browser(
        self, user: User, *, without: tuple[str, ...] = (), size: ViewportSize = WIDE
    ) -> BrowserContext:
        """Open a user's browser that lacks the named features."""
        context = self.desk.context(login_cookie(user), size=size)
        for feature in without:
            owner, name = feature.rsplit(".", 1)
            context.add_init_script(f"Object.defineProperty({owner}, {name!r}, {{ value: undefined }})")
        return context

    def tab(self, context: BrowserContext, *, live: bool = True) -> Page:
        page = context.new_page()
        page.goto(f"{django_settings.API_BASE_URL}/guilds/{self.guild.pk}#queue")
        if live:
            page.wait_for_selector("#connection[data-state=live]")
        return page

    def go_offline(self, *pages: Page) -> None:
        self.relay.take_away()
        for page in pages:
            page.wait_for_selector("#connection[data-state=waiting]")

    def happened(self, name: str = "TrackAdded") -> list[Event]:
        return list(Event.objects.filter(store__name=f"guild:{self.guild.pk}", name=name).order_by("seq"))


@pytest.fixture
def stage(desk: Desk, relay: Relay) -> Stage:
    guild = GuildFactory.create(name="Sandbox Lounge")
    owner, member = UserFactory.create(username="owner"), UserFactory.create(username="member")
    for user in (owner, member):
        MembershipFactory.create(user=user, guild=guild, manager=user is owner)
    for title in TITLES:
        TrackFactory.create(title=title, search_text=title.lower())
    return Stage(desk, relay, guild, owner, member)


def add(page: Page, query: str) -> None:
    """Type something and add it, without waiting for the search."""
    page.locator("#search-input").fill(query)
    page.locator("#search-input").press("Enter")


def titles(page: Page) -> Any:
    return page.locator("#queue .line-title")


def token_requests(context: BrowserContext) -> list[Request]:
    seen: list[Request] = []
    context.on(
        "request", lambda request: seen.append(request) if request.url.endswith("/api/auth/token") else None
    )
    return seen


def test_two_tabs_share_one_connection_and_one_token(stage: Stage) -> None:
    context = stage.browser(stage.owner)
    asked = token_requests(context)
    first, second = stage.tab(context), stage.tab(context)
    assert stage.relay.sockets == 1
    assert len(asked) == 1

    add(first, "moss")
    expect(titles(second)).to_have_text(["Moss"])
    add(second, "low tide")
    expect(titles(first)).to_have_text(["Moss", "Low Tide"])
    first.close()
    add(second, "cold harbour")
    expect(titles(second)).to_have_count(3)
    assert stage.relay.sockets == 1
    second.close()
    until(lambda: stage.relay.sockets == 0)


def test_without_shared_workers_one_tab_leads_and_the_next_takes_over(stage: Stage) -> None:
    context = stage.browser(stage.owner, without=("globalThis.SharedWorker",))
    leader, other = stage.tab(context), stage.tab(context)
    assert stage.relay.sockets == 1
    add(other, "moss")
    expect(titles(leader)).to_have_text(["Moss"])

    stage.go_offline(leader, other)
    add(other, "low tide")
    expect(other.locator("#connection")).to_have_text("1 unsent change")
    leader.close()
    stage.relay.give_back()
    expect(titles(other)).to_have_text(["Moss", "Low Tide"])
    other.wait_for_selector("#connection[data-state=live]")
    assert stage.relay.sockets == 1
    assert len(stage.happened()) == 2


def test_on_a_page_without_tls_each_tab_has_its_own_connection(stage: Stage) -> None:
    context = stage.browser(stage.owner, without=("Navigator.prototype.locks", "Crypto.prototype.randomUUID"))
    first, second = stage.tab(context), stage.tab(context)
    assert stage.relay.sockets == 2
    add(first, "moss")
    expect(titles(second)).to_have_text(["Moss"])


def test_offline_changes_are_shown_and_made_in_order_after_the_token_expired(
    stage: Stage, settings: Settings
) -> None:
    settings.ACCESS_TOKEN_SECONDS, settings.TOKEN_LEEWAY_SECONDS, settings.SYNC_GRACE_SECONDS = 2, 0, 0
    execute(
        stage.guild.pk, "AddTrack", {"query": "cold harbour"}, origin=Origin(user=stage.owner, via=Via.REST)
    )
    context = stage.browser(stage.owner, size=PHONE)
    used = tokens_given(context)
    page, other = stage.tab(context), stage.tab(context)

    stage.go_offline(page, other)
    choose(page, "Cold Harbour", "Remove")
    add(page, "moss")
    add(page, "low tide")
    for tab in (page, other):
        expect(tab.locator("#connection")).to_have_text("3 unsent changes")
        expect(titles(tab)).to_have_text(["Cold Harbour", "moss", "low tide"])
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    before = len(used)
    until(lambda: is_expired(used[-1]))

    stage.relay.give_back()
    for tab in (page, other):
        expect(titles(tab)).to_have_text(["Moss", "Low Tide"])
        expect(tab.locator("#connection")).to_have_text("Live")
    assert len(used) > before
    assert [event.seq for event in stage.happened("TrackRemoved")] == [2]
    assert [event.actor for event in stage.happened()] == [stage.owner] * 3


def tokens_given(context: BrowserContext) -> list[str]:
    """Return a list to which the browser's new access tokens are added."""
    used: list[str] = []

    def heard(response: Response) -> None:
        if response.url.endswith("/api/auth/token"):
            used.append(response.json()["access"])

    context.on("response", heard)
    return used


def is_expired(token: str) -> bool:
    try:
        tokens.read_access(token)
    except TokenExpired:
        return True
    return False


def test_a_change_whose_answer_was_lost_is_sent_again_and_happens_once(stage: Stage) -> None:
    context = stage.browser(stage.owner)
    page = stage.tab(context)
    stage.relay.mute = True
    add(page, "moss")
    until(lambda: stage.happened())
    add(page, "low tide")
    stage.go_offline(page)
    expect(page.locator("#connection")).to_have_text("2 unsent changes")
    stage.relay.give_back()
    expect(page.locator("#connection")).to_have_text("Live")
    expect(titles(page)).to_have_text(["Moss", "Low Tide"])
    assert len(stage.happened()) == 2


def test_changes_outlive_the_page(stage: Stage) -> None:
    context = stage.browser(stage.owner)
    page = stage.tab(context)
    stage.go_offline(page)
    add(page, "moss")
    add(page, "low tide")
    expect(page.locator("#connection")).to_have_text("2 unsent changes")
    page.close()
    stage.relay.give_back()
    expect(titles(stage.tab(context))).to_have_text(["Moss", "Low Tide"])


def test_what_one_person_left_behind_is_not_sent_as_another_and_is_there_on_return(stage: Stage) -> None:
    context = stage.browser(stage.owner)
    page = stage.tab(context)
    stage.go_offline(page)
    add(page, "moss")
    expect(page.locator("#connection")).to_have_text("1 unsent change")

    log_in(context, login_cookie(stage.member))
    stage.relay.give_back()
    expect(page.locator("#connection")).to_contain_text("Logged out")
    theirs = stage.tab(context)
    add(theirs, "low tide")
    expect(titles(theirs)).to_have_text(["Low Tide"])
    assert [event.actor for event in stage.happened()] == [stage.member]
    kept = theirs.evaluate(
        """() => new Promise((resolve) => {
            indexedDB.open("backline").onsuccess = ({ target: { result } }) => {
                result.transaction("changes").objectStore("changes").getAll().onsuccess =
                    ({ target }) => resolve(target.result);
            };
        })"""
    )
    assert [(change["userId"], change["args"]["query"]) for change in kept] == [(str(stage.owner.pk), "moss")]
    assert "eyJ" not in str(kept), "a token"

    log_in(context, login_cookie(stage.owner))
    mine = stage.tab(context)
    expect(titles(mine)).to_have_text(["Low Tide", "Moss"])
    assert [event.actor for event in stage.happened()] == [stage.member, stage.owner]


def test_logging_out_in_one_tab_logs_out_all_and_says_so_once(stage: Stage) -> None:
    context = stage.browser(stage.owner)
    first, second = stage.tab(context), stage.tab(context)
    for tab in (first, second):
        tab.evaluate(
            """() => {
                globalThis.said = [];
                const announcer = document.getElementById("announcer");
                new MutationObserver(() => said.push(announcer.textContent)).observe(announcer, { childList: true });
            }"""
        )
    dashboard = context.new_page()
    dashboard.goto(f"{django_settings.API_BASE_URL}/dashboard")
    leaving = context.new_page()
    leaving.goto(f"{django_settings.API_BASE_URL}/dashboard")
    asked = token_requests(context)
    leaving.get_by_label("Your account").click()
    leaving.get_by_role("button", name="Log out").click()

    expect(dashboard.locator("#connection")).to_contain_text("Logged out")
    for tab in (first, second):
        expect(tab.locator("#connection")).to_have_text("Logged out. Log in")
    add(first, "moss")
    add(first, "low tide")
    expect(second.locator("#connection")).to_have_text("Logged out. Log in · 2 unsent changes")
    until(lambda: stage.relay.sockets == 0)
    for tab in (first, second):
        assert tab.locator(".toast").count() == 0
        assert tab.evaluate("said") == ["You are logged out."]
    assert len(asked) <= 1, "nobody asks again and again"
    assert stage.happened() == []

    log_in(context, login_cookie(stage.owner))
    expect(titles(stage.tab(context))).to_have_text(["Moss", "Low Tide"])
    expect(titles(first)).to_have_text(["Moss", "Low Tide"])
