"""Commands in the menus of messages and users (Discord: context menu commands), as an interaction's data.

https://docs.discord.com/developers/interactions/application-commands#message-commands
"""

from sandbox import options, shapes
from sandbox.command_checks import MESSAGE, USER
from sandbox.errors import Refused
from sandbox.model import Json, Member, Message
from sandbox.options import Invocation
from sandbox.world import World


def on_message(world: World, member: Member, name: str, message: Message) -> Invocation:
    """Use a message command on a message that the member can see. Raises Refused."""
    command = options.find_command(world, member.guild_id, name, kind=MESSAGE)
    options.check_permission(world, member, command)
    resolved = {"messages": {message.id: shapes.message(world, message)}}
    return _invocation(command, message.id, resolved, {"target_message_id": message.id})


def on_user(world: World, member: Member, name: str, user_id: str) -> Invocation:
    """Use a user command on a person or a bot. Raises Refused."""
    command = options.find_command(world, member.guild_id, name, kind=USER)
    options.check_permission(world, member, command)
    if user_id not in world.users:
        raise Refused(404, "UNKNOWN_USER", "There is no such user")
    resolved: Json = {}
    options.resolve_user(world, member.guild_id, user_id, resolved)
    user = shapes.user(world.users[user_id])
    return _invocation(command, user_id, resolved, {"target_user": user})


def _invocation(command: Json, target_id: str, resolved: Json, metadata: Json) -> Invocation:
    data: Json = {
        "id": command["id"],
        "name": command["name"],
        "type": command["type"],
        "target_id": target_id,
        "resolved": resolved,
    }
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    return Invocation(command["name"], data, metadata)
