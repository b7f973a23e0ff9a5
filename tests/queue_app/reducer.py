"""A client's reducer for the events of a guild, as described in docs/protocol.md."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from alerts import events as alerts
from guilds import events as guilds
from library import events as library
from queue_app import events as queue
from realtime.events import TypedEvent

Snapshot = dict[str, Any]

Args = dict[str, Any]


def reduce(snapshot: Snapshot, event: dict[str, Any]) -> Snapshot:
    """Return the snapshot after one event of the log. Unknown events change only `seq`.

    The snapshot may contain only the front of the queue, which is all items up to the rank `next`.
    """
    state = snapshot | {
        "player": dict(snapshot["player"]),
        "queue": [dict(item) for item in snapshot["queue"]],
    }
    name, args = event["name"], event["args"]
    assert event["parentSeqNum"] == state["seq"]
    state["seq"] = event["seqNum"]
    state["queue_total"] = args.get("queue_total", state["queue_total"])
    for step in next((steps for each, steps in STEPS.items() if each.__name__ == name), ()):
        step(state, args)
    if len(state["queue"]) == state["queue_total"]:
        state["next"] = None  # the queue is complete
    return state


# --- Steps ---


def _insert(state: Snapshot, args: Args) -> None:
    _put(state, args["item"])


def _insert_all(state: Snapshot, args: Args) -> None:
    for item in args["items"]:
        _put(state, item)


def _shuffle(state: Snapshot, args: Args) -> None:
    """Sort by the new ranks. Remove items that are now behind an item that is not loaded."""
    ranks = dict(map(tuple, args["ranks"]))
    held = {item["id"] for item in state["queue"]}
    for item in state["queue"]:
        item["rank"] = ranks.get(item["id"], item["rank"])
    if state["next"] is not None:
        reached = min([int(state["next"]), *(rank - 1 for pk, rank in ranks.items() if pk not in held)])
        state["queue"] = [item for item in state["queue"] if item["rank"] <= reached]
        state["next"] = str(reached)
    state["queue"].sort(key=lambda item: item["rank"])


def _replace(state: Snapshot, args: Args) -> None:
    item = args["item"]
    state["queue"] = [item if other["id"] == item["id"] else other for other in state["queue"]]
    current = state["player"]["item"]
    if current and current["id"] == item["id"]:
        state["player"]["item"] = item


def _leave(state: Snapshot, args: Args) -> None:
    _drop(state, args["item"]["id"])


def _leave_failed(state: Snapshot, args: Args) -> None:
    state["failed"] = [item for item in state["failed"] if item["id"] != args["item"]["id"]]


def _fail(state: Snapshot, args: Args) -> None:
    _leave_failed(state, args)
    state["failed"] = sorted([*state["failed"], args["item"]], key=lambda item: item["ended_at"])


def _clear(state: Snapshot, args: Args) -> None:
    for item_id in args["item_ids"]:
        _drop(state, item_id)


def _give_ranks(state: Snapshot, args: Args) -> None:
    _renumber(state, dict(map(tuple, args["ranks"])))


def _vote(state: Snapshot, args: Args) -> None:
    state["skip_vote"] = {"votes": args["votes"], "needed": args["needed"]} if args["votes"] else None


def _take_player(state: Snapshot, args: Args) -> None:
    before = state["player"]["item"]
    state["player"] = args["player"]
    if before and (args["player"]["item"] or {}).get("id") != before["id"]:
        state["skip_vote"] = None  # the vote was about the earlier item


def _take_guild(state: Snapshot, args: Args) -> None:
    state["guild"] = state["guild"] | args["guild"]


def _take_voice_channels(state: Snapshot, args: Args) -> None:
    state["voice_channels"] = args["voice_channels"]


STEPS: dict[type[TypedEvent], tuple[Callable[[Snapshot, Args], None], ...]] = {
    queue.TrackAdded: (_insert,),
    queue.TracksAdded: (_insert_all,),
    queue.TrackResolved: (_replace,),
    queue.TrackStarted: (_leave, _take_player),
    queue.TrackRequeued: (_insert, _leave_failed, _take_player),
    queue.TrackFinished: (_leave, _take_player),
    queue.TrackSkipped: (_leave, _take_player),
    queue.TrackFailed: (_leave, _fail, _take_player),
    queue.TrackRemoved: (_leave, _leave_failed),
    queue.ListOpened: (_leave,),
    queue.TrackMoved: (_insert,),
    queue.TracksRemoved: (_clear,),
    queue.TracksSkipped: (_clear,),
    queue.QueueCleared: (_clear,),
    queue.QueueShuffled: (_shuffle,),
    queue.TracksMoved: (_shuffle,),
    queue.QueueRenumbered: (_give_ranks,),
    queue.QueueSaved: (),
    queue.SkipVoted: (_vote,),
    queue.PlayerPaused: (_take_player,),
    queue.PlayerResumed: (_take_player,),
    queue.VolumeChanged: (_take_player,),
    queue.LoopChanged: (_take_player,),
    queue.PlayerSeeked: (_take_player,),
    queue.VoiceJoined: (_take_player,),
    queue.VoiceLeft: (_take_player,),
    queue.VoiceChanged: (_take_player,),
    queue.PlayerErrorChanged: (_take_player,),
    guilds.GuildUpdated: (_take_guild,),
    guilds.BotInstalled: (_take_guild,),
    guilds.BotRemoved: (_take_guild,),
    guilds.VoiceChannelsChanged: (_take_voice_channels,),
    guilds.SettingsChanged: (),
    guilds.RightsChanged: (),
    library.PlaylistCreated: (),
    library.PlaylistChanged: (),
    library.PlaylistDeleted: (),
    alerts.AlertRuleAdded: (),
    alerts.AlertRuleChanged: (),
    alerts.AlertRuleRemoved: (),
}


# --- The queue ---


def _drop(state: Snapshot, item_id: str) -> None:
    state["queue"] = [item for item in state["queue"] if item["id"] != item_id]


def _put(state: Snapshot, item: dict[str, Any]) -> None:
    """Insert the item by its rank, if that is in the loaded part of the queue."""
    _drop(state, item["id"])
    if state["next"] is None or item["rank"] <= int(state["next"]):
        state["queue"] = sorted([*state["queue"], item], key=lambda item: item["rank"])


def _renumber(state: Snapshot, ranks: dict[str, int]) -> None:
    """Set new ranks, which keep the order of items. Items that are not loaded are behind all loaded ones."""
    held = [item for item in state["queue"] if item["id"] in ranks]
    unknown = ranks.keys() - {item["id"] for item in held}
    for item in held:
        item["rank"] = ranks[item["id"]]
    if state["next"] is not None:
        reached = max([int(state["next"]), *(item["rank"] for item in held)])
        state["next"] = str(min([reached, *(ranks[item_id] - 1 for item_id in unknown)]))


def comparable(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without the running position and its time, and without `can`.

    Clients fetch `can` again when the settings change.
    """
    state = copy.deepcopy(snapshot)
    del state["player"]["position_at"], state["can"]
    if state["player"]["status"] == "playing":
        del state["player"]["position_ms"]
    return state
