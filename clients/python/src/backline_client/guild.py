"""A guild's log: its events, and its commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backline_client.backoff import Backoff
from backline_client.guild_commands import GuildCommands
from backline_client.sync import Ack, NewEvent, SyncClient
from backline_client.tokens import Token


class GuildClient(SyncClient, GuildCommands):
    """A connection to a guild's log, with a method for each command.

    A command waits for the response. After a lost connection it is sent again with the same id, and the server executes
    it once. `guild_events` has the types of the events' `args`.
    """

    def __init__(self, url: str, guild_id: str, token: Token, *, backoff: Backoff | None = None) -> None:
        super().__init__(url, f"guild:{guild_id}", token, backoff=backoff)

    async def command(self, name: str, args: Mapping[str, Any] | None = None) -> Ack:
        """Run a command by its name, exactly once. Raises Refused, or ConnectionLost when the client is closed."""
        return await self.push([NewEvent(name, dict(args or {}))])
