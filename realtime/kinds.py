"""The kinds of instances there are. Upper apps register theirs in `AppConfig.ready`."""

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
    """One event of a `push`, its form already checked.

    `args` is what the client sent, null when it sent none; `args_text` is the very text of it, empty when it sent
    none. With `seq` and `parent_seq` the push is strict: the client knows where in the log its events belong.
    `client_id` and `session_id` are the client's own names, where it says them with each event.
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

    authorize(user, key): returns when the user may read; raises StoreNotFound or Forbidden.
    push(store, key, events, origin): carry out a batch inside the caller's transaction, which holds the store's lock,
        and return every seq it appended; a refusal undoes the batch. Null: read only.
    snapshot(user, key): the state with its `(epoch, seq)`, JSON-ready. Null: there is none, so the log keeps all.
    readers(asked): of pairs `(key, id of a user)`, those whose user may read. Asked again and again for all who are
        connected, so it takes a few queries however many they are.
    create(user, key): make the instance for the first who asks for it; raises StoreNotFound. Null: made elsewhere.
    upkeep(keys): append what has changed by the passing of time alone. Called every two seconds with the instances that
        somebody here follows, so it takes one query where nothing has. Null: time changes nothing.
    gaps: a client may leave out seqs.
    grace: whoever is let in with an expired token may push.
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
        raise ValueError(f"{prefix}: is registered already")
    _kinds[prefix] = kind


def instance_named(name: str) -> str:
    """Return the instance that a client means: a name without a prefix is an `app:` store's."""
    return name if ":" in name else f"app:{name}"


def of(prefix: str) -> Kind:
    """Raises StoreNotFound."""
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
    """Call `upkeep` for these instances, each kind's together."""
    keys: dict[str, list[str]] = {}
    for instance in instances:
        prefix, _, key = instance.partition(":")
        keys.setdefault(prefix, []).append(key)
    for prefix, theirs in keys.items():
        if (kind := _kinds.get(prefix)) is not None and kind.upkeep is not None:
            kind.upkeep(theirs)
