"""Discord's permission bits and how they combine.

https://discord.com/developers/docs/topics/permissions
"""

from sandbox.model import Channel, Member
from sandbox.world import World

KICK_MEMBERS = 1 << 1
BAN_MEMBERS = 1 << 2
ADMINISTRATOR = 1 << 3
MANAGE_CHANNELS = 1 << 4
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
VIEW_AUDIT_LOG = 1 << 7
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
MENTION_EVERYONE = 1 << 17
CONNECT = 1 << 20
SPEAK = 1 << 21
MUTE_MEMBERS = 1 << 22
DEAFEN_MEMBERS = 1 << 23
MOVE_MEMBERS = 1 << 24
CHANGE_NICKNAME = 1 << 26
MANAGE_NICKNAMES = 1 << 27
MANAGE_ROLES = 1 << 28
MANAGE_WEBHOOKS = 1 << 29
MANAGE_GUILD_EXPRESSIONS = 1 << 30
USE_APPLICATION_COMMANDS = 1 << 31
REQUEST_TO_SPEAK = 1 << 32
MODERATE_MEMBERS = 1 << 40
CREATE_GUILD_EXPRESSIONS = 1 << 43
SET_VOICE_CHANNEL_STATUS = 1 << 48
PIN_MESSAGES = 1 << 51

ALL = (1 << 53) - 1
EVERYONE = 2248473465835073  # the @everyone role of a new guild


def in_guild(world: World, member: Member) -> int:
    """Return the member's bits before channel overwrites. The owner and administrators have all bits."""
    guild = world.guilds[member.guild_id]
    if guild.owner_id == member.user_id:
        return ALL
    bits = world.roles[guild.id].permissions
    for role_id in member.roles:
        bits |= world.roles[role_id].permissions
    return ALL if bits & ADMINISTRATOR else bits


def in_channel(world: World, member: Member, channel: Channel) -> int:
    """Return the member's bits in `channel`. Overwrites apply in order: @everyone, roles, the member."""
    bits = in_guild(world, member)
    if bits == ALL:
        return ALL
    by_id = {overwrite.id: overwrite for overwrite in channel.overwrites}
    if everyone := by_id.get(member.guild_id):
        bits = bits & ~everyone.deny | everyone.allow
    theirs = [by_id[role_id] for role_id in member.roles if role_id in by_id]
    for overwrite in theirs:
        bits &= ~overwrite.deny
    for overwrite in theirs:
        bits |= overwrite.allow
    if own := by_id.get(member.user_id):
        bits = bits & ~own.deny | own.allow
    return bits


def rank(world: World, member: Member) -> int:
    """Return the position of the member's highest role. A member with a higher rank may act on them.

    The owner ranks above all roles.
    """
    if world.guilds[member.guild_id].owner_id == member.user_id:
        return 1 << 31
    return max((world.roles[role_id].position for role_id in member.roles), default=0)
