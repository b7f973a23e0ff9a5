"""The registry of instance kinds. Upper apps register theirs in `AppConfig.ready`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from accounts.models import User
from realtime.errors import StoreNotFound
from realtime.models import Store
from realtime.origin import Origin

Reader = tuple[str, int]  # the key of an instance, the id of a user


@dataclass(frozen=True)
class Pushed:
    """One event of a `push`, already validated.

    `args` is the value that the client sent, None if it sent none. `args_text` is its exact text, empty if it sent
    none. With `seq` and `parent_seq` the push is strict: the client sets the place of its events in the log.
    `client_id` and `session_id` are the client's own names, if it sends them with each event.
    """

    event_id: str
    name: str
    args: object
    client_timestamp: int | None = None
    args_text: str = ""
    seq: int | None = None
    parent_seq: int | None = None
    client_id: str = ""
    session_id: str = ""


@dataclass(frozen=True)
class Kind:
    """What an instance prefix stands for. All callables are synchronous and may use the ORM.

    authorize(user, key): return if the user may read. Raises StoreNotFound or Forbidden.
    push(store, key, events, origin): apply a batch inside the caller's transaction, which holds the store's lock, and
        return every seq that it appended. A refusal rolls the batch back. None: the log is read-only.
    snapshot(user, key): return the state with its `(epoch, seq)`, JSON-ready. None: no snapshot, so the log keeps all.
    readers(asked): of pairs `(key, user id)`, return those whose user may read. The poll calls it for everybody who is
        connected, so it must use a fixed number of queries.
    create(user, key): create the instance for the first caller. Raises StoreNotFound. None: created elsewhere.
    upkeep(keys): append changes that only the passing of time causes. Called every two seconds with the instances
        followed in this process, so it must use one query when nothing has changed. None: time changes nothing.
    gaps: seqs may have gaps.
    grace: a caller whose token has expired may push during the grace.
    """

    authorize: Callable[[User, str], None]
    push: Callable[[Store, str, list[Pushed], Origin], list[int]] | None
    snapshot: Callable[[User, str], dict[str, object]] | None
    readers: Callable[[Collection[Reader]], set[Reader]]
    create: Callable[[User, str], None] | None = None
    upkeep: Callable[[Collection[str]], None] | None = None
    gaps: bool = False
    grace: bool = False


_kinds: dict[str, Kind] = {}


def register(prefix: str, kind: Kind) -> None:
    if prefix in _kinds:
        raise ValueError(f"the prefix {prefix}: is already registered")
    _kinds[prefix] = kind


def instance_named(name: str) -> str:
    """Return the instance that a client means. A name without a prefix belongs to an `app:` store."""
    return name if ":" in name else f"app:{name}"


def of(prefix: str) -> Kind:
    """Return the kind of a prefix. Raises StoreNotFound."""
    kind = _kinds.get(prefix)
    if kind is None:
        raise StoreNotFound
    return kind


def find(instance: str) -> tuple[Kind, str]:
    """Return the kind of `prefix:key` and the key. Raises StoreNotFound."""
    prefix, _, key = instance.partition(":")
    if not key:
        raise StoreNotFound
    return of(prefix), key


def keep_up(instances: Iterable[str]) -> None:
    """Call `upkeep` once per kind with the keys of these instances."""
    keys: dict[str, list[str]] = {}
    for instance in instances:
        prefix, _, key = instance.partition(":")
        keys.setdefault(prefix, []).append(key)
    for prefix, theirs in keys.items():
        if (kind := _kinds.get(prefix)) is not None and kind.upkeep is not None:
            kind.upkeep(theirs)
