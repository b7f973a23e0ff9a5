"""What a client does with the events of a guild, as docs/protocol.md tells it."""

from __future__ import annotations

import copy
from typing import Any

Snapshot = dict[str, Any]

TAKES_PLAYER = {
    "TrackStarted",
    "TrackRequeued",
    "TrackFinished",
    "TrackSkipped",
    "TrackFailed",
    "PlayerPaused",
    "PlayerResumed",
    "VoiceJoined",
    "VoiceLeft",
    "VoiceChanged",
    "PlayerErrorChanged",
    "VolumeChanged",
}
DROPS_ITEM = {"TrackStarted", "TrackFinished", "TrackSkipped", "TrackFailed", "TrackRemoved"}


def reduce(snapshot: Snapshot, event: dict[str, Any]) -> Snapshot:
    """Return the snapshot after one event of the log. Events it does not know change nothing but `seq`.

    The snapshot may hold only the front of the queue: all items of it up to the rank `next`.
    """
    state = copy.deepcopy(snapshot)
    name, args = event["name"], event["args"]
    assert event["parentSeqNum"] == state["seq"]
    state["seq"] = event["seqNum"]
    state["queue_total"] = args.get("queue_total", state["queue_total"])
    if name in {"TrackAdded", "TrackMoved", "TrackRequeued"}:
        _put(state, args["item"])
    elif name == "TrackResolved":
        state["queue"] = [
            args["item"] if item["id"] == args["item"]["id"] else item for item in state["queue"]
        ]
        current = state["player"]["item"]
        if current and current["id"] == args["item"]["id"]:
            state["player"]["item"] = args["item"]
    elif name in DROPS_ITEM:
        _drop(state, args["item"]["id"])
    elif name == "QueueCleared":
        for item_id in args["item_ids"]:
            _drop(state, item_id)
    elif name == "QueueRenumbered":
        _renumber(state, dict(map(tuple, args["ranks"])))
    elif name in {"GuildUpdated", "BotInstalled", "BotRemoved"}:
        state["guild"] |= args["guild"]
    elif name == "VoiceChannelsChanged":
        state["voice_channels"] = args["voice_channels"]
    elif name == "SkipVoted":
        votes = {"votes": args["votes"], "needed": args["needed"]}
        state["skip_vote"] = votes if args["votes"] else None
    if name in {"TrackFailed", "TrackRemoved", "TrackRequeued"}:
        state["failed"] = [item for item in state["failed"] if item["id"] != args["item"]["id"]]
    if name == "TrackFailed":
        state["failed"].append(args["item"])
    if name in TAKES_PLAYER:
        before = state["player"]["item"]
        state["player"] = args["player"]
        if before and (args["player"]["item"] or {}).get("id") != before["id"]:
            state["skip_vote"] = None  # the vote was about what played then
    return state


def _drop(state: Snapshot, item_id: str) -> None:
    state["queue"] = [item for item in state["queue"] if item["id"] != item_id]
    _note_end(state)


def _put(state: Snapshot, item: dict[str, Any]) -> None:
    """Have the item stand where its rank says, if that is in the part that is held."""
    _drop(state, item["id"])
    if state["next"] is None or item["rank"] <= int(state["next"]):
        state["queue"] = sorted([*state["queue"], item], key=lambda item: item["rank"])
    _note_end(state)


def _renumber(state: Snapshot, ranks: dict[str, int]) -> None:
    """Give items new ranks, in which their order stays. What is not held stands behind all that is."""
    held = [item for item in state["queue"] if item["id"] in ranks]
    unknown = ranks.keys() - {item["id"] for item in held}
    for item in held:
        item["rank"] = ranks[item["id"]]
    if state["next"] is not None:
        reached = max([int(state["next"]), *(item["rank"] for item in held)])
        state["next"] = str(min([reached, *(ranks[item_id] - 1 for item_id in unknown)]))


def _note_end(state: Snapshot) -> None:
    if len(state["queue"]) == state["queue_total"]:
        state["next"] = None


def comparable(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without what runs by itself (the position, and the moment it was asked for), and without
    `can`, which a client asks for again when the settings change."""
    state = copy.deepcopy(snapshot)
    del state["player"]["position_at"], state["can"]
    if state["player"]["status"] == "playing":
        del state["player"]["position_ms"]
    return state
