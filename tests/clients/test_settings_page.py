"""The settings page in Chromium saves by itself, shows refusals, and shows other people's changes."""

from __future__ import annotations

import re
from functools import partial

import pytest
from django.test import Client
from playwright.sync_api import expect

from accounts.models import User
from guilds.domain.memberships import store_roles
from guilds.domain.settings import load_settings
from guilds.models import Guild, GuildSettings, Role
from guilds.permissions import ADMINISTRATOR
from queue_app.commands import execute
from queue_app.domain import playback
from realtime.models import Via
from realtime.origin import Origin
from tests.clients.browser import PHONE, Desk, elsewhere, login_cookie
from tests.clients.relay import Relay
from tests.factories import (
    ChannelFactory,
    GuildFactory,
    MembershipFactory,
    RoleFactory,
    TrackFactory,
    UserFactory,
    sit,
)

HOSTILE = "<b onclick=alert(1)>DJ</b> \u202e 🎛️ " + "x" * 70


@pytest.mark.django_db
def test_only_who_manages_the_guild_gets_the_page(client: Client) -> None:
    guild = GuildFactory.create()
    path = f"/guilds/{guild.pk}/settings"
    assert client.get(path).status_code == 302
    for rights, status in [({"owner": True}, 200), ({"manager": True}, 200), ({}, 403), (None, 404)]:
        user: User = UserFactory.create()
        if rights is not None:
            MembershipFactory.create(user=user, guild=guild, **rights)
        client.force_login(user)
        assert client.get(path).status_code == status
        assert (f'href="{path}"' in client.get(f"/guilds/{guild.pk}").content.decode()) == (status == 200)
    client.force_login(UserFactory.create())
    assert client.get("/guilds/nonsense/settings").status_code == 404


def settings_of(guild: Guild) -> GuildSettings:
    return elsewhere(lambda: load_settings(guild.pk))


