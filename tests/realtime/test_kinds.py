from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from queue_app.kind import KIND
from realtime import kinds
from realtime.domain.stores import create_store
from realtime.errors import StoreNotFound
from streams.domain.streams import create_stream
from tests.factories import MembershipFactory, UserFactory


def test_guilds_are_registered() -> None:
    assert kinds.find("guild:123") == (KIND, "123")


@pytest.mark.parametrize("instance", ["", "guild", "guild:", "nothing:1", ":1"])
def test_an_instance_of_no_kind_does_not_exist(instance: str) -> None:
    with pytest.raises(StoreNotFound):
        kinds.find(instance)


def test_a_prefix_is_registered_once() -> None:
    with pytest.raises(ValueError, match="guild"):
        kinds.register("guild", KIND)


@pytest.mark.django_db
@pytest.mark.parametrize("prefix", ["app", "guild", "stream"])
def test_who_may_read_takes_the_same_queries_for_any_number(
    prefix: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """This is queried every second for all connected users."""
    stranger = UserFactory.create()
    owned: list[tuple[str, int]] = []
    for number in range(12):
        membership = MembershipFactory.create()
        key = membership.guild_id if prefix == "guild" else f"log-{number}"
        if prefix == "app":
            create_store(membership.user, key)
        elif prefix == "stream":
            create_stream(membership.user, stream_id=key)
        owned.append((key, membership.user_id))
    readers = kinds.of(prefix).readers
    with django_assert_max_num_queries(3):
        assert readers({owned[0]}) == {owned[0]}
    with django_assert_max_num_queries(3):
        assert readers({*owned, *((key, stranger.pk) for key, _ in owned)}) == set(owned)
    assert readers({("99", stranger.pk), *owned}) == set(owned)
