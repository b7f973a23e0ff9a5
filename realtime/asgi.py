"""Types of what a server and an application exchange (ASGI specification, Connection Scope and Messages)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

# Each connection type and message type has its own keys, and our layers add keys to a scope.
type Scope = dict[str, Any]
type Message = Mapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Awaitable[None]]
