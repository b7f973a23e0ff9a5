"""The bot's problems as managers see them, and unusual names, in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import Settings

from alerts.domain.rules import add_rule
from guilds.bot_features import INSTALL_PERMISSIONS
from guilds.channel_permissions import READ_MESSAGE_HISTORY
from guilds.models import Channel, Guild
from queue_app.commands import execute
from realtime.models import Via
from realtime.origin import Origin
from streams.domain import streams
from streams.models import StreamGrant
from tests.clients.browser import PHONE, Desk, login_cookie, show_tab
from tests.factories import (
    ChannelFactory,
    GuildFactory,
    MembershipFactory,
    RoleFactory,
    SessionFactory,
    TrackFactory,
    UserFactory,
)
from tests.server import Server

CONNECT, SPEAK = 1 << 20, 1 << 21
NAMES = [
    "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>",
    "\u202eevil gnp.exe",  # right-to-left override without an end
    "إذاعة الليل",
    "\U0001f39b\ufe0f\U0001f468\u200d\U0001f469\u200d\U0001f467 crew",
    "W" * 100,
    "{{ 7|add:7 }} {% now 'Y' %} &amp; \"quoted\" 'single' \\u003cb>",
]


@pytest.fixture
def cookie(server: Server, settings: Settings) -> str:
    """The cookie of a manager of guilds with all these names. The first guild has channels with all these names."""
    settings.DISCORD_API_URL = "http://127.0.0.1:9/api/v10"
    user = UserFactory.create(username="owner")
    for name in NAMES:
        MembershipFactory.create(user=user, guild=GuildFactory.create(name=name), owner=True, manager=True)
    guild = Guild.objects.get(name=NAMES[0])
    RoleFactory.create(id=guild.pk, guild=guild, permissions=READ_MESSAGE_HISTORY)
    bot = RoleFactory.create(guild=guild, permissions=INSTALL_PERMISSIONS & ~SPEAK)
    for name in NAMES:
        rows = [{"id": bot.pk, "type": 0, "allow": "0", "deny": str(CONNECT)}]
        ChannelFactory.create(guild=guild, voice=True, name=name, overwrites=rows)
    Guild.objects.filter(pk=guild.pk).update(
        bot_role_ids=[bot.pk], mirrored_at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    return login_cookie(user)


def test_any_name_is_text_and_managers_see_what_the_bot_lacks(desk: Desk, cookie: str) -> None:
    guild_id = Guild.objects.get(name=NAMES[0]).pk
    window = desk.window(cookie, size=PHONE)
    page = window.open("/dashboard")
    assert set(page.locator(".room h2").all_inner_texts()) == set(NAMES)
    narrow = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(narrow)
    window.open_guild(guild_id)
    assert page.locator("#guild-name").inner_text() == NAMES[0]
    assert set(page.locator("#voice-channel option").all_text_contents()) >= set(NAMES)
    page.click("#guild-lacks summary")
    assert (
        page.locator("#guild-lacks summary").inner_text()
        == f"The bot is missing {len(NAMES) + 1} permissions"
    )
    assert page.locator("#guild-lacks dt").all_inner_texts() == ["In the whole server", *NAMES]
    assert page.locator("#guild-lacks dd").first.inner_text() == "Speak: playing music in a voice channel"
    assert page.evaluate(narrow)
    assert page.evaluate("window.harmed") is None
    assert not window.complaints
    page.click("#guild-read")
    page.wait_for_selector("#guild-read-problem:has-text('Discord could not be reached')")


@pytest.mark.django_db
def test_members_are_not_bothered_with_it(client: Client) -> None:
    membership = MembershipFactory.create()
    client.force_login(membership.user)
    page = client.get(f"/guilds/{membership.guild_id}", headers={"Host": "127.0.0.1:1337"})
    assert page.status_code == 200
    assert b"guild-stale" not in page.content


def test_names_of_people_roles_and_streams_stay_in_their_place(
    desk: Desk, server: Server, settings: Settings
) -> None:
    settings.DISCORD_API_URL = "http://127.0.0.1:9/api/v10"
    long, turned = "W" * 100, "\u202eevil " + "إذاعة الليل " * 6
    me, friend = UserFactory.create(display_name=long), UserFactory.create(display_name=turned)
    guild = GuildFactory.create(name=turned)
    role = RoleFactory.create(guild=guild, name=long)
    channel = ChannelFactory.create(guild=guild, voice=True, name=long)
    ChannelFactory.create(guild=guild, name=long)
    for user in (me, friend):
        MembershipFactory.create(user=user, guild=guild, manager=True)
        track = TrackFactory.create(title=user.display_name, artist=user.display_name)
        execute(guild.pk, "AddTrack", {"query": track.uri}, origin=Origin(user=user, via=Via.REST))
    mine = streams.create_stream(me, stream_id="a" * 64, name=long)
    theirs = streams.create_stream(friend, stream_id="b" * 64, name=turned, public=True)
    for each in (mine, theirs):
        StreamGrant.objects.create(stream=each, user=me if each is theirs else friend)
        StreamGrant.objects.create(stream=each, guild_id=guild.pk, role_id=role.pk)
    rule = {
        "stream_id": mine.pk,
        "channel_id": Channel.objects.get(guild=guild, type=0).pk,
        "mention_role_id": role.pk,
    }
    add_rule(guild.pk, origin=Origin(user=me, via=Via.REST), **rule)
    SessionFactory.create(user=me, device=long)
    window = desk.window(login_cookie(me), size={"width": 360, "height": 740})
    page = window.page
    for path, shown in [
        ("/dashboard", ".room"),
        ("/streams", ".stream-card >> nth=1"),
        (f"/streams/{mine.pk}", "#members li >> nth=1"),
        (f"/streams/{theirs.pk}", "#present li"),
        ("/sessions", ".session"),
        (f"/guilds/{guild.pk}/settings", "#rules li"),
        (f"/guilds/{guild.pk}#activity", "#activity .deed >> nth=1"),
    ]:
        window.open(path)
        page.wait_for_selector(shown)
        page.click("#account-menu summary")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.click("#account-menu summary")
    show_tab(page, "Playing")
    page.get_by_role("combobox", name="Voice channel").select_option(channel.pk)
    show_tab(page, "Activity")
    page.wait_for_selector("#activity .deed:has-text('chose')")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # A direction override affects only its own text.
    sentence = page.locator("#activity .deed", has_text="evil").first
    assert sentence.locator("bdi").first.inner_text().strip() == turned.strip()
    assert window.complaints == []
