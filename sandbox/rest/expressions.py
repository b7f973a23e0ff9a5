"""Emojis of guilds and of the application, stickers, and soundboard sounds.

Uploaded images and sounds are checked but not stored, because the sandbox does not show or play them.
"""

import base64
import binascii

from sandbox import bodies, permissions, shapes
from sandbox.errors import DiscordError, invalid_form, missing_permissions, unknown
from sandbox.model import Event, Guild, Json
from sandbox.rest import named
from sandbox.rest.api import Answer, Call, Route
from sandbox.snowflake import new_snowflake

MOST_EMOJIS, MOST_APPLICATION_EMOJIS, MOST_STICKERS, MOST_SOUNDS = 100, 2000, 5, 8
EMOJI_BYTES, STICKER_BYTES, SOUND_BYTES = 256 * 1024, 512 * 1024, 512 * 1024
STICKER_FORMATS = {"image/png": 1, "image/apng": 2, "application/json": 3, "image/gif": 4}
DEFAULT_SOUNDS = (
    ("quack", "🦆"),
    ("airhorn", "🔊"),
    ("cricket", "🦗"),
    ("golf clap", "👏"),
    ("sad horn", "🎺"),
)


def _guild(call: Call, *, changing: bool = False) -> Guild:
    """Return the guild. With `changing`, also check the bot's permission to change expressions.

    The bot created all expressions here, so either of the two permissions is enough.
    """
    guild = named.guild(call)
    bits = permissions.in_guild(call.world, named.own_member(call, guild.id))
    if changing and not bits & (permissions.CREATE_GUILD_EXPRESSIONS | permissions.MANAGE_GUILD_EXPRESSIONS):
        raise missing_permissions()
    return guild


def _find(call: Call, things: list[Json], kind: str, *, key: str = "id") -> Json:
    wanted = call.param(f"{kind.lower()}_id")
    found = next((each for each in things if each[key] == wanted), None)
    if found is None:
        raise unknown(kind)
    return found


def _check_room(things: list[Json], most: int, code: int, what: str) -> None:
    if len(things) >= most:
        raise DiscordError(400, code, f"Maximum number of {what} reached ({most})")


def _name(body: Json, *, low: int = 2, high: int = 32) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not low <= len(name) <= high:
        raise invalid_form({"name": f"Must be between {low} and {high} in length."})
    return name


def _data(body: Json, field: str, kind: str, most: int) -> str:
    """Check a data URI and return its content type. Raises: DiscordError 400."""
    head, comma, text = str(body.get(field) or "").partition(";base64,")
    if not comma or not head.startswith(f"data:{kind}/"):
        raise invalid_form({field: f"A data URI of type {kind} is required."})
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise invalid_form({field: "The data is not base64."}) from None
    if not 0 < len(content) <= most:
        raise invalid_form({field: f"File cannot be larger than {most // 1024} kb."})
    return head.removeprefix("data:")


# -- emojis


def _emoji(call: Call, body: Json) -> Json:
    kind = _data(body, "image", "image", EMOJI_BYTES)
    return {
        "id": new_snowflake(),
        "name": _name(body),
        "roles": [str(each) for each in body.get("roles") or []],
        "user": shapes.user(call.world.bot),
        "require_colons": True,
        "managed": False,
        "animated": kind == "image/gif",
        "available": True,
    }


def _rename(emoji: Json, body: Json) -> None:
    if "name" in body:
        emoji["name"] = _name(body)
    if "roles" in body:
        emoji["roles"] = [str(each) for each in body["roles"] or []]


def _emojis_changed(call: Call, guild: Guild) -> None:
    _emit(call, guild, "GUILD_EMOJIS_UPDATE", {"emojis": guild.emojis})


async def list_emojis(call: Call) -> list[Json]:
    return _guild(call).emojis


async def get_emoji(call: Call) -> Json:
    return _find(call, _guild(call).emojis, "Emoji")


async def create_emoji(call: Call) -> Answer:
    guild = named.guild(call, need=permissions.CREATE_GUILD_EXPRESSIONS)
    _check_room(guild.emojis, MOST_EMOJIS, 30008, "emojis")
    emoji = _emoji(call, await call.object())
    guild.emojis.append(emoji)
    _emojis_changed(call, guild)
    return Answer(201, emoji)


