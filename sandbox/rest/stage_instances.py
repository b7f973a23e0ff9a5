"""/stage-instances: the live stages of Stage channels.

https://docs.discord.com/developers/resources/stage-instance
"""

from sandbox import actions, permissions
from sandbox.errors import DiscordError, invalid_form, unknown
from sandbox.model import Channel, ChannelType, Event, Json
from sandbox.rest.api import Call, Route
from sandbox.snowflake import is_snowflake, new_snowflake

MODERATOR = permissions.MANAGE_CHANNELS | permissions.MUTE_MEMBERS | permissions.MOVE_MEMBERS
MAX_TOPIC = 120
GUILD_ONLY = 2


def _stage(call: Call, channel_id: object, *, need: int = 0) -> Channel:
    if not is_snowflake(channel_id):
        raise invalid_form({"channel_id": f'Value "{channel_id}" is not snowflake.'})
    channel = actions.visible_channel(call.world, channel_id, call.world.bot_id, need=need)
    if channel.type != ChannelType.STAGE:
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    return channel


def _open(call: Call, *, need: int = 0) -> tuple[Channel, Json]:
    channel = _stage(call, call.param("channel_id"), need=need)
    if channel.stage is None:
        raise unknown("Stage Instance")
    return channel, channel.stage


async def create(call: Call) -> Json:
    body = await call.object()
    channel = _stage(call, body.get("channel_id"), need=MODERATOR)
    if channel.stage is not None:
        raise DiscordError(400, 150006, "The Stage is already open")
    channel.stage = {
        "id": new_snowflake(),
        "guild_id": channel.guild_id,
        "channel_id": channel.id,
        "topic": _topic(body.get("topic")),
        "privacy_level": GUILD_ONLY,
        "discoverable_disabled": True,
        "guild_scheduled_event_id": None,
    }
    return _emit(call, "STAGE_INSTANCE_CREATE", channel.stage)


async def get(call: Call) -> Json:
    return _open(call)[1]


async def edit(call: Call) -> Json:
    _, stage = _open(call, need=MODERATOR)
    body = await call.object()
    if "topic" in body:
        stage["topic"] = _topic(body["topic"])
    return _emit(call, "STAGE_INSTANCE_UPDATE", stage)


async def delete(call: Call) -> None:
    channel, stage = _open(call, need=MODERATOR)
    channel.stage = None
    _emit(call, "STAGE_INSTANCE_DELETE", stage)


def _topic(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TOPIC:
        raise invalid_form({"topic": f"Must be between 1 and {MAX_TOPIC} in length."})
    return value


def _emit(call: Call, name: str, stage: Json) -> Json:
    call.world.changed()
    call.world.emit(Event(name, dict(stage), stage["guild_id"]))
    return stage


ROUTES = [
    Route("POST", "/stage-instances", create),
    Route("GET", "/stage-instances/{channel_id}", get),
    Route("PATCH", "/stage-instances/{channel_id}", edit),
    Route("DELETE", "/stage-instances/{channel_id}", delete),
]
