"""Nobody may send the bot to a channel that they may not join themselves."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.errors import Refusal
from accounts.models import User
from guilds.channel_permissions import CONNECT, VIEW_CHANNEL
from guilds.models import Channel, Guild
from guilds.permissions import ADMINISTRATOR
from queue_app.errors import ChannelForbidden, UnknownChannel
from queue_app.queries import read_snapshot
from tests.factories import ChannelFactory, TrackFactory, sit
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> Stage:
    return Stage()


def closed_channel(guild: Guild, *, deny: int = CONNECT) -> Channel:
    rows = [{"id": guild.pk, "type": 0, "allow": "0", "deny": str(deny)}]
    channel: Channel = ChannelFactory.create(guild=guild, voice=True, overwrites=rows)
    return channel


def known(stage: Stage, **rights: Any) -> User:
    """A member whose roles the gateway has reported."""
    return stage.join(permissions=VIEW_CHANNEL | CONNECT, role_ids=[stage.id], **rights)


@pytest.mark.parametrize(("deny", "refusal"), [(CONNECT, ChannelForbidden), (VIEW_CHANNEL, UnknownChannel)])
def test_join_voice_is_for_who_may_join(deny: int, refusal: type[Refusal], stage: Stage) -> None:
    closed = closed_channel(stage.guild, deny=deny)
    person = known(stage)
    with pytest.raises(refusal):
        stage.do("JoinVoice", by=person, channel_id=closed.pk)
    stage.do("JoinVoice", by=person, channel_id=stage.channel.pk)
    stage.do("JoinVoice", by=stage.join(owner=True), channel_id=closed.pk)
    assert stage.player.voice_channel_id == closed.pk


def test_a_track_does_not_lead_into_the_settings_channel_who_may_not_join_it(stage: Stage) -> None:
    stage.decide(voice_channel_id=closed_channel(stage.guild).pk)
    TrackFactory.create()
    stage.add(by=known(stage))
    assert stage.player.voice_channel_id is None
    stage.add(by=stage.join(owner=True))
    assert stage.player.voice_channel_id is not None


def test_where_one_sits_one_may_play(stage: Stage) -> None:
    """A moderator may have moved them there."""
    closed, person = closed_channel(stage.guild), known(stage)
    sit(person, closed)
    stage.add(by=person)
    assert stage.player.voice_channel_id == closed.pk


def seen_by(user: User, stage: Stage) -> list[str]:
    return [channel["id"] for channel in read_snapshot(user, stage.id)["voice_channels"]]


def test_a_hidden_channel_is_in_the_snapshot_of_those_only_who_see_it_in_discord(stage: Stage) -> None:
    role = "320000000000000001"
    rows = [
        {"id": stage.id, "type": 0, "allow": "0", "deny": str(VIEW_CHANNEL)},
        {"id": role, "type": 0, "allow": str(VIEW_CHANNEL), "deny": "0"},
    ]
    hidden: Channel = ChannelFactory.create(guild=stage.guild, voice=True, overwrites=rows)
    everything = {stage.channel.pk, hidden.pk}
    let_in = stage.join(permissions=VIEW_CHANNEL | CONNECT, role_ids=[stage.id, role])
    administrator = stage.join(permissions=ADMINISTRATOR, role_ids=[stage.id])
    for user in (let_in, administrator, stage.join(owner=True)):
        assert set(seen_by(user, stage)) == everything
    for user in (known(stage), stage.join()):  # the last one's roles are not known yet
        assert seen_by(user, stage) == [stage.channel.pk]


def test_the_page_names_no_hidden_channel(stage: Stage, client: Client) -> None:
    hidden = closed_channel(stage.guild, deny=VIEW_CHANNEL)
    Channel.objects.filter(pk=hidden.pk).update(name="the secret room")
    for user, sees in ((known(stage), False), (stage.join(owner=True), True)):
        client.force_login(user)
        assert ("the secret room" in client.get(f"/guilds/{stage.id}").content.decode()) is sees
