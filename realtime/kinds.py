"""The kinds of instances there are. Upper apps register theirs in `AppConfig.ready`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from realtime.domain.answer import Answer
from realtime.errors import StoreNotFound
from realtime.origin import Origin


@dataclass(frozen=True)
class Pushed:
    """One event of a `push` frame, its form already checked. `args` is what the client sent."""

    event_id: str
    name: str
    args: dict[str, Any]
    client_timestamp: int | None


@dataclass(frozen=True)
class Kind:
    """What an instance prefix stands for. All callables are synchronous and may use the ORM.

    authorize(user, key): returns when the user may read; raises StoreNotFound or Forbidden.
    push(key, pushed, origin): carry out one command inside the caller's transaction; null: read only.
    snapshot(user, key): the state with its `(epoch, seq)`, JSON-ready.
    principals(key): ids of the users who may read.
    """

    authorize: Callable[[User, str], None]
    push: Callable[[str, Pushed, Origin], Answer] | None
    snapshot: Callable[[User, str], dict[str, Any]] | None
    principals: Callable[[str], Iterable[int]]


_kinds: dict[str, Kind] = {}


def register(prefix: str, kind: Kind) -> None:
    if prefix in _kinds:
        raise ValueError(f"{prefix}: is registered already")
    _kinds[prefix] = kind


def find(instance: str) -> tuple[Kind, str]:
    """Return the kind of `prefix:key` and the key. Raises StoreNotFound."""
    prefix, _, key = instance.partition(":")
    kind = _kinds.get(prefix)
    if kind is None or not key:
        raise StoreNotFound
    return kind, key


def registered() -> list[str]:
    return sorted(_kinds)
