"""The initial state of the world."""

import secrets

from sandbox import permissions
from sandbox.model import Channel, ChannelType, Guild, Member, Overwrite, Role, User, VoiceState
from sandbox.world import World

OWNER, DJ, MEMBER, OUTSIDER = (
    "204255221017214976",
    "268473310986240000",
    "341256790123806720",
    "519874412236013568",
)
LOUNGE, JUNIPER = "1090315482246234112", "1104587120931586048"
DJ_ROLE = "1090316077761888256"
BOT_ROLE = "1187453391044608000"
BOT_PERMISSIONS = 3329024

JOINED = "2025-03-14T18:20:31.412000+00:00"


def plant(world: World) -> None:
    """Fill an empty world with four people, a guild with the bot and a guild without it."""
    for user in (
        User(OWNER, "owner", "Maren"),
        User(DJ, "dj", "Tomas"),
        User(MEMBER, "member", "Ines"),
        User(OUTSIDER, "outsider", "Jules"),
        User(world.bot_id, "backline", None, bot=True),
    ):
        world.users[user.id] = user
    _plant_lounge(world)
    _plant_juniper(world)
    world.changed()


def _plant_lounge(world: World) -> None:
    text, voice = "1090315482246234113", "1090315482246234114"
    world.guilds[LOUNGE] = Guild(LOUNGE, "Sandbox Lounge", OWNER, "1090315482246234115", ["NEWS"])
    for role in (
        Role(LOUNGE, LOUNGE, "@everyone", permissions.EVERYONE, 0),
        Role(BOT_ROLE, LOUNGE, "Backline", BOT_PERMISSIONS, 1, bot_id=world.bot_id),
        Role(DJ_ROLE, LOUNGE, "DJ", 0, 2, color=0xF2A33A, hoist=True, mentionable=True),
    ):
        world.roles[role.id] = role
    read_only = [
        Overwrite(LOUNGE, 0, 0, permissions.SEND_MESSAGES),
        Overwrite(BOT_ROLE, 0, permissions.SEND_MESSAGES, 0),
    ]
    for channel in (
        Channel(text, ChannelType.CATEGORY, "Text channels", LOUNGE, 0),
        Channel(voice, ChannelType.CATEGORY, "Voice channels", LOUNGE, 1),
        Channel(
            "1090315482246234115",
            ChannelType.TEXT,
            "general",
            LOUNGE,
            0,
            text,
            "Hello, and what are we hearing?",
        ),
        Channel("1090315482246234116", ChannelType.TEXT, "music", LOUNGE, 1, text, "Requests go here"),
        Channel(
            "1090315482246234117", ChannelType.ANNOUNCEMENT, "news", LOUNGE, 2, text, overwrites=read_only
        ),
        Channel("1090315482246234118", ChannelType.VOICE, "Stage left", LOUNGE, 0, voice),
        Channel("1090315482246234119", ChannelType.VOICE, "Back room", LOUNGE, 1, voice),
    ):
        world.channels[channel.id] = channel
    for member in (
        Member(LOUNGE, OWNER, "2023-03-28T16:04:55.031000+00:00"),
        Member(LOUNGE, DJ, JOINED, [DJ_ROLE]),
        Member(LOUNGE, MEMBER, JOINED),
        Member(LOUNGE, world.bot_id, "2025-04-02T09:11:07.554000+00:00", [BOT_ROLE]),
    ):
        world.members[member.guild_id, member.user_id] = member
    world.voice_states[LOUNGE, MEMBER] = VoiceState(
        LOUNGE, "1090315482246234118", MEMBER, secrets.token_hex(16)
    )


def _plant_juniper(world: World) -> None:
    text, voice = "1104587120931586049", "1104587120931586050"
    world.guilds[JUNIPER] = Guild(JUNIPER, "Juniper Bar", OWNER, "1104587120931586051")
    world.roles[JUNIPER] = Role(JUNIPER, JUNIPER, "@everyone", permissions.EVERYONE, 0)
    for channel in (
        Channel(text, ChannelType.CATEGORY, "Text channels", JUNIPER, 0),
        Channel(voice, ChannelType.CATEGORY, "Voice channels", JUNIPER, 1),
        Channel("1104587120931586051", ChannelType.TEXT, "bar-talk", JUNIPER, 0, text),
        Channel("1104587120931586052", ChannelType.VOICE, "Upstairs", JUNIPER, 0, voice),
    ):
        world.channels[channel.id] = channel
    world.members[JUNIPER, OWNER] = Member(JUNIPER, OWNER, "2023-05-07T01:14:22.870000+00:00")
