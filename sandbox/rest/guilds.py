"""/guilds: what the bot may read of a guild it is in."""

from sandbox import seats, shapes
from sandbox.errors import DiscordError, missing_access, unknown
from sandbox.model import Guild, Json
from sandbox.rest.api import Call, Route


def _guild(call: Call) -> Guild:
    """The guild, when the bot is in it. Discord says 404 to strangers, 403 on what hangs below a guild."""
    guild_id = call.param("guild_id")
    if not call.world.bot_installed(guild_id):
        at_the_guild = call.request.path.endswith(f"/guilds/{guild_id}")
        raise unknown("Guild") if at_the_guild or guild_id not in call.world.guilds else missing_access()
    if guild_id in call.world.unavailable:
        raise DiscordError(404, 10004, "Unknown Guild")
    return call.world.guilds[guild_id]


async def get_guild(call: Call) -> Json:
    return shapes.guild(call.world, _guild(call), counts=call.flag("with_counts"))


async def get_channels(call: Call) -> list[Json]:
    return [shapes.channel(call.world, each) for each in call.world.guild_channels(_guild(call).id)]


async def get_roles(call: Call) -> list[Json]:
    return [shapes.role(role) for role in call.world.guild_roles(_guild(call).id)]


async def get_role(call: Call) -> Json:
    role = call.world.roles.get(call.param("role_id"))
    if role is None or role.guild_id != _guild(call).id:
        raise DiscordError(404, 10011, "Unknown Role")
    return shapes.role(role)


async def list_members(call: Call) -> list[Json]:
    guild, limit, after = _guild(call), call.number("limit", 1, 1, 1000), call.number("after", 0, 0, 1 << 63)
    members = [each for each in call.world.guild_members(guild.id) if int(each.user_id) > after]
    return [shapes.member(call.world, member) for member in members[:limit]]


async def get_member(call: Call) -> Json:
    guild = _guild(call)
    member = call.world.members.get((guild.id, call.param("user_id")))
    if member is None:
        raise unknown("Member" if call.param("user_id") in call.world.users else "User")
    return shapes.member(call.world, member)


async def search_members(call: Call) -> list[Json]:
    guild, limit = _guild(call), call.number("limit", 1, 1, 1000)
    start = call.request.query.get("query", "").casefold()
    found = []
    for member in call.world.guild_members(guild.id):
        user = call.world.users[member.user_id]
        names = (user.username, user.global_name or "", member.nick or "")
        if any(name.casefold().startswith(start) for name in names):
            found.append(shapes.member(call.world, member))
    return found[:limit]


async def get_voice_state(call: Call) -> Json:
    guild, user_id = _guild(call), call.request.match_info.get("user_id", call.world.bot_id)
    state = call.world.voice_states.get((guild.id, user_id))
    if state is None:
        raise unknown("Voice State")
    return shapes.voice_state(call.world, state)


async def change_own_voice_state(call: Call) -> None:
    seats.edit_own(call.world, _guild(call).id, call.world.bot_id, await call.object())


async def change_voice_state(call: Call) -> None:
    guild, user_id = _guild(call), call.param("user_id")
    seats.edit_other(call.world, guild.id, user_id, await call.object(), asker_id=call.world.bot_id)


ROUTES = [
    Route("GET", "/guilds/{guild_id}", get_guild),
    Route("GET", "/guilds/{guild_id}/channels", get_channels),
    Route("GET", "/guilds/{guild_id}/roles", get_roles),
    Route("GET", "/guilds/{guild_id}/roles/{role_id}", get_role),
    Route("GET", "/guilds/{guild_id}/members", list_members),
    Route("GET", "/guilds/{guild_id}/members/search", search_members),
    Route("GET", "/guilds/{guild_id}/members/{user_id}", get_member),
    Route("GET", "/guilds/{guild_id}/voice-states/@me", get_voice_state),
    Route("PATCH", "/guilds/{guild_id}/voice-states/@me", change_own_voice_state),
    Route("GET", "/guilds/{guild_id}/voice-states/{user_id}", get_voice_state),
    Route("PATCH", "/guilds/{guild_id}/voice-states/{user_id}", change_voice_state),
]