async def edit_emoji(call: Call) -> Json:
    guild = _guild(call, changing=True)
    emoji = _find(call, guild.emojis, "Emoji")
    _rename(emoji, await call.object())
    _emojis_changed(call, guild)
    return emoji


async def delete_emoji(call: Call) -> None:
    guild = _guild(call, changing=True)
    guild.emojis.remove(_find(call, guild.emojis, "Emoji"))
    _emojis_changed(call, guild)


def _own(call: Call) -> list[Json]:
    if call.param("application_id") != call.parts.credentials.client_id:
        raise DiscordError(403, 20012, "You are not authorized to perform this action on this application")
    return call.world.emojis


async def list_own_emojis(call: Call) -> Json:
    return {"items": _own(call)}


async def get_own_emoji(call: Call) -> Json:
    return _find(call, _own(call), "Emoji")


async def create_own_emoji(call: Call) -> Answer:
    emojis = _own(call)
    _check_room(emojis, MOST_APPLICATION_EMOJIS, 30008, "emojis")
    emojis.append(_emoji(call, await call.object()))
    call.world.changed()
    return Answer(201, emojis[-1])


async def edit_own_emoji(call: Call) -> Json:
    emoji = _find(call, _own(call), "Emoji")
    _rename(emoji, {"name": (await call.object()).get("name", emoji["name"])})
    call.world.changed()
    return emoji


async def delete_own_emoji(call: Call) -> None:
    emojis = _own(call)
    emojis.remove(_find(call, emojis, "Emoji"))
    call.world.changed()


# -- stickers


async def list_stickers(call: Call) -> list[Json]:
    return _guild(call).stickers


async def get_sticker(call: Call) -> Json:
    return _find(call, _guild(call).stickers, "Sticker")


async def get_any_sticker(call: Call) -> Json:
    """Return a sticker of any guild that the bot is in."""
    guilds = call.world.guilds_of(call.world.bot_id)
    return _find(call, [sticker for guild in guilds for sticker in guild.stickers], "Sticker")


async def create_sticker(call: Call) -> Answer:
    """Create a sticker from a form with the fields name, description, tags and a file."""
    guild = named.guild(call, need=permissions.CREATE_GUILD_EXPRESSIONS)
    _check_room(guild.stickers, MOST_STICKERS, 30039, "stickers")
    body = await bodies.read(call.request)
    file = next(iter(body.uploads), None)
    if file is None or file.content_type not in STICKER_FORMATS or not isinstance(body.value, dict):
        raise invalid_form({"file": "A PNG, APNG, GIF or Lottie file is required."})
    if len(file.content) > STICKER_BYTES:
        raise DiscordError(400, 50045, "File uploaded exceeds the maximum size")
    sticker: Json = {
        "id": new_snowflake(),
        "type": 2,
        "format_type": STICKER_FORMATS[file.content_type],
        "available": True,
        "guild_id": guild.id,
        "user": shapes.user(call.world.bot),
        **_sticker_fields(body.value),
    }
    guild.stickers.append(sticker)
    _emit(call, guild, "GUILD_STICKERS_UPDATE", {"stickers": guild.stickers})
    return Answer(201, sticker)


def _sticker_fields(body: Json) -> Json:
    tags = str(body.get("tags") or "")
    if not 1 <= len(tags) <= 200:
        raise invalid_form({"tags": "Must be between 1 and 200 in length."})
    return {"name": _name(body, high=30), "description": body.get("description") or None, "tags": tags}


async def edit_sticker(call: Call) -> Json:
    guild = _guild(call, changing=True)
    sticker = _find(call, guild.stickers, "Sticker")
    sticker |= _sticker_fields({**sticker, **await call.object()})
    _emit(call, guild, "GUILD_STICKERS_UPDATE", {"stickers": guild.stickers})
    return sticker


async def delete_sticker(call: Call) -> None:
    guild = _guild(call, changing=True)
    guild.stickers.remove(_find(call, guild.stickers, "Sticker"))
    _emit(call, guild, "GUILD_STICKERS_UPDATE", {"stickers": guild.stickers})


async def list_sticker_packs(call: Call) -> Json:
    """Return an empty list: the sandbox has none of Discord's own stickers."""
    return {"sticker_packs": []}


# -- soundboard


async def list_default_sounds(call: Call) -> list[Json]:
    return [
        {
            "name": name,
            "sound_id": str(index),
            "volume": 1.0,
            "emoji_id": None,
            "emoji_name": emoji,
            "available": True,
        }
        for index, (name, emoji) in enumerate(DEFAULT_SOUNDS, start=1)
    ]


