"""/channels/{id}: the channel, its permission overwrites, and its invites, webhooks and threads (always empty)."""

from sandbox import channel_edits, permissions, shapes
from sandbox.errors import missing_permissions, unknown
from sandbox.guild_edits import GuildEdits
from sandbox.model import Channel, Guild, Json
from sandbox.rest import named
from sandbox.rest.api import Call, Route


def _guild_of(call: Call, channel: Channel) -> Guild:
    return call.world.guilds[str(channel.guild_id)]


async def get_channel(call: Call) -> Json:
    return shapes.channel(call.world, named.channel(call))


async def edit_channel(call: Call) -> Json:
    channel = named.guild_channel(call, need=permissions.MANAGE_CHANNELS)
    body = await call.object()
    if "permission_overwrites" in body:
        named.channel(call, need=permissions.MANAGE_ROLES)
    if {"name", "topic"} & body.keys():
        call.count_hidden("channel names and topics", channel.id)
    channel_edits.edit(call.world, _guild_of(call, channel), channel, body)
    return shapes.channel(call.world, channel)


async def delete_channel(call: Call) -> Json:
    channel = named.guild_channel(call, need=permissions.MANAGE_CHANNELS)
    order = {"change": "delete_channel", "channel_id": channel.id}
    return GuildEdits(call.world, _guild_of(call, channel)).apply(order)


async def set_overwrite(call: Call) -> None:
    """Set an overwrite. The bot may only allow or deny permissions that it has itself."""
    channel = named.guild_channel(call, need=permissions.MANAGE_ROLES)
    body = await call.object() | {"id": call.param("overwrite_id")}
    overwrite = channel_edits.overwrite(call.world, _guild_of(call, channel), body, "")
    if not named.may(call, channel, overwrite.allow | overwrite.deny):
        raise missing_permissions()
    others = [each for each in channel.overwrites if each.id != overwrite.id]
    channel_edits.set_overwrites(call.world, channel, [*others, overwrite])


async def delete_overwrite(call: Call) -> None:
    channel = named.guild_channel(call, need=permissions.MANAGE_ROLES)
    others = [each for each in channel.overwrites if each.id != call.param("overwrite_id")]
    if len(others) == len(channel.overwrites):
        raise unknown("Overwrite")
    channel_edits.set_overwrites(call.world, channel, others)


async def no_invites(call: Call) -> list[Json]:
    """The sandbox has no invites."""
    named.guild_channel(call, need=permissions.MANAGE_CHANNELS)
    return []


async def no_webhooks(call: Call) -> list[Json]:
    """The sandbox has no webhooks except those of interactions."""
    named.guild_channel(call, need=permissions.MANAGE_WEBHOOKS)
    return []


async def no_threads(call: Call) -> Json:
    """The sandbox has no threads."""
    named.guild_channel(call, need=permissions.READ_MESSAGE_HISTORY)
    return {"threads": [], "members": [], "has_more": False}


_ONE = "/channels/{channel_id}"

ROUTES = [
    Route("GET", _ONE, get_channel),
    Route("PATCH", _ONE, edit_channel),
    Route("DELETE", _ONE, delete_channel),
    Route("PUT", f"{_ONE}/permissions/{{overwrite_id}}", set_overwrite),
    Route("DELETE", f"{_ONE}/permissions/{{overwrite_id}}", delete_overwrite),
    Route("GET", f"{_ONE}/invites", no_invites),
    Route("GET", f"{_ONE}/webhooks", no_webhooks),
    Route("GET", f"{_ONE}/threads/archived/public", no_threads),
    Route("GET", f"{_ONE}/threads/archived/private", no_threads),
    Route("GET", f"{_ONE}/users/@me/threads/archived/private", no_threads),
]
