"""/applications/{id}/commands: the bot's application commands, global and per guild."""

from sandbox import command_checks, command_permissions
from sandbox.errors import DiscordError, invalid_form, missing_access, unknown
from sandbox.model import Event, Json
from sandbox.rest.api import Answer, Call, Route
from sandbox.snowflake import new_snowflake

NULLABLE = ("default_member_permissions", "contexts", "name_localizations", "description_localizations")
KEPT = (
    "name",
    "name_localizations",
    "description",
    "description_localizations",
    "options",
    "default_member_permissions",
    "dm_permission",
    "contexts",
    "integration_types",
    "nsfw",
    "type",
)


def _scope(call: Call) -> str | None:
    """Return the guild id of the path, or None for global commands."""
    if call.param("application_id") != call.parts.credentials.client_id:
        raise DiscordError(403, 20012, "You are not authorized to perform this action on this application")
    guild_id = call.request.match_info.get("guild_id")
    if guild_id is not None and not call.world.bot_installed(guild_id):
        raise missing_access()
    return guild_id


def _in_scope(call: Call, guild_id: str | None) -> list[Json]:
    return [each for each in call.world.commands.values() if each.get("guild_id") == guild_id]


def _one(call: Call) -> Json:
    guild_id = _scope(call)
    command = call.world.commands.get(call.param("command_id"))
    if command is None or command.get("guild_id") != guild_id:
        raise unknown("Application Command")
    return command


async def list_commands(call: Call) -> list[Json]:
    found = _in_scope(call, _scope(call))
    if call.flag("with_localizations"):
        return found
    return [command_checks.untranslated(each) for each in found]


async def get_command(call: Call) -> Json:
    return _one(call)


async def create_command(call: Call) -> Answer:
    """Create a command (201), or replace the one with the same name and type (200)."""
    guild_id, body = _scope(call), await call.object()
    command_checks.check(body, "")
    same = _same(_in_scope(call, guild_id), body)
    if same is None:
        command_checks.check_room([*_in_scope(call, guild_id), body])
    command = _keep(call, guild_id, body, same["id"] if same else None)
    return Answer(200 if same else 201, command)


async def replace_commands(call: Call) -> list[Json]:
    guild_id, bodies = _scope(call), await call.json()
    if not isinstance(bodies, list):
        raise invalid_form({"0": "A list of commands is required."})
    for index, body in enumerate(bodies):
        command_checks.check(body, f"{index}.")
    command_checks.check_room(bodies)
    names = [(body["name"], body.get("type") or command_checks.CHAT) for body in bodies]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise invalid_form({f"{index}.name": "Application command names must be unique"})
    before = _in_scope(call, guild_id)
    for old in before:
        del call.world.commands[old["id"]]
    kept = []
    for body in bodies:
        same = _same(before, body)
        kept.append(_keep(call, guild_id, body, same["id"] if same else None))
    _changed(call, guild_id)
    return kept


async def edit_command(call: Call) -> Json:
    command, body = _one(call), await call.object()
    merged = {**command, **body, "type": command["type"]}
    command_checks.check(merged, "")
    return _keep(call, command.get("guild_id"), merged, command["id"])


async def delete_command(call: Call) -> None:
    command = _one(call)
    del call.world.commands[command["id"]]
    _changed(call, command.get("guild_id"))


async def list_permissions(call: Call) -> list[Json]:
    """Return the server's rules. Only people can change them, with a user token."""
    guild = call.world.guilds[str(_scope(call))]
    rules = guild.command_permissions
    return [command_permissions.shape(call.world, guild, each) for each in rules if rules[each]]


async def get_permissions(call: Call) -> Json:
    guild, command_id = call.world.guilds[str(_scope(call))], call.param("command_id")
    if command_id not in (*call.world.commands, call.world.bot_id):
        raise unknown("Application Command")
    if guild.command_permissions.get(command_id):
        return command_permissions.shape(call.world, guild, command_id)
    raise DiscordError(404, 10066, "Unknown application command permissions")


async def edit_permissions(call: Call) -> None:
    _scope(call)
    raise DiscordError(403, 20001, "Bots cannot use this endpoint")


def _same(commands: list[Json], body: Json) -> Json | None:
    wanted = (body["name"], body.get("type") or command_checks.CHAT)
    return next((each for each in commands if (each["name"], each["type"]) == wanted), None)


def _keep(call: Call, guild_id: str | None, body: Json, command_id: str | None) -> Json:
    command: Json = {
        "id": command_id or new_snowflake(),
        "application_id": call.parts.credentials.client_id,
        "version": new_snowflake(),
        "default_member_permissions": None,
        "type": 1,
        "description": "",
        "dm_permission": True,
        "contexts": None,
        "integration_types": [0],
        "nsfw": False,
    }
    given = {key: body[key] for key in KEPT if key in body and (body[key] is not None or key in NULLABLE)}
    command |= given
    if "options" in command:
        command["options"] = [_option(option) for option in command["options"]]
    if command["default_member_permissions"] is not None:
        command["default_member_permissions"] = str(command["default_member_permissions"])
    if guild_id is not None:
        command["guild_id"] = guild_id
        del command["dm_permission"]
    call.world.commands[command["id"]] = command
    _changed(call, guild_id)
    return command


def _changed(call: Call, guild_id: str | None) -> None:
    call.world.changed()
    call.world.emit(Event("SANDBOX_COMMANDS", {}, guild_id))


def _option(given: Json) -> Json:
    """Return an option as Discord does, without empty and false fields."""
    option = {key: value for key, value in given.items() if value not in (None, []) and value is not False}
    if "options" in option:
        option["options"] = [_option(inner) for inner in option["options"]]
    if "choices" in option:
        option["choices"] = [{k: v for k, v in each.items() if v is not None} for each in option["choices"]]
    return option


_GLOBAL = "/applications/{application_id}/commands"
_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"

ROUTES = [
    Route("GET", f"{_GUILD}/permissions", list_permissions),
    Route("GET", f"{_GUILD}/{{command_id}}/permissions", get_permissions),
    Route("PUT", f"{_GUILD}/{{command_id}}/permissions", edit_permissions),
    *(
        route
        for path in (_GLOBAL, _GUILD)
        for route in (
            Route("GET", path, list_commands),
            Route("POST", path, create_command),
            Route("PUT", path, replace_commands),
            Route("GET", f"{path}/{{command_id}}", get_command),
            Route("PATCH", f"{path}/{{command_id}}", edit_command),
            Route("DELETE", f"{path}/{{command_id}}", delete_command),
        )
    ),
]
