"""The command core: every change that a person can make, by its name, for all surfaces.

Each file here declares a command (see `queue_app/domain/command.py`). Without further code, REST and `/sync` offer it,
and it is part of the OpenAPI document, docs/protocol.md and the types of the clients. All surfaces, also slash
commands, only translate requests and answers, and call `execute`.
"""

from __future__ import annotations

import dataclasses
import pkgutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import Any

from accounts.errors import InvalidInput
from guilds.errors import GuildNotFound
from guilds.permissions import check_guild_id, require_member
from queue_app.domain.command import Command, command_classes
from queue_app.domain.guild_state import open_guild, opened
from queue_app.domain.pace import paced
from queue_app.domain.undo import one_change
from queue_app.errors import IdempotencyConflict, UnknownCommand
from queue_app.models import Player, QueueItem
from queue_app.shapes import item_shape, player_shape
from realtime.domain.answer import Answer, answer_once
from realtime.errors import Conflict, StoreNotFound
from realtime.origin import Origin


def _find_commands() -> dict[str, type[Command]]:
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return {command.__name__: command for command in sorted(command_classes(), key=lambda c: c.__name__)}


COMMANDS = _find_commands()


def execute(guild_id: str, name: str, args: dict[str, Any], *, origin: Origin) -> Answer:
    """Run a command once (see `answer_once`), in a transaction that locks the guild's store.

    `Answer.result` is what the command returned, with items and players in their shapes. Raises InvalidGuildId,
    GuildNotFound, UnknownCommand, InvalidInput, IdempotencyConflict, and what the command raises.
    """
    if origin.user is not None:
        check_guild_id(guild_id)  # the bot's ids come from Discord
    command = COMMANDS.get(name)
    if command is None:
        _require_member(guild_id, origin)  # others get GuildNotFound, for any name
        raise UnknownCommand
    try:
        clean = command.check(args)
    except InvalidInput:
        with opened(guild_id, origin=origin) as state:
            command.right.check(state)  # a missing right is reported before invalid arguments
        raise

    def act() -> dict[str, Any]:
        state = open_guild(guild_id, origin=origin)
        command.right.check(state)
        pace = paced(state, reads_queue=command.reads_queue) if command.many else nullcontext()
        with pace, one_change(state):
            changed = command.run(state, **clean)
        return _shape(changed)

    return _once(guild_id, name, clean, act, origin=origin)


def execute_together(
    guild_id: str, commands: Sequence[tuple[str, dict[str, Any]]], *, origin: Origin
) -> Answer:
    """Run several commands in turn, all or none of them. The command id of `origin` covers all of them together.

    `Answer.result` is the result of the last one. Raises what `execute` raises.
    """
    check_guild_id(guild_id)
    each = dataclasses.replace(origin, command_id="")

    def act() -> object:
        result = None
        for name, args in commands:
            result = execute(guild_id, name, args, origin=each).result
        return result

    return _once(guild_id, "Together", {"commands": commands}, act, origin=origin)


def _once(
    guild_id: str, name: str, args: dict[str, Any], act: Callable[[], object], *, origin: Origin
) -> Answer:
    try:
        return answer_once(
            f"guild:{guild_id}",
            name=name,
            args=args,
            origin=origin,
            act=act,
            admit=lambda: _require_member(guild_id, origin),
        )
    except Conflict as error:
        raise IdempotencyConflict from error
    except StoreNotFound as error:
        raise GuildNotFound from error


def _shape(changed: QueueItem | Player | dict[str, Any]) -> dict[str, Any]:
    if isinstance(changed, QueueItem):
        return item_shape(changed)
    return player_shape(changed) if isinstance(changed, Player) else changed


def _require_member(guild_id: str, origin: Origin) -> None:
    """Raises GuildNotFound. `open_guild` checks this again, under the store's lock."""
    if origin.user is not None and not (origin.operator or origin.vouched):
        require_member(origin.user, guild_id)
