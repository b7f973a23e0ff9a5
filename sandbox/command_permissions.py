"""Who may use which command: a server's own rules (Server Settings, Integrations) above the command's default.

https://docs.discord.com/developers/interactions/application-commands#permissions

Rules are in Discord's format, `{id, type, permission}`. The guild's id stands for @everyone, and the guild's id minus
one for all channels. A command without rules of its own follows those of the application.
"""

from sandbox import permissions
from sandbox.errors import Refused
from sandbox.model import Channel, Guild, Json, Member, User
from sandbox.snowflake import is_snowflake
from sandbox.world import World

ROLE, USER, CHANNEL = 1, 2, 3
MOST = 100


def may_use(world: World, member: Member, command: Json) -> bool:
    """Whether a member may use a command somewhere in the guild. Owner and administrators always may."""
    bits = permissions.in_guild(world, member)
    if bits == permissions.ALL:
        return True
    rules = _rules(world, member.guild_id, command)
    own = [rule["permission"] for rule in rules if (rule["type"], rule["id"]) == (USER, member.user_id)]
    theirs = [rule["permission"] for rule in rules if rule["type"] == ROLE and rule["id"] in member.roles]
    everyone = [rule["permission"] for rule in rules if (rule["type"], rule["id"]) == (ROLE, member.guild_id)]
    for level in (own, theirs, everyone):
        if level:
            return any(level)
    needed = command.get("default_member_permissions")
    return needed is None or (int(needed) != 0 and bits & int(needed) == int(needed))


def check_channel(world: World, member: Member, command: Json, channel: Channel) -> None:
    """Raises Refused if the server does not allow the command in this channel."""
    if permissions.in_guild(world, member) == permissions.ALL:
        return
    rules = {
        rule["id"]: rule["permission"]
        for rule in _rules(world, member.guild_id, command)
        if rule["type"] == CHANNEL
    }
    if not rules.get(channel.id, rules.get(str(int(member.guild_id) - 1), True)):
        raise Refused(403, "FORBIDDEN", f"/{command['name']} may not be used in this channel")


def _rules(world: World, guild_id: str, command: Json) -> list[Json]:
    known = world.guilds[guild_id].command_permissions
    return known.get(command["id"]) or known.get(command["application_id"]) or []


def shape(world: World, guild: Guild, command_id: str) -> Json:
    """Return the rules of a command or of the application in Discord's format."""
    return {
        "id": command_id,
        "application_id": world.bot_id,
        "guild_id": guild.id,
        "permissions": guild.command_permissions[command_id],
    }


def integration(world: World, guild: Guild, viewer: User | None) -> Json | None:
    """Return the bot's commands and the server's rules for them, None for those who may not change these.

    Without a viewer, all is returned.
    """
    member = world.members.get((guild.id, viewer.id)) if viewer is not None else None
    manages = member is None or permissions.in_guild(world, member) & permissions.MANAGE_GUILD
    if not manages or not world.bot_installed(guild.id):
        return None
    commands = [each for each in world.commands.values() if each.get("guild_id") in (None, guild.id)]
    return {
        "application_id": world.bot_id,
        "commands": [{key: each[key] for key in ("id", "name", "type")} for each in commands],
        "permissions": guild.command_permissions,
    }


def read(given: object) -> list[Json]:
    """Read a list of rules. Raises Refused."""
    if not isinstance(given, list) or len(given) > MOST or not all(_is_rule(each) for each in given):
        raise Refused(
            400, "INVALID", f"permissions must be a list of at most {MOST} {{id, type, permission}}"
        )
    return [{key: rule[key] for key in ("id", "type", "permission")} for rule in given]


def _is_rule(given: object) -> bool:
    return (
        isinstance(given, dict)
        and is_snowflake(given.get("id"))
        and given.get("type") in (ROLE, USER, CHANNEL)
        and isinstance(given.get("permission"), bool)
    )
