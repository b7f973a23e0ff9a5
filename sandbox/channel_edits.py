"""A bot's changes to a guild's channels: the fields that Discord accepts, their limits, and the events.

https://docs.discord.com/developers/resources/channel#modify-channel
"""

from collections.abc import Callable

from sandbox import shapes, snowflake
from sandbox.errors import DiscordError, invalid_form, unknown
from sandbox.model import Channel, ChannelType, Event, Guild, Json, Overwrite
from sandbox.world import World

MAKEABLE = (
    ChannelType.TEXT,
    ChannelType.VOICE,
    ChannelType.CATEGORY,
    ChannelType.ANNOUNCEMENT,
    ChannelType.STAGE,
)
MOST_CHANNELS = 500
MOST_PEOPLE = {ChannelType.VOICE: 99, ChannelType.STAGE: 10_000}
SPACELESS = (ChannelType.TEXT, ChannelType.ANNOUNCEMENT)  # their names are lower case, with dashes for spaces


def create(world: World, guild: Guild, body: Json) -> Channel:
    """Raises: DiscordError 400."""
    if len(world.guild_channels(guild.id)) >= MOST_CHANNELS:
        raise DiscordError(400, 30013, f"Maximum number of server channels reached ({MOST_CHANNELS})")
    kind = body.get("type") or int(ChannelType.TEXT)
    faults = {} if kind in MAKEABLE else {"type": f"Value must be one of {sorted(map(int, MAKEABLE))}."}
    if not body.get("name"):
        faults["name"] = "This field is required"
    if faults:
        raise invalid_form(faults)
    channel = Channel(snowflake.new_snowflake(), kind, guild_id=guild.id)
    channel.position = sum(each.type == kind for each in world.guild_channels(guild.id))
    _apply(world, guild, channel, body)
    world.channels[channel.id] = channel
    _emit(world, "CHANNEL_CREATE", channel)
    return channel


def edit(world: World, guild: Guild, channel: Channel, body: Json) -> None:
    """Change the fields in `body`. Absent fields keep their values.

    Raises: DiscordError 400. Nothing has changed then.
    """
    _apply(world, guild, channel, body)
    _emit(world, "CHANNEL_UPDATE", channel)


def reorder(world: World, guild: Guild, places: object) -> None:
    """`[{id, position?, parent_id?}]`. Raises: DiscordError 400."""
    if not isinstance(places, list) or not all(isinstance(place, dict) for place in places):
        raise invalid_form({"0": "A list of positions is required."})
    moved = [(world.channels.get(str(place.get("id"))), place) for place in places]
    for index, (channel, _) in enumerate(moved):
        if channel is None or channel.guild_id != guild.id:
            raise invalid_form({f"{index}.id": "Unknown Channel"})
    for channel, place in moved:
        assert channel is not None
        fields = {key: place[key] for key in ("position", "parent_id") if key in place}
        if any(fields[key] != getattr(channel, key) for key in fields):
            edit(world, guild, channel, fields)


def set_overwrites(world: World, channel: Channel, overwrites: list[Overwrite]) -> None:
    channel.overwrites = overwrites
    _emit(world, "CHANNEL_UPDATE", channel)


def overwrite(world: World, guild: Guild, given: object, path: str) -> Overwrite:
    """`{id, type?, allow?, deny?}` of a role (type 0) or member (1). Raises: DiscordError 400, 404."""
    if not isinstance(given, dict) or given.get("type") not in (None, 0, 1, "0", "1"):
        raise invalid_form({f"{path}type": "Value must be one of {0, 1}."})
    bits = []
    for name in ("allow", "deny"):
        text = str(given.get(name) or 0)
        if not text.isdigit():
            raise invalid_form({f"{path}{name}": "Value is not a permission bit set."})
        bits.append(int(text))
    role = world.roles.get(str(given.get("id")))
    kind = given.get("type", 1 if role is None else 0)
    kept = Overwrite(str(given.get("id")), int(kind or 0), *bits)
    if kept.type == 0 and (role is None or role.guild_id != guild.id):
        raise unknown("Role")
    if not snowflake.is_snowflake(kept.id):
        raise invalid_form({f"{path}id": f'Value "{kept.id}" is not snowflake.'})
    return kept


def _emit(world: World, name: str, channel: Channel) -> None:
    world.changed()
    world.emit(Event(name, shapes.channel(world, channel), channel.guild_id))


def _apply(world: World, guild: Guild, channel: Channel, body: Json) -> None:
    faults: dict[str, str] = {}
    fields: Json = {}
    for name, (attribute, check) in _FIELDS.items():
        if name in body and (body[name] is not None or name in NULLABLE):
            value = body[name]
            if value is not None and (fault := check(value, channel.type)):
                faults[name] = fault
            fields[attribute] = DEFAULTS.get(name) if value is None else value
    if "parent_id" in fields and fields["parent_id"] is not None:
        parent = world.channels.get(str(fields["parent_id"]))
        if parent is None or parent.guild_id != guild.id or parent.type != ChannelType.CATEGORY:
            faults["parent_id"] = "Category does not exist"
        fields["parent_id"] = str(fields["parent_id"])
    if body.get("permission_overwrites") is not None:
        given = body["permission_overwrites"]
        if not isinstance(given, list):
            faults["permission_overwrites"] = "Only iterables may be used in a ListType"
        else:
            fields["overwrites"] = [
                overwrite(world, guild, each, f"permission_overwrites.{index}.")
                for index, each in enumerate(given)
            ]
    if faults:
        raise invalid_form(faults)
    if "name" in fields and channel.type in SPACELESS:
        fields["name"] = "-".join(fields["name"].lower().split())
    for attribute, value in fields.items():
        setattr(channel, attribute, value)


type Check = Callable[[object, int], str | None]


def _text(low: int, high: int) -> Check:
    def check(value: object, kind: int) -> str | None:
        fits = isinstance(value, str) and low <= len(value) <= high
        return None if fits else f"Must be between {low} and {high} in length."

    return check


def _number(low: int, high: int) -> Check:
    def check(value: object, kind: int) -> str | None:
        fits = type(value) is int and low <= value <= high
        return None if fits else f"int value should be between {low} and {high}."

    return check


def _people(value: object, kind: int) -> str | None:
    return _number(0, MOST_PEOPLE.get(ChannelType(kind), 99))(value, kind)


def _flag(value: object, kind: int) -> str | None:
    return None if isinstance(value, bool) else "Must be either true or false."


def _id(value: object, kind: int) -> str | None:
    return None if snowflake.is_snowflake(str(value)) else f'Value "{value}" is not snowflake.'


# Discord's field: (attribute of Channel, function that returns what is wrong with a value).
_FIELDS: dict[str, tuple[str, Check]] = {
    "name": ("name", _text(1, 100)),
    "topic": ("topic", _text(0, 1024)),
    "position": ("position", _number(0, 1 << 31)),
    "parent_id": ("parent_id", _id),
    "nsfw": ("nsfw", _flag),
    "rate_limit_per_user": ("rate_limit_per_user", _number(0, 21_600)),
    "bitrate": ("bitrate", _number(8_000, 96_000)),
    "user_limit": ("user_limit", _people),
    "rtc_region": ("rtc_region", _text(0, 100)),
}
NULLABLE = ("topic", "parent_id", "rtc_region", "nsfw", "rate_limit_per_user", "user_limit")
DEFAULTS: Json = {"nsfw": False, "rate_limit_per_user": 0, "user_limit": 0}
