"""Where a change comes from. The server decides this, not the client."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import User
from realtime.models import Via


@dataclass(frozen=True)
class Origin:
    """Who asks, and through which surface. `user` is None for the bot itself.

    `command_id` is the client's id of the command (empty: not repeatable). `client_timestamp` is in milliseconds; it
    is shown but never trusted. An `operator` uses the Django admin, needs no membership and may do everything. If
    `vouched`, another process of ours confirms the user: they may do what any member may, even without a membership
    row. `undoes` and `redoes` are the first seq of the change that is undone or redone. `change` is the first seq of
    the command that runs.
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
    undoes: int | None = None
    redoes: int | None = None
    change: int | None = None


BOT = Origin(user=None, via=Via.BOT)