def test_settings_save_themselves_and_rights_show_on_the_page(desk: Desk) -> None:
    guild = GuildFactory.create(name="Lounge")
    owner, other, member = (UserFactory.create(username=name) for name in ("owner", "other", "member"))
    MembershipFactory.create(user=owner, guild=guild, owner=True)
    MembershipFactory.create(user=other, guild=guild, manager=True)
    MembershipFactory.create(user=member, guild=guild)
    role = RoleFactory.create(guild=guild, name=HOSTILE)
    doomed = RoleFactory.create(guild=guild, name="Doomed")
    voice = ChannelFactory.create(guild=guild, voice=True, name="Stage")
    cookies = [login_cookie(user) for user in (owner, other, member)]
    origin = Origin(user=owner, via=Via.REST)
    execute(guild.pk, "JoinVoice", {"channel_id": voice.pk}, origin=origin)
    for track in TrackFactory.create_batch(3):
        execute(guild.pk, "AddTrack", {"query": track.uri}, origin=origin)
    assert playback.take_lease(guild.pk, owner="test-host:1:1")
    playback.start_next(guild.pk, owner="test-host:1:1")
    for person in (member, other, UserFactory.create()):
        sit(person, voice)

    mine, theirs = desk.window(cookies[0]), desk.window(cookies[1], size=PHONE, scheme="light")
    page, phone = mine.open(f"/guilds/{guild.pk}/settings"), theirs.open(f"/guilds/{guild.pk}/settings")
    for each in (page, phone):
        each.wait_for_selector("#connection[data-state=live]")
        assert each.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # Both change different settings at the same time, and each sees the other's change.
    page.get_by_label("DJ role").select_option(label=HOSTILE)
    phone.get_by_label("Take turns").check()
    expect(page.locator("#dj_role_id-state")).to_have_text("Saved")
    expect(page.locator("#fair_order")).to_be_checked()
    expect(page.locator("#fair_order-state")).to_have_text("Other changed this just now.")
    expect(phone.locator("#dj_role_id")).to_have_value(role.pk)
    kept = settings_of(guild)
    assert (kept.dj_role_id, kept.fair_order) == (role.pk, True)

    # A value that is not a number is refused below its control, and can be corrected.
    number = page.get_by_label("Tracks per person")
    number.fill("0")
    number.blur()
    expect(page.locator("#max_per_person-state")).to_have_text(
        re.compile("Not saved. Must be a whole number from 1")
    )
    number.fill("4")
    number.blur()
    expect(page.locator("#max_per_person-state")).to_have_text("Saved")
    expect(phone.get_by_label("Tracks per person")).to_have_value("4")
    page.get_by_label("Links to audio").uncheck()
    expect(page.locator("#allowed_sources-state")).to_have_text("Saved")
    assert settings_of(guild).allowed_sources == ["discord", "library", "upload"]
    page.get_by_label("Links to audio").check()
    expect(phone.get_by_label("Links to audio")).to_be_checked()

    # A role that is deleted while the page is open can no longer be chosen.
    elsewhere(lambda: Role.objects.filter(pk=doomed.pk).delete())
    page.get_by_label("DJ role").select_option(label="Doomed")
    expect(page.locator("#dj_role_id-state")).to_have_text("Not saved. This server has no such role.")
    mine.complaints.clear()  # the browser logs each 400

    # A member's page follows: rights change while it is open.
    window = desk.window(cookies[2])
    listening = window.open_guild(guild.pk)
    expect(listening.locator("#skip")).to_have_attribute("aria-label", "Vote to skip this track")
    expect(listening.locator("#queue-clear")).to_be_hidden()
    expect(listening.locator("#settings-link")).to_have_count(0)
    listening.locator("#skip").click()
    expect(listening.locator("#now-chips")).to_contain_text("1 of 2 votes to skip")
    page.get_by_label("Clear the queue").select_option("everyone")
    page.get_by_label("Add tracks").select_option("managers")
    page.get_by_label("Skip other people's tracks").select_option("dj")
    expect(listening.locator("#queue-clear")).to_be_visible()
    expect(listening.locator("#search-input")).to_be_disabled()
    expect(listening.locator("#skip")).to_be_disabled()
    expect(listening.locator("#activity")).to_contain_text(
        "Owner changed Skip other people's tracks in the settings"
    )
    listening.locator("#queue-clear").click()
    expect(listening.locator("#queue-empty")).to_be_visible()
    listening.locator("#volume-range").fill("40")
    expect(listening.locator("#activity")).to_contain_text("You set the volume to 40%")

    # It also follows when the member becomes a manager in Discord, and no longer is one.
    expect(listening.locator("#settings-link")).to_have_count(0)
    admins = elsewhere(lambda: RoleFactory.create(guild=guild, permissions=ADMINISTRATOR))
    elsewhere(lambda: RoleFactory.create(guild=guild, pk=guild.pk))
    give = partial(store_roles, guild.pk, discord_id=str(member.discord_id))
    elsewhere(lambda: give(role_ids=[admins.pk]))
    expect(listening.locator("#settings-link")).to_be_visible()
    expect(listening.locator("#search-input")).to_be_enabled()
    elsewhere(lambda: give(role_ids=[]))
    expect(listening.locator("#settings-link")).to_have_count(0)
    expect(listening.locator("#search-input")).to_be_disabled()
    assert (mine.complaints, theirs.complaints, window.complaints) == ([], [], [])


def test_what_was_changed_offline_is_saved_later_or_said_to_be_overtaken(desk: Desk, relay: Relay) -> None:
    guild = GuildFactory.create(name="Lounge")
    owner, other = UserFactory.create(username="owner"), UserFactory.create(username="other")
    for user in (owner, other):
        MembershipFactory.create(user=user, guild=guild, manager=True)
    page = desk.window(login_cookie(owner)).open(f"/guilds/{guild.pk}/settings")
    page.wait_for_selector("#connection[data-state=live]")
    assert page.get_by_text("Announcements").count() == 0, "nothing reads that setting"
    page.get_by_label("Stay in the channel when it is empty (24/7)").check()
    expect(page.get_by_label("Leave after")).to_be_disabled()
    page.get_by_label("Stay in the channel when it is empty (24/7)").uncheck()
    expect(page.get_by_label("Leave after")).to_be_enabled()
    relay.take_away()
    expect(page.locator("#connection")).to_have_text("Offline")
    page.get_by_label("Take turns").check()
    share = page.get_by_label("Votes needed to skip")
    share.fill("80")
    share.blur()
    for name in ("fair_order", "vote_share"):
        expect(page.locator(f"#{name}-state")).to_contain_text("Not saved yet")
    origin = Origin(user=other, via=Via.REST)
    elsewhere(lambda: execute(guild.pk, "ChangeSettings", {"vote_share": 30}, origin=origin))

    relay.give_back()
    # Browsers send this event. Without it, a page waits longer before each retry.
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#fair_order-state")).to_have_text("Saved")
    expect(page.locator("#vote_share-state")).to_have_text(
        "Other changed this just now, so your change was not saved."
    )
    expect(share).to_have_value("30")
    kept = settings_of(guild)
    assert (kept.fair_order, kept.vote_share) == (True, 30)
