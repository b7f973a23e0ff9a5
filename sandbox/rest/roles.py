"""/guilds/{id}/roles."""

from sandbox import permissions, shapes, snowflake
from sandbox.errors import DiscordError, invalid_form, missing_permissions
from sandbox.guild_edits import GuildEdits
from sandbox.model import Event, Guild, Json, Role
from sandbox.rest import named
from sandbox.rest.api import Call, Route

MOST_ROLES = 250
MAX_NAME = 100


async def list_roles(call: Call) -> list[Json]:
    return [shapes.role(role) for role in call.world.guild_roles(named.guild(call).id)]


async def get_role(call: Call) -> Json:
    return shapes.role(named.role(call, named.guild(call)))


async def count_members(call: Call) -> dict[str, int]:
    """Return the number of members by role id, without @everyone."""
    guild = named.guild(call)
    members = call.world.guild_members(guild.id)
    roles = [role.id for role in call.world.guild_roles(guild.id) if role.id != guild.id]
    return {role_id: sum(role_id in member.roles for member in members) for role_id in roles}


async def create_role(call: Call) -> Json:
    """Create a role at the lowest position, above @everyone."""
    guild = named.guild(call, need=permissions.MANAGE_ROLES)
    roles = call.world.guild_roles(guild.id)
    if len(roles) >= MOST_ROLES:
        raise DiscordError(400, 30005, f"Maximum number of server roles reached ({MOST_ROLES})")
    everyone = call.world.roles[guild.id].permissions
    role = Role(snowflake.new_snowflake(), guild.id, "new role", everyone, position=1)
    _apply(call, guild, role, await call.object())
    for other in roles:
        if other.position >= 1:
            other.position += 1
            _emit(call, "GUILD_ROLE_UPDATE", other)
    call.world.roles[role.id] = role
    _emit(call, "GUILD_ROLE_CREATE", role)
    return shapes.role(role)


async def edit_role(call: Call) -> Json:
    guild = named.guild(call, need=permissions.MANAGE_ROLES)
    role = named.role(call, guild)
    named.below_own(call, guild, role.position)
    _apply(call, guild, role, await call.object())
    _emit(call, "GUILD_ROLE_UPDATE", role)
    return shapes.role(role)


async def move_roles(call: Call) -> list[Json]:
    """Move roles: `[{id, position}]`. Of two equal positions, the older role is lower.

    The old and new positions must be below the bot's highest role.
    """
    guild, places = named.guild(call, need=permissions.MANAGE_ROLES), await call.json()
    if not isinstance(places, list) or not all(isinstance(place, dict) for place in places):
        raise invalid_form({"0": "A list of positions is required."})
    wanted: dict[str, int] = {}
    for index, place in enumerate(places):
        role = call.world.roles.get(str(place.get("id")))
        if role is None or role.guild_id != guild.id or role.id == guild.id:
            raise invalid_form({f"{index}.id": "Unknown Role"})
        if place.get("position") is None:
            continue
        if type(place["position"]) is not int or place["position"] < 0:
            raise invalid_form({f"{index}.position": "int value should be greater than or equal to 0."})
        wanted[role.id] = place["position"]
        for position in (role.position, place["position"]):
            named.below_own(call, guild, position)
    above = [role for role in call.world.guild_roles(guild.id) if role.id != guild.id]
    above.sort(key=lambda role: (wanted.get(role.id, role.position), int(role.id)))
    for position, role in enumerate(above, start=1):
        if role.position != position:
            role.position = position
            _emit(call, "GUILD_ROLE_UPDATE", role)
    return await list_roles(call)


async def delete_role(call: Call) -> None:
    guild = named.guild(call, need=permissions.MANAGE_ROLES)
    role = named.role(call, guild)
    named.below_own(call, guild, role.position)
    if role.id == guild.id or role.bot_id:
        raise DiscordError(400, 50028, "Invalid Role")
    GuildEdits(call.world, guild).apply({"change": "delete_role", "role_id": role.id})


def _apply(call: Call, guild: Guild, role: Role, body: Json) -> None:
    """Change the fields in `body`. Absent fields keep their values.

    Raises: DiscordError 400, or 403 for added permissions that the bot lacks itself.
    """
    faults: dict[str, str] = {}
    fields: Json = {}
    if body.get("name") is not None:
        fields["name"] = str(body["name"])
        if not 1 <= len(fields["name"]) <= MAX_NAME:
            faults["name"] = f"Must be between 1 and {MAX_NAME} in length."
    colors = body.get("colors")
    color = colors.get("primary_color") if isinstance(colors, dict) else body.get("color")
    if color is not None:
        fields["color"] = color
        if type(color) is not int or not 0 <= color <= 0xFFFFFF:
            faults["color"] = "int value should be less than or equal to 16777215."
    for name in ("hoist", "mentionable"):
        if body.get(name) is not None:
            fields[name] = bool(body[name])
    if body.get("permissions") is not None:
        fields["permissions"] = _bits(body["permissions"], faults)
    if faults:
        raise invalid_form(faults)
    added = fields.get("permissions", 0) & ~role.permissions
    if added & ~permissions.in_guild(call.world, named.own_member(call, guild.id)):
        raise missing_permissions()
    for name, value in fields.items():
        setattr(role, name, value)


def _bits(value: object, faults: dict[str, str]) -> int:
    text = str(value)
    if not text.isdigit():
        faults["permissions"] = f'Value "{text}" is not a permission bit set.'
        return 0
    return int(text) & permissions.ALL


def _emit(call: Call, name: str, role: Role) -> None:
    call.world.changed()
    data: Json = {"guild_id": role.guild_id, "role": shapes.role(role)}
    call.world.emit(Event(name, data, role.guild_id))


_ALL, _ONE = "/guilds/{guild_id}/roles", "/guilds/{guild_id}/roles/{role_id}"

ROUTES = [
    Route("GET", _ALL, list_roles),
    Route("POST", _ALL, create_role),
    Route("PATCH", _ALL, move_roles),
    Route("GET", f"{_ALL}/member-counts", count_members),
    Route("GET", _ONE, get_role),
    Route("PATCH", _ONE, edit_role),
    Route("DELETE", _ONE, delete_role),
]
