from __future__ import annotations

import pytest

from queue_app.guild_kind import KIND
from realtime import kinds
from realtime.errors import StoreNotFound


def test_guilds_are_registered() -> None:
    assert "guild" in kinds.registered()
    assert kinds.find("guild:123") == (KIND, "123")


@pytest.mark.parametrize("instance", ["", "guild", "guild:", "nothing:1", ":1"])
def test_an_instance_of_no_kind_does_not_exist(instance: str) -> None:
    with pytest.raises(StoreNotFound):
        kinds.find(instance)


def test_a_prefix_is_registered_once() -> None:
    with pytest.raises(ValueError, match="guild"):
        kinds.register("guild", KIND)
