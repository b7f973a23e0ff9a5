"""/users, /gateway, /applications/@me, /oauth2/@me, /voice/regions."""

from datetime import UTC, datetime

from sandbox import actions, permissions, shapes
from sandbox.errors import DiscordError, invalid_form, unknown
from sandbox.model import Json
from sandbox.rest.api import ANY, NOBODY, Call, Route
from sandbox.snowflake import is_snowflake, isoformat

SESSION_STARTS = 1000


async def get_gateway(call: Call) -> Json:
    return {"url": call.parts.gateway.url}


async def get_bot_gateway(call: Call) -> Json:
    gateway = call.parts.gateway
    limit = {
        "total": SESSION_STARTS,
        "remaining": max(0, SESSION_STARTS - gateway.identified),
        "reset_after": 86_400_000,
        "max_concurrency": gateway.MAX_CONCURRENCY,
    }
    return {"url": call.parts.gateway.url, "shards": gateway.shards, "session_start_limit": limit}


async def get_me(call: Call) -> Json:
    call.caller.needs("identify")
    email = call.caller.scopes is not None and "email" in call.caller.scopes
    return shapes.current_user(call.caller.user, email=email)


async def change_me(call: Call) -> Json:
    body = await call.object()
    if name := body.get("username"):
        if not 2 <= len(str(name)) <= 32:
            raise invalid_form({"username": "Must be between 2 and 32 in length."})
        call.world.bot.username = str(name)
        call.world.changed()
    return shapes.current_user(call.world.bot)


async def get_user(call: Call) -> Json:
    return shapes.user(call.world.user(call.param("user_id")))


async def my_guilds(call: Call) -> list[Json]:
    call.caller.needs("guilds")
    world, user_id = call.world, call.caller.user.id
    guilds = sorted(world.guilds_of(user_id), key=lambda guild: int(guild.id))
    before, after = call.request.query.get("before"), call.request.query.get("after")
    for name, value in (("before", before), ("after", after)):
        if value is not None and not is_snowflake(value):
            raise invalid_form({name: f'Value "{value}" is not snowflake.'})
    if after is not None:
        guilds = [guild for guild in guilds if int(guild.id) > int(after)]
    if before is not None:
        guilds = [guild for guild in guilds if int(guild.id) < int(before)]
    limit = call.number("limit", 200, 1, 200)
    chosen = guilds[-limit:] if before is not None and after is None else guilds[:limit]
    return [shapes.my_guild(world, guild, user_id, counts=call.flag("with_counts")) for guild in chosen]


async def my_member(call: Call) -> Json:
    call.caller.needs("guilds.members.read")
    if call.caller.scopes is None:
        raise DiscordError(403, 20001, "Bots cannot use this endpoint")
    member = call.world.members.get((call.param("guild_id"), call.caller.user.id))
    if member is None:
        raise unknown("Guild")
    bits = permissions.in_guild(call.world, member)
    return shapes.member(call.world, member) | {"permissions": str(bits)}


async def leave_guild(call: Call) -> None:
    guild_id = call.param("guild_id")
    if not call.world.bot_installed(guild_id):
        raise unknown("Guild")
    actions.remove_bot(call.world, guild_id)


async def open_dm(call: Call) -> Json:
    recipient = str((await call.object()).get("recipient_id"))
    if not is_snowflake(recipient):
        raise invalid_form({"recipient_id": f'Value "{recipient}" is not snowflake.'})
    if recipient == call.world.bot_id:
        raise DiscordError(400, 50007, "Cannot send messages to this user")
    return shapes.channel(call.world, actions.open_dm(call.world, recipient))


async def get_application(call: Call) -> Json:
    return shapes.application(call.world, call.parts.credentials, redirect_uris=call.parts.redirect_uris)


async def get_own_application(call: Call) -> Json:
    _check_own(call)
    return await get_application(call)


async def edit_application(call: Call) -> Json:
    """Accept changes to the application, and ignore them."""
    await call.object()
    return await get_application(call)


async def no_entitlements(call: Call) -> list[Json]:
    """The sandbox has no entitlements."""
    _check_own(call)
    return []


async def no_role_connections(call: Call) -> list[Json]:
    _check_own(call)
    return []


def _check_own(call: Call) -> None:
    if call.param("application_id") != call.parts.credentials.client_id:
        raise DiscordError(403, 20012, "You are not authorized to perform this action on this application")


async def current_authorization(call: Call) -> Json:
    caller = call.caller
    if caller.scopes is None or caller.expires_at is None:
        raise DiscordError(403, 20001, "Bots cannot use this endpoint")
    shape: Json = {
        "application": shapes.application(call.world, call.parts.credentials),
        "expires": isoformat(datetime.fromtimestamp(caller.expires_at, UTC)),
        "scopes": sorted(caller.scopes),
    }
    if "identify" in caller.scopes:
        shape["user"] = shapes.user(caller.user)
    return shape


async def voice_regions(call: Call) -> list[Json]:
    names = {"rotterdam": "Rotterdam", "us-east": "US East"}
    return [
        {"id": key, "name": name, "custom": False, "deprecated": False, "optimal": key == "us-east"}
        for key, name in names.items()
    ]


ROUTES = [
    Route("GET", "/gateway", get_gateway, NOBODY),
    Route("GET", "/gateway/bot", get_bot_gateway),
    Route("GET", "/users/@me", get_me, ANY),
    Route("PATCH", "/users/@me", change_me),
    Route("GET", "/users/@me/guilds", my_guilds, ANY),
    Route("GET", "/users/@me/guilds/{guild_id}/member", my_member, ANY),
    Route("DELETE", "/users/@me/guilds/{guild_id}", leave_guild),
    Route("POST", "/users/@me/channels", open_dm),
    Route("GET", "/users/{user_id}", get_user),
    Route("GET", "/applications/@me", get_application),
    Route("PATCH", "/applications/@me", edit_application),
    Route("GET", "/oauth2/applications/@me", get_application),
    Route("GET", "/applications/{application_id}", get_own_application),
    Route("GET", "/applications/{application_id}/entitlements", no_entitlements),
    Route("GET", "/applications/{application_id}/role-connections/metadata", no_role_connections),
    Route("GET", "/oauth2/@me", current_authorization, ANY),
    Route("GET", "/voice/regions", voice_regions, ANY),
]
