"""Look up the objects in a path, and check that the bot may see them and has the needed permissions."""

from sandbox import actions, permissions
from sandbox.errors import DiscordError, missing_access, missing_permissions, unknown
from sandbox.model import Channel, Guild, Member, Message, Role
from sandbox.rest.api import Call


def channel(call: Call, *, need: int = 0) -> Channel:
    return actions.visible_channel(call.world, call.param("channel_id"), call.world.bot_id, need=need)


def guild_channel(call: Call, *, need: int = 0) -> Channel:
    """Return a channel of a guild. Raises 400 (50003) for a DM channel."""
    found = channel(call, need=need)
    if found.guild_id is None:
        raise DiscordError(400, 50003, "Cannot execute action on a DM channel")
    return found


def message(call: Call) -> Message:
    found = call.world.messages.get(call.param("message_id"))
    if found is None or found.channel_id != call.param("channel_id") or found.only_user_id is not None:
        raise unknown("Message")
    return found


def may(call: Call, channel: Channel, need: int) -> bool:
    """Whether the bot has the permission bits in a channel that it may see."""
    if channel.guild_id is None:
        return True
    return permissions.in_channel(call.world, own_member(call, channel.guild_id), channel) & need == need


def guild(call: Call, *, need: int = 0) -> Guild:
    """Return the guild if the bot is in it.

    If it is not, `/guilds/{id}` gives 404, and the paths below it give 403 when the guild exists. Raises 403
    when the bot lacks the permissions in `need`.
    """
    guild_id = call.param("guild_id")
    if not call.world.bot_installed(guild_id):
        at_the_guild = call.request.path.endswith(f"/guilds/{guild_id}")
        raise unknown("Guild") if at_the_guild or guild_id not in call.world.guilds else missing_access()
    if guild_id in call.world.unavailable:
        raise unknown("Guild")
    if permissions.in_guild(call.world, own_member(call, guild_id)) & need != need:
        raise missing_permissions()
    return call.world.guilds[guild_id]


def own_member(call: Call, guild_id: str) -> Member:
    return call.world.members[guild_id, call.world.bot_id]


def member(call: Call, guild: Guild) -> Member:
    found = call.world.members.get((guild.id, call.param("user_id")))
    if found is None:
        raise unknown("Member" if call.param("user_id") in call.world.users else "User")
    return found


def role(call: Call, guild: Guild) -> Role:
    found = call.world.roles.get(call.param("role_id"))
    if found is None or found.guild_id != guild.id:
        raise unknown("Role")
    return found


def below_own(call: Call, guild: Guild, position: int) -> None:
    """Raises 403 for a role or member at or above the bot's own highest role."""
    if position >= permissions.rank(call.world, own_member(call, guild.id)):
        raise missing_permissions()
