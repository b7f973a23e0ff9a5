"""/guilds/{id}/members and /guilds/{id}/bans: members, their nicknames and roles, and bans."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sandbox import actions, permissions, seats, shapes, snowflake
from sandbox.errors import DiscordError, invalid_form, missing_permissions, unknown
from sandbox.guild_edits import GuildEdits
from sandbox.model import Event, Guild, Json, Member, VoiceState
from sandbox.rest import named
from sandbox.rest.api import Call, Route

MAX_NICK = 32
MAX_TIMEOUT = timedelta(days=28)


async def list_members(call: Call) -> list[Json]:
    guild, limit, after = (
        named.guild(call),
        call.number("limit", 1, 1, 1000),
        call.number("after", 0, 0, 1 << 63),
    )
    members = [each for each in call.world.guild_members(guild.id) if int(each.user_id) > after]
    return [shapes.member(call.world, member) for member in members[:limit]]


async def get_member(call: Call) -> Json:
    return shapes.member(call.world, named.member(call, named.guild(call)))


async def search_members(call: Call) -> list[Json]:
    guild, limit = named.guild(call), call.number("limit", 1, 1, 1000)
    start = call.request.query.get("query", "").casefold()
    found = []
    for member in call.world.guild_members(guild.id):
        user = call.world.users[member.user_id]
        names = (user.username, user.global_name or "", member.nick or "")
        if any(name.casefold().startswith(start) for name in names):
            found.append(shapes.member(call.world, member))
    return found[:limit]


async def edit_self(call: Call) -> Json:
    """Change the bot's own nickname. Avatar, banner and bio are accepted and ignored."""
    guild, body = named.guild(call), await call.object()
    member = named.own_member(call, guild.id)
    if "nick" in body:
        named.guild(call, need=permissions.CHANGE_NICKNAME)
        member.nick = _nick(body["nick"])
        _emit(call, member)
    return shapes.member(call.world, member)


async def edit_own_nick(call: Call) -> Json:
    """Change the bot's own nickname by the older route, which libraries still use."""
    return {"nick": (await edit_self(call))["nick"]}


async def edit_member(call: Call) -> Json:
    """Change nickname, roles, timeout and voice state. Raises: DiscordError. Nothing has changed then."""
    guild, body = named.guild(call), await call.object()
    member = named.member(call, guild)
    changes: Json = {}
    if "nick" in body:
        _act_on(call, guild, member, permissions.MANAGE_NICKNAMES)
        changes["nick"] = _nick(body["nick"])
    if "roles" in body:
        named.guild(call, need=permissions.MANAGE_ROLES)
        changes["roles"] = _roles(call, guild, member, body["roles"] or [])
    if "communication_disabled_until" in body:
        _act_on(call, guild, member, permissions.MODERATE_MEMBERS)
        changes["timeout_until"] = _timeout(body["communication_disabled_until"])
    seat = _seat(call, guild, member, body)
    for name, value in changes.items():
        setattr(member, name, value)
    if changes:
        _emit(call, member)
    if seat is not None:
        await _reseat(call, seat, body)
    return shapes.member(call.world, member)


async def add_role(call: Call) -> None:
    guild = named.guild(call, need=permissions.MANAGE_ROLES)
    member, role = named.member(call, guild), named.role(call, guild)
    if role.id not in member.roles:
        member.roles = _roles(call, guild, member, [*member.roles, role.id])
        _emit(call, member)


async def remove_role(call: Call) -> None:
    guild = named.guild(call, need=permissions.MANAGE_ROLES)
    member, role = named.member(call, guild), named.role(call, guild)
    if role.id in member.roles:
        member.roles = _roles(call, guild, member, [each for each in member.roles if each != role.id])
        _emit(call, member)


async def kick(call: Call) -> None:
    guild = named.guild(call)
    _expel(call, guild, named.member(call, guild), permissions.KICK_MEMBERS)


async def list_bans(call: Call) -> list[Json]:
    guild = named.guild(call, need=permissions.BAN_MEMBERS)
    limit, after = call.number("limit", 1000, 1, 1000), call.number("after", 0, 0, 1 << 63)
    ids = sorted((each for each in guild.bans if int(each) > after), key=int)
    return [_ban(call, guild, user_id) for user_id in ids[:limit]]


async def get_ban(call: Call) -> Json:
    guild = named.guild(call, need=permissions.BAN_MEMBERS)
    if call.param("user_id") not in guild.bans:
        raise unknown("Ban")
    return _ban(call, guild, call.param("user_id"))


async def ban(call: Call) -> None:
    """Ban a user, who need not be a member. A member is removed. The user's messages are not deleted."""
    guild, user = named.guild(call, need=permissions.BAN_MEMBERS), call.world.user(call.param("user_id"))
    if member := call.world.members.get((guild.id, user.id)):
        _expel(call, guild, member, permissions.BAN_MEMBERS)
    guild.bans[user.id] = call.request.headers.get("X-Audit-Log-Reason")
    _emit_ban(call, guild, "GUILD_BAN_ADD", user.id)


async def unban(call: Call) -> None:
    guild, user_id = named.guild(call, need=permissions.BAN_MEMBERS), call.param("user_id")
    if user_id not in guild.bans:
        raise unknown("Ban")
    del guild.bans[user_id]
    _emit_ban(call, guild, "GUILD_BAN_REMOVE", user_id)


