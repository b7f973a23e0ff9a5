"""Random commands of the whole registry: possible ones, ones about items that are gone, and impossible ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from queue_app.models import Loop
from queue_app.positions import POSITIONS

Choose = Callable[[int], int]  # returns a number from 0 to below its argument

# With these weights, the queue is rarely empty.
WEIGHTS = {"AddTrack": 6, "AddTracks": 3, "Undo": 3, "Redo": 2, "MoveItem": 2, "SkipTo": 2, "RemoveItem": 2}


@dataclass
class World:
    """What a client can use in arguments. `queue` has the ids of the last snapshot, and `items` all ids ever seen."""

    uris: Sequence[str]
    channels: Sequence[str]
    people: Sequence[str]
    queue: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    head: int = 0

    def see(self, snapshot: dict[str, Any]) -> None:
        """Update from a newer snapshot."""
        self.queue = [item["id"] for item in snapshot["queue"]]
        shown = snapshot["queue"] + snapshot["failed"] + [snapshot["player"]["item"] or {}]
        new = [item["id"] for item in shown if item and item["id"] not in self.items]
        self.items += new
        self.head = snapshot["seq"]


def choose_name(choose: Choose) -> str:
    return _NAMES[choose(len(_NAMES))]


def choose_arguments(name: str, world: World, choose: Choose) -> dict[str, Any]:
    """Return arguments of the right types for a command."""
    return ARGUMENTS[name](world, choose)


def _of[T](values: Sequence[T], choose: Choose) -> T:
    return values[choose(len(values))]


def _item(world: World, choose: Choose) -> str:
    """Return the id of an item. Mostly it is queued, but it may have ended or not exist."""
    known = world.items if choose(4) == 0 or not world.queue else world.queue
    return _of(known or ["00000000-0000-4000-8000-000000000000"], choose)


def _position(world: World, choose: Choose) -> Any:
    return _of([*POSITIONS, "end", {"after": _item(world, choose)}], choose)


def _move(world: World, choose: Choose) -> dict[str, Any]:
    item, after = _item(world, choose), _of([None, _item(world, choose)], choose)
    return {"item_id": item, "after": None if after == item else after}


def _move_several(world: World, choose: Choose) -> dict[str, Any]:
    items = [_item(world, choose) for _ in range(1 + choose(3))]
    places: list[dict[str, Any]] = [{}, {"after": None}, {"after": _item(world, choose)}]
    place = _of(places, choose)
    return {"item_ids": items} | ({} if place.get("after") in items else place)


def _setting(world: World, choose: Choose) -> dict[str, Any]:
    who = ["everyone", "dj", "managers"]
    settings: list[dict[str, Any]] = [
        {"fair_order": _of([True, False], choose)},
        {_of(["may_add", "may_skip", "may_move", "may_clear"], choose): _of(who, choose)},
        {"may_add": "everyone", "may_skip": "everyone", "may_move": "everyone", "may_clear": "dj"},
        {"vote_share": choose(101), "max_per_person": _of([None, 2, 50], choose)},
        {"voice_channel_id": _of([None, *world.channels], choose), "default_volume": choose(201)},
    ]
    return _of(settings, choose)


def _nothing(world: World, choose: Choose) -> dict[str, Any]:
    return {}


def _one_item(world: World, choose: Choose) -> dict[str, Any]:
    return {"item_id": _item(world, choose)}


def _a_seq(world: World, choose: Choose) -> dict[str, Any]:
    return _of([{}, {}, {"seq": max(1, world.head - choose(12))}], choose)


ARGUMENTS: dict[str, Callable[[World, Choose], dict[str, Any]]] = {
    "AddTrack": lambda w, c: {"query": _of([*w.uris, "no such song"], c), "position": _position(w, c)},
    "AddTracks": lambda w, c: {
        "uris": [_of(w.uris, c) for _ in range(1 + c(4))],
        "position": _position(w, c),
        "shuffle": bool(c(2)),
    },
    "ChangeSettings": _setting,
    "ClearQueue": lambda w, c: {"whose": _of(["all", "mine", *w.people], c)},
    "JoinVoice": lambda w, c: {"channel_id": _of(w.channels, c)},
    "LeaveVoice": _nothing,
    "MoveItem": _move,
    "MoveItems": _move_several,
    "Pause": _nothing,
    "Previous": _nothing,
    "Redo": _a_seq,
    "RemoveAbsent": _nothing,
    "RemoveDuplicates": _nothing,
    "RemoveItem": _one_item,
    "RemoveItems": lambda w, c: {"item_ids": [_item(w, c) for _ in range(1 + c(3))]},
    "Replay": _nothing,
    "Resume": _nothing,
    "RetryItem": _one_item,
    "SaveQueue": lambda w, c: {"name": _of(["Friday", "Monday"], c), "shared": bool(c(2))},
    "Seek": lambda w, c: _of([{"position_ms": c(70_000)}, {"delta_ms": c(40_000) - 20_000}], c),
    "SetLoop": lambda w, c: {"loop": _of(Loop.values, c)},
    "SetVolume": lambda w, c: {"volume": c(201)},
    "ShuffleQueue": _nothing,
    "Skip": _nothing,
    "SkipTo": _one_item,
    "Stop": _nothing,
    "Undo": _a_seq,
}
_NAMES = [name for name in ARGUMENTS for _ in range(WEIGHTS.get(name, 1))]
