"""Prepared queries return the same as Django's own."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.test.utils import CaptureQueriesContext

from accounts.models import AuthSession
from database.prepared import Prepared
from guilds.models import Guild, Membership
from library.models import Track
from queue_app.models import ItemState, Player, QueueItem
from tests.factories import GuildFactory, ItemFactory, MembershipFactory, SessionFactory, TrackFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def fields(found: Model | None) -> dict[str, Any] | None:
    """Return an object's fields, including those of joined objects."""
    if found is None:
        return None
    own = {name: value for name, value in vars(found).items() if not name.startswith("_")}
    joined = {
        name: fields(other)
        for name, other in found._state.fields_cache.items()
        if other is None or not other._state.fields_cache
    }
    return own | joined


def same(prepared: Prepared[Any], query: QuerySet[Any], *arguments: Any) -> Any:
    """Check that both queries return the same, each in one statement. Returns the objects."""
    with CaptureQueriesContext(connection) as captured:
        found = prepared.first(*arguments)
    assert len(captured) == 1
    assert fields(found) == fields(query.first())
    return found


def test_a_row_by_a_word() -> None:
    prepared = Prepared[Track](lambda uri: Track.objects.filter(uri=uri, available=True), str)
    for track in TrackFactory.create_batch(2):
        assert same(prepared, Track.objects.filter(pk=track.pk), track.uri) == track
    assert prepared.first("library:none") is None
    assert prepared.first("%s '; --") is None


def test_a_row_by_a_uuid_with_what_it_refers_to() -> None:
    prepared = Prepared[AuthSession](
        lambda pk: AuthSession.objects.select_related("user").filter(pk=pk), uuid.UUID
    )
    session = SessionFactory.create()
    found = same(prepared, AuthSession.objects.select_related("user").filter(pk=session.pk), session.pk)
    with CaptureQueriesContext(connection) as captured:
        assert (found.user, found.pk) == (session.user, session.pk)
    assert len(captured) == 0
    assert prepared.first(uuid.uuid4()) is None


def test_rows_that_are_joined_from_the_other_side_and_may_be_missing() -> None:
    def query(guild: str, user: int) -> QuerySet[Membership]:
        first = QueueItem.objects.filter(guild=OuterRef("guild"), state=ItemState.QUEUED).order_by("rank")
        return (
            Membership.objects.filter(guild=guild, user=user)
            .select_related("guild__settings", "guild__player__item__track")
            .annotate(first=Subquery(first.values("pk")[:1]))
        )

    prepared = Prepared[Membership](query, str, int)
    membership = MembershipFactory.create(guild=GuildFactory.create())
    arguments = (membership.guild_id, membership.user_id)
    found = same(prepared, query(*arguments), *arguments)
    assert not hasattr(found.guild, "player")
    assert found.first is None

    item = ItemFactory.create(guild=membership.guild)
    Player.objects.create(guild=membership.guild, item=item)
    found = same(prepared, query(*arguments), *arguments)
    assert found.guild.player.item.track == item.track
    assert found.first == item.pk


def test_the_same_argument_twice_and_a_constant_that_looks_like_one() -> None:
    prepared = Prepared[Guild](lambda name: Guild.objects.filter(name=name).exclude(pk=name), str)
    guild = GuildFactory.create(name="Lounge")
    assert same(prepared, Guild.objects.filter(name="Lounge"), "Lounge") == guild
    assert prepared.first(guild.pk) is None
