"""Hostile text in rules and alerts is refused, or posted within Discord's limits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts.errors import InvalidInput
from alerts.domain.rules import add_rule, check_rule
from alerts.message import AlertText, compose
from alerts.models import Level
from realtime.models import Via
from realtime.origin import Origin
from streams.domain.streams import create_stream
from tests.factories import ChannelFactory, MembershipFactory

pytestmark = pytest.mark.both_databases

NO_DATABASE_TAKES = ["\0", "cam-1\0", "\ud800"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["stream_id", "channel_id", "mention_role_id"])
def test_an_id_that_cannot_be_asked_for_is_refused_by_its_field(name: str) -> None:
    manager = MembershipFactory.create(owner=True)
    channel = ChannelFactory.create(guild=manager.guild)
    create_stream(manager.user, stream_id="cam-1")
    origin = Origin(user=manager.user, via=Via.REST)
    for value in NO_DATABASE_TAKES:
        wanted = {"stream_id": "cam-1", "channel_id": channel.pk} | {name: value}
        with pytest.raises(InvalidInput) as refused:
            add_rule(manager.guild_id, origin=origin, **check_rule(wanted, whole=True))
        assert list(refused.value.errors) == [name]


def test_a_flood_under_a_name_full_of_markup_stays_within_a_title() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    message = compose(
        [AlertText("x", Level.HIGH, now, "somebody")] * 10,
        levels=dict.fromkeys(Level, 10**9),
        digest=True,
        stream_id="cam-1",
        stream_name="*" * 100,
        role_id=None,
        nonce="0",
        picture=None,
    )
    assert len(message["embeds"][0]["title"]) <= 256  # docs: Embed Limits
