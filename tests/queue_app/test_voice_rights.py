"""Nobody sends the bot where they may not go themselves."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from guilds.channel_permissions import CONNECT, VIEW_CHANNEL
from guilds.models import Channel, Guild
from queue_app.errors import ChannelForbidden
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
    """A member whose roles the gateway told of."""
    return stage.join(permissions=VIEW_CHANNEL | CONNECT, role_ids=[stage.id], **rights)


@pytest.mark.parametrize("deny", [CONNECT, VIEW_CHANNEL])
def test_join_voice_is_for_who_may_join(deny: int, stage: Stage) -> None:
    closed = closed_channel(stage.guild, deny=deny)
    person = known(stage)
    with pytest.raises(ChannelForbidden):
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
    """Somebody with the right to may have moved them there."""
    closed, person = closed_channel(stage.guild), known(stage)
    sit(person, closed)
    stage.add(by=person)
    assert stage.player.voice_channel_id == closed.pk
