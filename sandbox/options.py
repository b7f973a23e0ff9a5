"""Slash command options: checks what a user typed against the commands that the bot registered.

https://discord.com/developers/docs/interactions/application-commands#application-command-object
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox import permissions, shapes
from sandbox.command_checks import CHAT
from sandbox.command_permissions import may_use
from sandbox.errors import Refused
from sandbox.model import Json, Member
from sandbox.world import World

SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN = 1, 2, 3, 4, 5
USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = 6, 7, 8, 9, 10, 11

type Offer = Callable[[str], Json]
"""Returns the attachment object of a file that the user has uploaded, by its id. Raises Refused."""


@dataclass(frozen=True)
class Invocation:
    """A used command: `data` for the interaction, and `name`, which includes subcommands.

    `metadata` is what the bot's reply also tells about the interaction.
    """

    name: str
    data: Json
    metadata: Json = field(default_factory=dict)


def understand(
    world: World, member: Member, line: str, values: Json, *, offer: Offer, focused: str | None = None
) -> Invocation:
    """Turn `line` ("playlist play") and `values` (option name to value) into an interaction's data.

    `focused` is the option for which suggestions are requested. Its value may be incomplete, and required options
    may be missing.

    Raises:
        Refused: 404 no such command, 403 not for this member, 400 an option is invalid.
    """
    words = line.strip().removeprefix("/").split()
    command = find_command(world, member.guild_id, words[0] if words else "")
    check_permission(world, member, command)
    definitions, branch = command.get("options", []), words[1:]
    path: list[Json] = []
    for word in branch:
        step = next(
            (each for each in definitions if each["type"] in (SUBCOMMAND, GROUP) and each["name"] == word),
            None,
        )
        if step is None:
            raise Refused(404, "UNKNOWN_COMMAND", f"/{command['name']} has no subcommand {word!r}")
        path.append(step)
        definitions = step.get("options", [])
    if any(each["type"] in (SUBCOMMAND, GROUP) for each in definitions):
        names = ", ".join(each["name"] for each in definitions)
        raise Refused(400, "INVALID_OPTION", f"/{' '.join(words)} needs a subcommand: {names}")
    resolved: Json = {}
    options = _options(world, member.guild_id, definitions, values, resolved, focused, offer)
    for step in reversed(path):
        options = [{"type": step["type"], "name": step["name"], "options": options}]
    data: Json = {"id": command["id"], "name": command["name"], "type": 1}
    if options:
        data["options"] = options
    if resolved:
        data["resolved"] = resolved
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    return Invocation(" ".join([command["name"], *branch]), data)


def commands_for(world: World, member: Member) -> list[Json]:
    """Return the commands this member may use. A guild command replaces a global one of the same type and name."""
    found: dict[tuple[int, str], Json] = {}
    for command in world.commands.values():
        key = (command["type"], command["name"])
        if command.get("guild_id") in (None, member.guild_id) and ("guild_id" in command or key not in found):
            found[key] = command
    return [command for command in found.values() if may_use(world, member, command)]


def find_command(world: World, guild_id: str, name: str, *, kind: int = CHAT) -> Json:
    """Return the command of that type and name, the guild's before the global one. Raises Refused."""
    fitting = [
        each
        for each in world.commands.values()
        if (each["name"], each["type"]) == (name, kind) and each.get("guild_id") in (None, guild_id)
    ]
    if not fitting:
        slash = "/" if kind == CHAT else ""
        raise Refused(404, "UNKNOWN_COMMAND", f"The bot has not registered a command {slash}{name}")
    return max(fitting, key=lambda each: "guild_id" in each)


def check_permission(world: World, member: Member, command: Json) -> None:
    """Raises Refused."""
    if not may_use(world, member, command):
        raise Refused(403, "FORBIDDEN", f"This member may not use /{command['name']}")


def _options(
    world: World,
    guild_id: str,
    definitions: list[Json],
    values: Json,
    resolved: Json,
    focused: str | None,
    offer: Offer,
) -> list[Json]:
    known = {definition["name"] for definition in definitions}
    for name in values:
        if name not in known:
            raise Refused(400, "INVALID_OPTION", f"There is no option {name!r}")
    if focused is not None:
        definition = next((each for each in definitions if each["name"] == focused), None)
        if definition is None or not definition.get("autocomplete"):
            raise Refused(400, "INVALID_OPTION", f"Option {focused!r} has no autocomplete")
    options: list[Json] = []
    for definition in definitions:
        name = definition["name"]
        if name == focused:
            typed = str(values.get(name, ""))
            options.append({"type": definition["type"], "name": name, "value": typed, "focused": True})
        elif name in values and values[name] is not None:
            if definition["type"] == ATTACHMENT:
                value: str | float = _attachment(definition, values[name], resolved, offer)
            else:
                value = _value(world, guild_id, definition, values[name], resolved)
            options.append({"type": definition["type"], "name": name, "value": value})
        elif definition.get("required") and focused is None:
            raise Refused(400, "INVALID_OPTION", f"Option {name!r} is required")
    return options


