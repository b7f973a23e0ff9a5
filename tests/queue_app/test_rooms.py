"""What the dashboard's cards show, and who listens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from guilds.channel_permissions import VIEW_CHANNEL
from guilds.models import Membership, VoiceState
from guilds.queries import my_memberships
from queue_app.models import Player
from queue_app.rooms import look_of, read_rooms
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, sit
from tests.queue_app.stage import Stage
from tests.queue_app.test_history import played

pytestmark = pytest.mark.django_db


def filled(user: User) -> Stage:
    """Return a guild of the user in which everything that a card shows happens."""
    stage = Stage()
    MembershipFactory.create(user=user, guild=stage.guild)
    sit(stage.member, stage.channel)
    sit(stage.join(), stage.channel)
    stage.play()
    stage.add()
    return stage


def test_a_card_has_what_plays_who_listens_and_who_did_something_last() -> None:
    user = MembershipFactory.create(guild=GuildFactory.create(name="Quiet")).user
    stage = filled(user)
    VoiceState.objects.filter(discord_id=stage.member.discord_id).update(deafened=True)
    room = next(each for each in read_rooms(my_memberships(user, everything=True)) if each["track"])
    assert (room["look"], room["waiting"], room["channel"]["id"]) == ("sound", 1, stage.channel.pk)
    assert [each["deafened"] for each in room["listeners"]] == [False]
    assert room["deed"].actor == stage.member
    assert room["evening"] is None


def test_a_quiet_guild_offers_its_last_day_with_plays() -> None:
    stage = Stage()
    for ago in (3, 3, 9):
        played(stage, ago=timedelta(days=ago), heard_ms=60_000)
    (room,) = read_rooms(my_memberships(stage.member, everything=True))
    day = timezone.localdate() - timedelta(days=3)
    assert room["look"] == "quiet"
    assert room["evening"] == {"day": day, "plays": 2, "heard_ms": 120_000}


def test_the_looks_of_a_player() -> None:
    assert look_of(Player()) == "quiet"
    assert look_of(Player(paused=True)) == "quiet"
    assert look_of(Player(paused=True, queue_total=1)) == "paused"
    assert look_of(Player(error_code="NO_VOICE_CHANNEL", queue_total=1)) == "nowhere"
    assert look_of(Player(error_code="SERVER_MUTED", queue_total=1)) == "trouble"
    assert look_of(Player(queue_total=1)) == "away"


def test_more_guilds_take_no_more_queries() -> None:
    user = User.objects.create(username="one", discord_id="200000000000099999")
    browser, counts = Client(headers={"Accept": "text/html"}), []
    browser.force_login(user)
    for wanted in (1, 4):
        while Membership.objects.filter(user=user).count() < wanted * 2:
            filled(user)
            quiet = Stage()
            played(quiet, ago=timedelta(days=2))
            MembershipFactory.create(user=user, guild=quiet.guild)
        browser.get("/dashboard")
        with CaptureQueriesContext(connection) as queries:
            page = browser.get("/dashboard").content.decode()
        assert page.count('data-look="sound"') == page.count("Listen again") == wanted
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 16


def test_servers_have_one_order_on_dashboard_and_rail() -> None:
    user = MembershipFactory.create(guild=GuildFactory.create(name="zebra"), owner=True).user
    for name, installed in (("Yak", True), ("ant", True), ("Bee", False)):
        guild = GuildFactory.create(name=name, bot_installed=installed)
        MembershipFactory.create(user=user, guild=guild, owner=True)
    names = [each.guild.name for each in my_memberships(user, everything=True)]
    assert names == ["ant", "Yak", "zebra", "Bee"]
    browser = Client(headers={"Accept": "text/html"})
    browser.force_login(user)
    guild_id = my_memberships(user, everything=True)[0].guild_id
    for path, mark in (("/dashboard", 'data-name="{}"'), (f"/guilds/{guild_id}", 'title="{}"')):
        page = browser.get(path).content.decode()
        places = [page.index(mark.format(name)) for name in names]
        assert places == sorted(places), path


def test_listeners_are_named_over_rest(stage: Stage, api: Callable[[User], Client]) -> None:
    get = api(stage.member).get
    assert get(f"/api/guilds/{stage.id}/listeners").json() == {"channel": None, "items": []}
    stage.play()
    sit(stage.member, stage.channel)
    VoiceState.objects.create(
        guild=stage.guild,
        channel=stage.channel,
        discord_id="200000000000088888",
        name="Stranger",
        deafened=True,
    )
    VoiceState.objects.create(
        guild=stage.guild, channel=stage.channel, discord_id="200000000000088889", name="Other bot", bot=True
    )
    found = get(f"/api/guilds/{stage.id}/listeners").json()
    assert found["channel"] == {"id": stage.channel.pk, "name": stage.channel.name}
    assert {each["name"]: (each["id"], each["deafened"]) for each in found["items"]} == {
        stage.member.username: (str(stage.member.pk), False),
        "Stranger": ("200000000000088888", True),
    }


def test_a_hidden_channel_hides_who_is_in_it(stage: Stage, api: Callable[[User], Client]) -> None:
    stage.play()
    other = stage.join()
    sit(stage.member, stage.channel)
    stage.channel.overwrites = [{"id": stage.id, "type": 0, "allow": "0", "deny": str(VIEW_CHANNEL)}]
    stage.channel.save()
    ChannelFactory.create(guild=stage.guild, voice=True)
    assert api(other).get(f"/api/guilds/{stage.id}/listeners").json() == {"channel": None, "items": []}
    (room,) = read_rooms(my_memberships(other, everything=True))
    assert (room["channel"], room["listeners"]) == (None, [])
