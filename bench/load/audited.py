"""Checks the logs and tables that bench/chaos.py leaves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

Answered = tuple[str, str, int | None]  # a guild, an Idempotency-Key, the last seq of the answer


def audit(starts: dict[str, dict[str, Any]], answered: Iterable[Answered]) -> list[str]:
    """Return what is wrong in the program's database. `starts`: snapshots of guilds, from which logs are replayed."""
    wrong: list[str] = []
    for guild_id, start in starts.items():
        wrong += [f"{guild_id}: {each}" for each in _audit_guild(guild_id, start)]
    return wrong + _find_lost(answered)


def _audit_guild(guild_id: str, start: dict[str, Any]) -> list[str]:
    from queue_app.models import ItemState, Play, QueueItem
    from realtime.models import Event, Store
    from realtime.queries import read_events
    from tests.queue_app.reducer import reduce

    head = Store.objects.get(name=f"guild:{guild_id}").head
    seqs = Event.objects.filter(store__name=f"guild:{guild_id}").order_by("seq").values_list("seq", flat=True)
    if list(seqs) != list(range(1, head + 1)):
        return ["the log has gaps"]
    state, twice, started = start, [], 0
    events = [
        json.loads(event) for _, event in read_events(f"guild:{guild_id}", after=start["seq"], limit=10**6)
    ]
    for before, event in pairwise([{"name": "", "args": {}}, *events]):
        if event["name"] == "TrackStarted":
            started += 1
            if _starts_what_does_not_wait(state, before, event):
                twice.append(event["args"]["item"]["id"])
        state = reduce(state, event)
    wrong = [f"{each} was started without waiting" for each in twice]
    tables = _read_tables(guild_id)
    ids = {item["id"] for item in tables["failed"]}
    replayed = {name: state[name] for name in tables} | {
        "player": _what_is_wanted(state["player"]),
        "failed": [item for item in state["failed"] if item["id"] in ids],
    }
    wrong += [f"{name}: replayed {replayed[name]}, in the tables {tables[name]}"[:600]
              for name in tables if replayed[name] != tables[name]]  # fmt: skip
    items = QueueItem.objects.filter(guild=guild_id)
    open_plays = Play.objects.filter(guild=guild_id, ended_at=None).values_list("item", flat=True)
    if list(open_plays) != list(items.filter(state=ItemState.PLAYING).values_list("pk", flat=True)):
        wrong.append("the open plays are not of the current item")
    plays = Play.objects.filter(guild=guild_id).count()
    print(f"guild {guild_id}: {head} events, {items.count()} items, {started} starts, {plays} plays")
    return wrong


def _starts_what_does_not_wait(state: dict[str, Any], before: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether the bot started an item that did not wait. The loop starts one again that has just finished."""
    item_id = event["args"]["item"]["id"]
    by_bot = event["metadata"]["via"] == "bot" and event["metadata"].get("undoes") is None
    again = before["name"] == "TrackFinished" and before["args"]["item"]["id"] == item_id
    return by_bot and not again and item_id not in {item["id"] for item in state["queue"]}


def _what_is_wanted(player: dict[str, Any]) -> dict[str, Any]:
    """Return what does not depend on whether a bot is there."""
    return {name: player[name] for name in ("item", "volume", "loop", "voice_channel_id")}


def _read_tables(guild_id: str) -> dict[str, Any]:
    from queue_app.queries import failed_items, load_player, queued_items
    from queue_app.shapes import item_shape, player_shape, skip_vote_shape

    player, waiting = load_player(guild_id), queued_items(guild_id, limit=100_000)
    return {
        "queue": [item_shape(item) for item in waiting],
        "queue_total": player.queue_total,
        "failed": [item_shape(item) for item in failed_items(guild_id)],
        "player": _what_is_wanted(player_shape(player)),
        "skip_vote": skip_vote_shape(player),
    }


def _find_lost(answered: Iterable[Answered]) -> list[str]:
    """Return which commands were answered and are not in the log once.

    All events of a command stand next to each other. They have its key, but for those that the bot answers for.
    """
    from realtime.models import Event, Via

    logs: dict[str, dict[int, tuple[str, str]]] = {}
    by_key: dict[tuple[str, str], list[int]] = {}
    for store, seq, key, via in Event.objects.order_by("seq").values_list(
        "store__name", "seq", "command_id", "via"
    ):
        logs.setdefault(store, {})[seq] = key, via
        by_key.setdefault((store, key), []).append(seq)
    wrong = []
    for guild_id, key, last in answered:
        log, seqs = logs[f"guild:{guild_id}"], by_key.get((f"guild:{guild_id}", key), [])
        if last is None:
            whole = not seqs
        else:
            ours = {
                seq
                for seq in range(min([last, *seqs]), last + 1)
                if log[seq][0] == key or log[seq][1] == Via.BOT
            }
            whole = {last, *seqs} <= ours and len(ours) == last + 1 - min([last, *seqs])
        if not whole:
            wrong.append(f"{guild_id}: the answer of {key} says seq {last}, the log has {seqs}")
    return wrong
