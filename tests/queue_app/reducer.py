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
    """Return the snapshot after one event of the log. Events it does not know change nothing but `seq`."""
    state = copy.deepcopy(snapshot)
    name, args = event["name"], event["args"]
    queue: list[dict[str, Any]] = state["queue"]
    assert event["parentSeqNum"] == state["seq"]
    state["seq"] = event["seqNum"]
    if name == "TrackAdded":
        ids = [item["id"] for item in queue]
        queue.insert(0 if args["after"] is None else ids.index(args["after"]) + 1, args["item"])
    elif name == "TrackResolved":
        state["queue"] = [args["item"] if item["id"] == args["item"]["id"] else item for item in queue]
        current = state["player"]["item"]
        if current and current["id"] == args["item"]["id"]:
            state["player"]["item"] = args["item"]
    elif name in DROPS_ITEM:
        state["queue"] = [item for item in queue if item["id"] != args["item"]["id"]]
    elif name == "TrackRequeued":
        queue.insert(0, args["item"])
    elif name == "TrackMoved":
        rest = [item for item in queue if item["id"] != args["item"]["id"]]
        ids = [item["id"] for item in rest]
        rest.insert(0 if args["after"] is None else ids.index(args["after"]) + 1, args["item"])
        state["queue"] = rest
    elif name == "QueueCleared":
        state["queue"] = [item for item in queue if item["id"] not in args["item_ids"]]
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


def comparable(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot without what runs by itself (the position, and the moment it was asked for), and without
    `can`, which a client asks for again when the settings change."""
    state = copy.deepcopy(snapshot)
    del state["player"]["position_at"], state["can"]
    if state["player"]["status"] == "playing":
        del state["player"]["position_ms"]
    return state