def _seat(call: Call, guild: Guild, member: Member, body: Json) -> VoiceState | None:
    """Return the member's voice state if `body` changes it, else None.

    Raises 403, or 400 (40032) when the member is not in voice.
    """
    needed = {"mute": permissions.MUTE_MEMBERS, "deaf": permissions.DEAFEN_MEMBERS}
    wanted = [name for name in (*needed, "channel_id") if name in body]
    for name in wanted:
        named.guild(call, need=needed.get(name, permissions.MOVE_MEMBERS))
    state = call.world.voice_states.get((guild.id, member.user_id))
    if wanted and state is None:
        raise DiscordError(400, 40032, "Target user is not connected to voice.")
    if body.get("channel_id") is not None:
        channel = actions.visible_channel(call.world, str(body["channel_id"]), call.world.bot_id)
        if channel.guild_id != guild.id or channel.type not in shapes.VOICE_TYPES:
            raise DiscordError(400, 50024, "Cannot execute action on this channel type")
        actions.visible_channel(call.world, channel.id, call.world.bot_id, need=permissions.CONNECT)
    return state if wanted else None


async def _reseat(call: Call, state: VoiceState, body: Json) -> None:
    """Mute, deafen or move a user in voice. `channel_id` null disconnects them."""
    if "mute" in body or "deaf" in body:
        seats.moderate(call.world, state, mute=body.get("mute"), deaf=body.get("deaf"))
    if "channel_id" not in body:
        return
    channel_id, bot_voice = body["channel_id"], call.parts.bot_voice
    if state.user_id == call.world.bot_id:
        if channel_id is None:
            await bot_voice.kick(state.guild_id)
        else:
            await bot_voice.move(state.guild_id, str(channel_id))
    elif channel_id is None:
        actions.leave_voice(call.world, state.guild_id, state.user_id)
    else:
        seats.take(call.world, replace(state, channel_id=str(channel_id)))


def _act_on(call: Call, guild: Guild, member: Member, need: int) -> None:
    """Raises 403 without the permission, or when the member's highest role is not below the bot's."""
    named.guild(call, need=need)
    if member.user_id != call.world.bot_id:
        named.below_own(call, guild, permissions.rank(call.world, member))


def _expel(call: Call, guild: Guild, member: Member, need: int) -> None:
    """Remove a member. Raises 403 for the bot itself, which leaves by another route."""
    _act_on(call, guild, member, need)
    if member.user_id == call.world.bot_id:
        raise missing_permissions()
    GuildEdits(call.world, guild).apply({"change": "remove_member", "user_id": member.user_id})


def _nick(value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value) > MAX_NICK):
        raise invalid_form({"nick": f"Must be {MAX_NICK} or fewer in length."})
    return value or None


def _roles(call: Call, guild: Guild, member: Member, wanted: object) -> list[str]:
    """Return the new list of role ids. Roles that are added or removed must be below the bot's highest role,
    and not managed by an app."""
    known = {role.id: role for role in call.world.guild_roles(guild.id) if role.id != guild.id}
    if not isinstance(wanted, list) or not {str(each) for each in wanted} <= set(known):
        raise unknown("Role")
    roles = list(dict.fromkeys(map(str, wanted)))
    for role_id in set(roles) ^ set(member.roles):
        named.below_own(call, guild, known[role_id].position)
        if known[role_id].bot_id:
            raise missing_permissions()
    return roles


def _timeout(value: object) -> str | None:
    if value is None:
        return None
    try:
        until = datetime.fromisoformat(str(value))
    except ValueError:
        raise invalid_form({"communication_disabled_until": "Could not parse. Should be ISO8601."}) from None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    if until > datetime.now(UTC) + MAX_TIMEOUT:
        raise invalid_form({"communication_disabled_until": "Must be at most 28 days from now."})
    return snowflake.isoformat(until)


def _emit(call: Call, member: Member) -> None:
    call.world.changed()
    data = shapes.member(call.world, member) | {"guild_id": member.guild_id}
    call.world.emit(Event("GUILD_MEMBER_UPDATE", data, member.guild_id))


def _ban(call: Call, guild: Guild, user_id: str) -> Json:
    return {"user": shapes.user(call.world.users[user_id]), "reason": guild.bans[user_id]}


def _emit_ban(call: Call, guild: Guild, name: str, user_id: str) -> None:
    call.world.changed()
    data: Json = {"guild_id": guild.id, "user": shapes.user(call.world.users[user_id])}
    call.world.emit(Event(name, data, guild.id))


_MEMBERS, _ONE = "/guilds/{guild_id}/members", "/guilds/{guild_id}/members/{user_id}"
_BAN = "/guilds/{guild_id}/bans/{user_id}"

ROUTES = [
    Route("GET", _MEMBERS, list_members),
    Route("GET", f"{_MEMBERS}/search", search_members),
    Route("PATCH", f"{_MEMBERS}/@me", edit_self),
    Route("PATCH", f"{_MEMBERS}/@me/nick", edit_own_nick),
    Route("GET", _ONE, get_member),
    Route("PATCH", _ONE, edit_member),
    Route("DELETE", _ONE, kick),
    Route("PUT", f"{_ONE}/roles/{{role_id}}", add_role),
    Route("DELETE", f"{_ONE}/roles/{{role_id}}", remove_role),
    Route("GET", "/guilds/{guild_id}/bans", list_bans),
    Route("GET", _BAN, get_ban),
    Route("PUT", _BAN, ban),
    Route("DELETE", _BAN, unban),
]
