"""/guilds: a guild, its channels and voice states. Members and roles have separate modules."""

from sandbox import channel_edits, permissions, seats, shapes
from sandbox.errors import invalid_form, unknown
from sandbox.model import Event, Json
from sandbox.rest import named
from sandbox.rest.api import Answer, Call, Handler, Route
from sandbox.rest.users import voice_regions


async def get_guild(call: Call) -> Json:
    return shapes.guild(call.world, named.guild(call), counts=call.flag("with_counts"))


async def get_channels(call: Call) -> list[Json]:
    return [shapes.channel(call.world, each) for each in call.world.guild_channels(named.guild(call).id)]


async def edit_guild(call: Call) -> Json:
    """Change name and system channel. Discord's other fields are accepted and ignored."""
    guild, body = named.guild(call, need=permissions.MANAGE_GUILD), await call.object()
    if body.get("name") is not None:
        if not 2 <= len(str(body["name"])) <= 100:
            raise invalid_form({"name": "Must be between 2 and 100 in length."})
        guild.name = str(body["name"])
    if "system_channel_id" in body:
        channel = call.world.channels.get(str(body["system_channel_id"]))
        if body["system_channel_id"] is not None and (channel is None or channel.guild_id != guild.id):
            raise invalid_form({"system_channel_id": "Unknown Channel"})
        guild.system_channel_id = channel.id if channel else None
    call.world.changed()
    call.world.emit(Event("GUILD_UPDATE", shapes.guild(call.world, guild), guild.id))
    return shapes.guild(call.world, guild)


async def create_channel(call: Call) -> Answer:
    guild = named.guild(call, need=permissions.MANAGE_CHANNELS)
    channel = channel_edits.create(call.world, guild, await call.object())
    return Answer(201, shapes.channel(call.world, channel))


async def move_channels(call: Call) -> None:
    guild = named.guild(call, need=permissions.MANAGE_CHANNELS)
    channel_edits.reorder(call.world, guild, await call.json())


async def active_threads(call: Call) -> Json:
    named.guild(call)
    return {"threads": [], "members": [], "has_more": False}


async def audit_log(call: Call) -> Json:
    """Return an empty audit log: the sandbox logs nothing."""
    named.guild(call, need=permissions.VIEW_AUDIT_LOG)
    kinds = ("application_commands", "audit_log_entries", "auto_moderation_rules", "guild_scheduled_events")
    return {kind: [] for kind in (*kinds, "integrations", "threads", "users", "webhooks")}


def _nothing(need: int) -> Handler:
    """Return a handler that returns an empty list if the bot has the permissions in `need`."""

    async def handle(call: Call) -> list[Json]:
        named.guild(call, need=need)
        return []

    return handle


async def get_voice_state(call: Call) -> Json:
    guild, user_id = named.guild(call), call.request.match_info.get("user_id", call.world.bot_id)
    state = call.world.voice_states.get((guild.id, user_id))
    if state is None:
        raise unknown("Voice State")
    return shapes.voice_state(call.world, state)


async def change_own_voice_state(call: Call) -> None:
    seats.edit_own(call.world, named.guild(call).id, call.world.bot_id, await call.object())


async def change_voice_state(call: Call) -> None:
    guild, user_id = named.guild(call), call.param("user_id")
    seats.edit_other(call.world, guild.id, user_id, await call.object(), asker_id=call.world.bot_id)


ROUTES = [
    Route("GET", "/guilds/{guild_id}", get_guild),
    Route("GET", "/guilds/{guild_id}/channels", get_channels),
    Route("PATCH", "/guilds/{guild_id}", edit_guild),
    Route("POST", "/guilds/{guild_id}/channels", create_channel),
    Route("PATCH", "/guilds/{guild_id}/channels", move_channels),
    Route("GET", "/guilds/{guild_id}/threads/active", active_threads),
    Route("GET", "/guilds/{guild_id}/invites", _nothing(permissions.MANAGE_GUILD)),
    Route("GET", "/guilds/{guild_id}/integrations", _nothing(permissions.MANAGE_GUILD)),
    Route("GET", "/guilds/{guild_id}/webhooks", _nothing(permissions.MANAGE_WEBHOOKS)),
    Route("GET", "/guilds/{guild_id}/scheduled-events", _nothing(0)),
    Route("GET", "/guilds/{guild_id}/auto-moderation/rules", _nothing(permissions.MANAGE_GUILD)),
    Route("GET", "/guilds/{guild_id}/templates", _nothing(permissions.MANAGE_GUILD)),
    Route("GET", "/guilds/{guild_id}/audit-logs", audit_log),
    Route("GET", "/guilds/{guild_id}/regions", voice_regions),
    Route("GET", "/guilds/{guild_id}/voice-states/@me", get_voice_state),
    Route("PATCH", "/guilds/{guild_id}/voice-states/@me", change_own_voice_state),
    Route("GET", "/guilds/{guild_id}/voice-states/{user_id}", get_voice_state),
    Route("PATCH", "/guilds/{guild_id}/voice-states/{user_id}", change_voice_state),
]
