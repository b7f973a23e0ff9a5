"""What passes between a server and an application (ASGI specification, Connection Scope and Messages)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

# Each type of connection and of message has keys of its own, and our layers add theirs to a scope.
type Scope = dict[str, Any]
type Message = Mapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Awaitable[None]]
