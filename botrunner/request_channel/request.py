"""A message in a request channel, as something that a person asks for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import nextcord
from django.utils import translation
from django.utils.functional import Promise

from accounts.discord import DiscordObject

# Discord: Message Types. All others are system messages.
DEFAULT, REPLY = 0, 19


def is_from_person(payload: DiscordObject) -> bool:
    """Whether a member of the guild wrote a message. `payload`: Discord's Message Create."""
    return "member" in payload and is_written(payload)


def is_written(payload: DiscordObject) -> bool:
    """Whether a person wrote a message, not a bot, a webhook or Discord. `payload`: Discord's Message."""
    written = payload.get("type") in (DEFAULT, REPLY)
    return written and not payload.get("webhook_id") and not payload["author"].get("bot")


def command_id_of(message_id: str) -> str:
    """Return the id of the command that a message stands for."""
    return f"message-{message_id}"


class Request:
    """One message of one person.

    Everybody reads what is told here, so it is in the guild's language. `refusals` is what must be told: a message
    cannot be answered to its author only.
    """

    quiet = True

    def __init__(
        self,
        payload: DiscordObject,
        *,
        member: nextcord.Member,
        language: str,
        say: Callable[[nextcord.Embed], None],
    ) -> None:
        self.payload = payload
        self.id = int(payload["id"])
        self.user = member
        self.guild = member.guild
        self.guild_id: int = member.guild.id
        self.channel_id = int(payload["channel_id"])
        self.language = language
        self.refusals: list[str] = []
        self.change: int | None = None
        self._say = say

    @property
    def command_id(self) -> str:
        return command_id_of(str(self.id))

    @property
    def age(self) -> float:
        return (nextcord.utils.utcnow() - nextcord.utils.snowflake_time(self.id)).total_seconds()

    def __str__(self) -> str:
        return f"Guild {self.guild_id}: request (message {self.id})"

    def own_language(self, *, when: bool = True) -> AbstractContextManager[None]:
        return translation.override(self.language) if when else nullcontext()

    async def reply(
        self,
        content: str | Promise | None = None,
        *,
        embed: nextcord.Embed | None = None,
        picture: Path | None = None,
        private: bool | None = None,
    ) -> None:
        with self.own_language():
            if content is not None:
                self.refusals.append(str(content))

    async def add(self, embed: nextcord.Embed) -> None:
        self._say(embed)

    def text(self, bot_id: int) -> str:
        """Return the message's text without mentions of the bot."""
        content = str(self.payload.get("content") or "")
        for mention in (f"<@{bot_id}>", f"<@!{bot_id}>"):
            content = content.replace(mention, " ")
        return content.strip()


def member_of(payload: DiscordObject, guild: nextcord.Guild) -> nextcord.Member:
    """Return the author of a message, with the roles that the message says."""
    data: Any = payload["member"] | {"user": payload["author"]}  # as Discord sends it, unchecked
    return nextcord.Member(data=data, guild=guild, state=guild._state)