async def list_sounds(call: Call) -> Json:
    return {"items": _guild(call).sounds}


async def get_sound(call: Call) -> Json:
    return _find(call, _guild(call).sounds, "Sound", key="sound_id")


async def create_sound(call: Call) -> Answer:
    guild = named.guild(call, need=permissions.CREATE_GUILD_EXPRESSIONS)
    _check_room(guild.sounds, MOST_SOUNDS, 30045, "soundboard sounds")
    body = await call.object()
    _data(body, "sound", "audio", SOUND_BYTES)
    sound = {
        "sound_id": new_snowflake(),
        "guild_id": guild.id,
        "available": True,
        "user": shapes.user(call.world.bot),
        **_sound_fields(body),
    }
    guild.sounds.append(sound)
    _emit(call, guild, "GUILD_SOUNDBOARD_SOUND_CREATE", sound)
    return Answer(201, sound)


def _sound_fields(body: Json) -> Json:
    volume = 1.0 if body.get("volume") is None else body["volume"]
    if isinstance(volume, bool) or not isinstance(volume, int | float) or not 0 <= volume <= 1:
        raise invalid_form({"volume": "float value should be between 0 and 1."})
    emoji_id = body.get("emoji_id")
    return {
        "name": _name(body),
        "volume": float(volume),
        "emoji_id": None if emoji_id is None else str(emoji_id),
        "emoji_name": body.get("emoji_name"),
    }


async def edit_sound(call: Call) -> Json:
    guild = _guild(call, changing=True)
    sound = _find(call, guild.sounds, "Sound", key="sound_id")
    sound |= _sound_fields({**sound, **await call.object()})
    _emit(call, guild, "GUILD_SOUNDBOARD_SOUND_UPDATE", sound)
    return sound


async def delete_sound(call: Call) -> None:
    guild = _guild(call, changing=True)
    sound = _find(call, guild.sounds, "Sound", key="sound_id")
    guild.sounds.remove(sound)
    _emit(call, guild, "GUILD_SOUNDBOARD_SOUND_DELETE", {"sound_id": sound["sound_id"]})


def _emit(call: Call, guild: Guild, name: str, data: Json) -> None:
    call.world.changed()
    call.world.emit(Event(name, {**data, "guild_id": guild.id}, guild.id))


_EMOJIS, _OWN = "/guilds/{guild_id}/emojis", "/applications/{application_id}/emojis"
_STICKERS, _SOUNDS = "/guilds/{guild_id}/stickers", "/guilds/{guild_id}/soundboard-sounds"

ROUTES = [
    Route("GET", _EMOJIS, list_emojis),
    Route("POST", _EMOJIS, create_emoji),
    Route("GET", f"{_EMOJIS}/{{emoji_id}}", get_emoji),
    Route("PATCH", f"{_EMOJIS}/{{emoji_id}}", edit_emoji),
    Route("DELETE", f"{_EMOJIS}/{{emoji_id}}", delete_emoji),
    Route("GET", _OWN, list_own_emojis),
    Route("POST", _OWN, create_own_emoji),
    Route("GET", f"{_OWN}/{{emoji_id}}", get_own_emoji),
    Route("PATCH", f"{_OWN}/{{emoji_id}}", edit_own_emoji),
    Route("DELETE", f"{_OWN}/{{emoji_id}}", delete_own_emoji),
    Route("GET", _STICKERS, list_stickers),
    Route("POST", _STICKERS, create_sticker),
    Route("GET", f"{_STICKERS}/{{sticker_id}}", get_sticker),
    Route("PATCH", f"{_STICKERS}/{{sticker_id}}", edit_sticker),
    Route("DELETE", f"{_STICKERS}/{{sticker_id}}", delete_sticker),
    Route("GET", "/stickers/{sticker_id}", get_any_sticker),
    Route("GET", "/sticker-packs", list_sticker_packs),
    Route("GET", "/soundboard-default-sounds", list_default_sounds),
    Route("GET", _SOUNDS, list_sounds),
    Route("POST", _SOUNDS, create_sound),
    Route("GET", f"{_SOUNDS}/{{sound_id}}", get_sound),
    Route("PATCH", f"{_SOUNDS}/{{sound_id}}", edit_sound),
    Route("DELETE", f"{_SOUNDS}/{{sound_id}}", delete_sound),
]
