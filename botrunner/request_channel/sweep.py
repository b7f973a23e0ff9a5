"""Find what a killed process left in a request channel: requests that are queued, and outdated replies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import nextcord

from accounts.discord import DiscordObject
from accounts.discord_messages import fetch_messages
from accounts.errors import DiscordError
from botrunner.request_channel.replies import SUPPRESS_NOTIFICATIONS
from botrunner.request_channel.request import command_id_of, is_written
from botrunner.request_channel.rows import missing_to_remove
from realtime.models import Command

DELETABLE = timedelta(days=13)  # Discord deletes no older messages together


@dataclass
class Leftovers:
    """Ids of messages to remove: queued requests, and refusals with the requests that they answer."""

    queued: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def recent_messages(channel_id: str) -> list[DiscordObject]:
    """Return the last messages of a channel, empty if Discord does not return them: the next process looks again."""
    try:
        return [each for each in fetch_messages(channel_id) if _age(each) < DELETABLE]
    except DiscordError:
        return []


def find_leftovers(
    guild_id: str, channel_id: str, recent: Iterable[DiscordObject], *, bot_id: str
) -> Leftovers:
    """Look through the last messages of a request channel.

    Messages that were written while no bot ran are neither queued nor answered, so they stay.
    """
    found, recent = Leftovers(), list(recent)
    people = [each for each in recent if is_written(each)]
    if not missing_to_remove(guild_id, channel_id):
        found.queued = _queued(guild_id, people)
    ours = [each for each in recent if each["author"]["id"] == bot_id and _is_answer(each)]
    found.answers = [str(each["id"]) for each in ours]
    about = {str((each.get("message_reference") or {}).get("message_id")) for each in ours}
    found.refused = [str(each["id"]) for each in people if str(each["id"]) in about]
    return found


def _is_answer(payload: DiscordObject) -> bool:
    """Whether one of the bot's own messages is a refusal, or says that a track failed. Cards have buttons."""
    silent = int(payload.get("flags") or 0) & SUPPRESS_NOTIFICATIONS
    about = payload.get("message_reference") or payload.get("embeds")
    return bool(silent and about and not payload.get("components"))


def _queued(guild_id: str, messages: Iterable[DiscordObject]) -> list[str]:
    """Return the ids of the messages that were carried out as commands, oldest first."""
    by_command = {command_id_of(str(each["id"])): str(each["id"]) for each in messages}
    authors = {str(each["author"]["id"]) for each in messages}
    known = Command.objects.filter(
        store__name=f"guild:{guild_id}", actor__discord_id__in=authors, command_id__in=by_command
    )
    return sorted((by_command[each] for each in known.values_list("command_id", flat=True)), key=int)


def _age(payload: DiscordObject) -> timedelta:
    return nextcord.utils.utcnow() - nextcord.utils.snowflake_time(int(payload["id"]))
