"""Who asks for a command in Discord, with an interaction or with a message in a request channel."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import nextcord
from django.utils.functional import Promise


class Asker(Protocol):
    """A person in a guild who is told the outcome of a command.

    `command_id` makes repeated deliveries idempotent. If `quiet`, success needs no reply. `change` is set to the
    primary key of what the command changed, if that can be undone.
    """

    change: int | None

    @property
    def quiet(self) -> bool: ...
    @property
    def command_id(self) -> str: ...
    @property
    def guild_id(self) -> int | None: ...
    @property
    def channel_id(self) -> int | None: ...
    @property
    def guild(self) -> nextcord.Guild | None: ...
    @property
    def user(self) -> nextcord.User | nextcord.Member | None: ...

    @property
    def age(self) -> float:
        """Seconds since the person asked, from Discord's clock to ours."""

    def own_language(self, *, when: bool = True) -> AbstractContextManager[None]:
        """Return a context in which text is in the language of what only this person is told, if `when`."""

    async def reply(
        self,
        content: str | Promise | None = None,
        *,
        embed: nextcord.Embed | None = None,
        picture: Path | None = None,
        private: bool | None = None,
    ) -> None:
        """Send the answer. Raises nothing."""

    async def add(self, embed: nextcord.Embed) -> None:
        """Send another message after the answer, to this person. Raises nothing."""
