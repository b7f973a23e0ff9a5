"""Whom a stream may be shared with besides single persons. guilds/ registers what it knows about members."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from accounts.models import User

# {user id: {guild id: role ids}}
Belonging = Mapping[int, Mapping[str, Iterable[str]]]


@dataclass(frozen=True)
class Audience:
    """What is known about guilds. All callables are synchronous and may use the ORM.

    belonging(user_ids, guild_ids): who of these is in which of these guilds, with which roles; null: all guilds.
    check(user, guild_id, role_id): returns when the user may share with them; raises an error with code and status.
    """

    belonging: Callable[[Iterable[int], Iterable[str] | None], Belonging]
    check: Callable[[User, str, str], None]


_audience: Audience | None = None


def register(audience: Audience) -> None:
    global _audience
    if _audience is not None:
        raise ValueError("an audience is registered already")
    _audience = audience


def get_audience() -> Audience:
    """Raises RuntimeError where no app registered one."""
    if _audience is None:
        raise RuntimeError("no app has said who is in which guild")
    return _audience
