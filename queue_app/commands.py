"""The command core: every change that a person asks for, by name, from whatever surface.

REST, `/sync` and slash commands only translate in and out; they all end in `execute`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from guilds.domain.settings import change_settings, check_settings
from guilds.errors import GuildNotFound, InvalidSettings
from guilds.models import MAX_VOLUME
from guilds.permissions import check_guild_id, require_member
from library.domain.find import MAX_QUERY
from library.domain.links import MAX_PASTED, is_link, read_query
from queue_app.domain.add import POSITIONS, add_track
from queue_app.domain.clear import clear_queue
from queue_app.domain.move import move_item
from queue_app.domain.pause import pause, resume
from queue_app.domain.remove import remove_item
from queue_app.domain.retry import retry_item
from queue_app.domain.skip import skip
from queue_app.domain.voice import join_voice, leave_voice
from queue_app.domain.volume import set_volume
from queue_app.errors import IdempotencyConflict, InvalidArguments, UnknownCommand
from queue_app.models import Player, QueueItem
from queue_app.shapes import item_shape, player_shape
from realtime.domain.answer import Answer, answer_once
from realtime.errors import Conflict, StoreNotFound
from realtime.origin import Origin

MAX_URL = 2000  # bytes: the index on `Track.uri` takes no more than 2,704 of them


@dataclass(frozen=True)
class Command:
    """`check` returns clean arguments or raises InvalidArguments; `run` is the domain function.

    What that returns, an item or player in its shape, is what REST answers.
    """

    check: Callable[[dict[str, Any]], dict[str, Any]]
    run: Callable[..., QueueItem | Player | dict[str, Any]]


MAX_KEY = 255


def command_id_of(key: str) -> str:
    """Return the command's id for an `Idempotency-Key`, empty without one. Raises InvalidArguments.

    Long keys are hashed: the log keeps 64 characters.
    """
    if key and not (len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise InvalidArguments({"Idempotency-Key": [f"At most {MAX_KEY} printable ASCII characters."]})
    return hashlib.sha256(key.encode()).hexdigest() if len(key) > 64 else key


def execute(guild_id: str, name: str, args: dict[str, Any], *, origin: Origin) -> Answer:
    """Carry a command out once (see `answer_once`). `Answer.result` is what the domain function returned.

    Raises UnknownCommand, InvalidGuildId, GuildNotFound, InvalidArguments, InvalidSettings, IdempotencyConflict,
    or what the domain function raises.
    """
    command = COMMANDS.get(name)
    if command is None:
        raise UnknownCommand
    check_guild_id(guild_id)
    try:
        clean = command.check(args)
    except (InvalidArguments, InvalidSettings):
        _require_member(guild_id, origin)  # before anything is said about the arguments
        raise

    def act() -> dict[str, Any]:
        changed = command.run(guild_id, **clean, origin=origin)
        if isinstance(changed, QueueItem):
            return item_shape(changed)
        return player_shape(changed) if isinstance(changed, Player) else changed

    try:
        return answer_once(
            f"guild:{guild_id}",
            name=name,
            args=clean,
            origin=origin,
            act=act,
            admit=lambda: _require_member(guild_id, origin),
        )
    except Conflict as error:
        raise IdempotencyConflict from error
    except StoreNotFound as error:
        raise GuildNotFound from error


def _require_member(guild_id: str, origin: Origin) -> None:
    """Raises InvalidGuildId or GuildNotFound. A domain function checks it for itself, under the store's lock."""
    if origin.user is not None and not (origin.operator or origin.vouched):
        require_member(origin.user, guild_id)


def _no_arguments(args: dict[str, Any]) -> dict[str, Any]:
    return {}


def _check_add(args: dict[str, Any]) -> dict[str, Any]:
    query, position = args.get("query"), args.get("position", "end")
    errors: dict[str, list[str]] = {}
    too_long = isinstance(query, str) and len(query) > MAX_PASTED
    wanted = read_query(query) if isinstance(query, str) and not too_long else ""
    if too_long:
        errors["query"] = [f"At most {MAX_PASTED:,} characters, and a search at most {MAX_QUERY}."]
    elif not wanted:
        errors["query"] = ["Say what to play: a search, a link or a library uri."]
    elif not _storable(wanted):
        errors["query"] = ["This is not text."]
    elif is_link(wanted) and len(wanted.encode()) > MAX_URL:
        errors["query"] = [f"A link has at most {MAX_URL} bytes."]
    elif not is_link(wanted) and len(wanted) > MAX_QUERY:
        errors["query"] = [f"At most {MAX_QUERY} characters."]
    if position not in POSITIONS:
        errors["position"] = [f"One of {', '.join(POSITIONS)}."]
    if errors:
        raise InvalidArguments(errors)
    return {"query": wanted, "position": position}


def _storable(text: str) -> bool:
    """JSON can say NUL and lone surrogates; no database can keep both."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _check_item(args: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"item_id": str(uuid.UUID(args["item_id"]))}
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidArguments({"item_id": ["This is not the id of an item."]}) from error


def _check_move(args: dict[str, Any]) -> dict[str, Any]:
    item = _check_item(args)
    try:
        after = None if args["after"] is None else str(uuid.UUID(args["after"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        sentence = "The id of the item that it should follow; null for the front."
        raise InvalidArguments({"after": [sentence]}) from error
    if after == item["item_id"]:
        raise InvalidArguments({"after": ["An item cannot follow itself."]})
    return item | {"after": after}


def _check_volume(args: dict[str, Any]) -> dict[str, Any]:
    volume = args.get("volume")
    if not isinstance(volume, int) or isinstance(volume, bool) or not 0 <= volume <= MAX_VOLUME:
        raise InvalidArguments({"volume": [f"A whole number from 0 to {MAX_VOLUME}."]})
    return {"volume": volume}


def _check_channel(args: dict[str, Any]) -> dict[str, Any]:
    channel_id = args.get("channel_id")
    if not isinstance(channel_id, str) or not channel_id.isdecimal() or len(channel_id) > 20:
        raise InvalidArguments({"channel_id": ["This is not the id of a channel."]})
    return {"channel_id": channel_id}


COMMANDS: dict[str, Command] = {
    "AddTrack": Command(_check_add, add_track),
    "RemoveItem": Command(_check_item, remove_item),
    "RetryItem": Command(_check_item, retry_item),
    "MoveItem": Command(_check_move, move_item),
    "ClearQueue": Command(_no_arguments, clear_queue),
    "Skip": Command(_no_arguments, skip),
    "Pause": Command(_no_arguments, pause),
    "Resume": Command(_no_arguments, resume),
    "JoinVoice": Command(_check_channel, join_voice),
    "LeaveVoice": Command(_no_arguments, leave_voice),
    "SetVolume": Command(_check_volume, set_volume),
    "ChangeSettings": Command(check_settings, change_settings),
}
