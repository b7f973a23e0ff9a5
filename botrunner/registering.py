"""Registers the slash commands with Discord."""

from __future__ import annotations

import logging
from typing import Any

from nextcord.ext import commands

log = logging.getLogger(__name__)

# What Discord adds to a command by itself.
ADDED = frozenset({"id", "application_id", "version", "dm_permission", "integration_types"})


async def register_commands(bot: commands.Bot, *, write: bool) -> None:
    """Compare the bot's commands with those that Discord has, and learn their ids.

    If they differ and `write` is set, all are replaced in one request, and Discord keeps the ids of equal names
    (Application Commands, Bulk Overwrite Global Application Commands). nextcord would send a request for each command.
    It would also do so at every start for those with options, because Discord leaves out what is null.
    """
    bot.add_all_application_commands()
    ours = {(each.name, each.type.value): each for each in bot.get_all_application_commands()}
    assert bot.application_id is not None  # READY contains it
    theirs = _by_key(await bot.http.get_global_commands(bot.application_id))
    wanted: dict[Any, Any] = {key: command.get_payload(None) for key, command in ours.items()}
    if write and _significant(wanted) != _significant(theirs):
        theirs = _by_key(
            await bot.http.bulk_upsert_global_commands(bot.application_id, list(wanted.values()))
        )
        log.info("Registered %s application commands", len(wanted))
    for key in ours.keys() & theirs.keys():
        ours[key].parse_discord_response(bot._connection, theirs[key])
        bot.add_application_command(ours[key], use_rollout=True)


def _by_key(found: list[Any]) -> dict[Any, Any]:
    return {(each["name"], each.get("type", 1)): each for each in found}


def _significant(value: object) -> object:
    """Return a part of a command without what is empty, and without what Discord adds."""
    if isinstance(value, dict):
        return {
            key: _significant(each)
            for key, each in value.items()
            if key not in ADDED and each is not None and each is not False and each not in ([], {})
        }
    return [_significant(each) for each in value] if isinstance(value, list) else value
