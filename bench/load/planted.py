"""Adds large guilds to a sandbox's world."""

from __future__ import annotations

from sandbox import permissions, snowflake
from sandbox.model import Channel, ChannelType, Guild, Member, Overwrite, Role
from sandbox.seed import OWNER
from sandbox.world import World

FIRST = 1_200_000_000_000_000_000


def plant(world: World, *, guilds: int, channels: int) -> list[str]:
    """Add large guilds. One channel in ten is restricted, and one in three is a voice channel. Returns their ids."""
    planted = []
    numbers = iter(range(FIRST, FIRST + guilds * (channels + 2)))
    for _ in range(guilds):
        guild_id, role_id = str(next(numbers)), str(next(numbers))
        planted.append(guild_id)
        world.guilds[guild_id] = Guild(guild_id, f"Guild {guild_id[-6:]}", OWNER)
        world.roles[guild_id] = Role(guild_id, guild_id, "@everyone", permissions.EVERYONE, 0)
        world.roles[role_id] = Role(role_id, guild_id, "Backline", 3329024, 1, bot_id=world.bot_id)
        for user_id, roles in ((OWNER, []), (world.bot_id, [role_id])):
            world.members[guild_id, user_id] = Member(guild_id, user_id, snowflake.now(), list(roles))
        for number in range(channels):
            channel_id = str(next(numbers))
            kind = ChannelType.VOICE if number % 3 == 0 else ChannelType.TEXT
            closed = (
                [Overwrite(guild_id, 0, 0, 1024), Overwrite(role_id, 0, 1024, 0)] if number % 10 == 0 else []
            )
            world.channels[channel_id] = Channel(
                channel_id, kind, f"channel-{number}", guild_id, number, overwrites=closed
            )
    return planted