def _value(world: World, guild_id: str, definition: Json, given: object, resolved: Json) -> str | float:
    kind, name = definition["type"], definition["name"]
    if kind == STRING:
        value: str | float = _string(definition, given)
    elif kind in (INTEGER, NUMBER):
        value = _number(definition, given)
    elif kind == BOOLEAN:
        if not isinstance(given, bool):
            raise Refused(400, "INVALID_OPTION", f"Option {name!r} must be true or false")
        value = given
    elif kind in (USER, CHANNEL, ROLE, MENTIONABLE):
        value = _reference(world, guild_id, definition, str(given), resolved)
    else:
        raise Refused(400, "INVALID_OPTION", f"The sandbox cannot fill in option {name!r} of type {kind}")
    choices = definition.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        named = next((choice["value"] for choice in choices if choice["name"] == value), None)
        if named is None:
            listed = ", ".join(str(choice["value"]) for choice in choices)
            raise Refused(400, "INVALID_OPTION", f"Option {name!r} must be one of: {listed}")
        value = named
    return value


def _string(definition: Json, given: object) -> str:
    name = definition["name"]
    if not isinstance(given, str):
        raise Refused(400, "INVALID_OPTION", f"Option {name!r} must be a string")
    if not definition.get("min_length", 0) <= len(given) <= definition.get("max_length", 6000):
        raise Refused(400, "INVALID_OPTION", f"Option {name!r} is too short or too long")
    return given


def _number(definition: Json, given: object) -> int | float:
    name = definition["name"]
    allowed = int if definition["type"] == INTEGER else (int, float)
    if isinstance(given, bool) or not isinstance(given, allowed):
        kind = "an integer" if definition["type"] == INTEGER else "a number"
        raise Refused(400, "INVALID_OPTION", f"Option {name!r} must be {kind}")
    number: int | float = given
    low, high = definition.get("min_value", -(2**53)), definition.get("max_value", 2**53)
    if not low <= number <= high:
        raise Refused(400, "INVALID_OPTION", f"Option {name!r} must be from {low} to {high}")
    return number


def _attachment(definition: Json, given: object, resolved: Json, offer: Offer) -> str:
    if not isinstance(given, str):
        raise Refused(400, "INVALID_OPTION", f"Option {definition['name']!r} must be the id of an upload")
    file = offer(given)
    if not _has_type(file, definition.get("file_types")):
        listed = ", ".join(definition["file_types"])
        raise Refused(
            400, "INVALID_OPTION", f"Option {definition['name']!r} takes only these files: {listed}"
        )
    resolved.setdefault("attachments", {})[given] = file
    return given


def _has_type(file: Json, wanted: list[str] | None) -> bool:
    """Return whether a file's media type or ending is wanted. None: every file is."""
    media, name = str(file.get("content_type") or "").partition("/")[0], str(file["filename"]).lower()
    return wanted is None or any(
        name.endswith(each.lower()) if each.startswith(".") else each == media for each in wanted
    )


def resolve_user(world: World, guild_id: str, user_id: str, resolved: Json) -> None:
    """Add a user's data to `resolved`, and their membership of the guild if they have one."""
    resolved.setdefault("users", {})[user_id] = shapes.user(world.users[user_id])
    if member := world.members.get((guild_id, user_id)):
        partial = shapes.member_without_user(member)
        partial["permissions"] = str(permissions.in_guild(world, member))
        resolved.setdefault("members", {})[user_id] = partial


def _reference(world: World, guild_id: str, definition: Json, given: str, resolved: Json) -> str:
    """Return the id of a user, role or channel given by id or name, and add its data to `resolved`."""
    name, kind = definition["name"], definition["type"]
    if kind in (USER, MENTIONABLE):
        for user in world.users.values():
            if given in (user.id, user.username):
                resolve_user(world, guild_id, user.id, resolved)
                return user.id
    if kind in (ROLE, MENTIONABLE):
        for role in world.guild_roles(guild_id):
            if given in (role.id, role.name):
                resolved.setdefault("roles", {})[role.id] = shapes.role(role)
                return role.id
    if kind == CHANNEL:
        for channel in world.guild_channels(guild_id):
            types = definition.get("channel_types")
            if given in (channel.id, channel.name) and (not types or channel.type in types):
                shape = shapes.channel(world, channel) | {"permissions": str(permissions.ALL)}
                resolved.setdefault("channels", {})[channel.id] = shape
                return channel.id
    raise Refused(400, "INVALID_OPTION", f"Option {name!r}: there is nothing named {given!r} here")
