"""Where a change comes from. The server fills this in; nothing of it is taken from a client's word."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import User
from realtime.models import Via


@dataclass(frozen=True)
class Origin:
    """Who asks, through which surface. `user` is null for the bot itself.

    `command_id` is the client's id of the command (empty: not repeatable). `client_timestamp` is in
    milliseconds and is only ever shown, never believed. An `operator` came through the Django admin, needs no
    membership and may do everything. For somebody `vouched` for by another process of ours a membership need not
    be known; they may do what any member may.
    """

    user: User | None
    via: Via
    auth: str = "valid"
    connection_id: str = ""
    client_id: str = ""
    session_id: str = ""
    command_id: str = ""
    client_timestamp: int | None = None
    operator: bool = False
    vouched: bool = False


BOT = Origin(user=None, via=Via.BOT)
