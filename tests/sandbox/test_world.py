"""The sandbox's state, and its indexes."""

from __future__ import annotations

from pathlib import Path

from sandbox.model import Channel, ChannelType
from sandbox.seed import LOUNGE, plant
from sandbox.world import World


def test_a_guilds_channels_are_those_there_are(tmp_path: Path) -> None:
    world = World(tmp_path / "discord.json", bot_id="1")
    plant(world)
    planted = [channel.id for channel in world.guild_channels(LOUNGE)]
    added = Channel("7", ChannelType.TEXT, "new", LOUNGE, 99)
    world.channels[added.id] = added
    assert [channel.id for channel in world.guild_channels(LOUNGE)] == [*planted, "7"]
    assert world.channels.pop("7") is added
    assert world.guild_channels("8") == []

    world.channels.clear()
    assert world.guild_channels(LOUNGE) == []
    plant(world)
    assert [channel.id for channel in world.guild_channels(LOUNGE)] == planted

    world.save()
    again = World(world.path, bot_id="1")
    assert again.load()
    assert again.guild_channels(LOUNGE) == world.guild_channels(LOUNGE)
