"""Find faults in a log."""

from __future__ import annotations

from collections.abc import Iterator

from realtime import json_text, kinds
from realtime.errors import StoreNotFound
from realtime.models import Event, Store


def find_faults(store: Store) -> Iterator[str]:
    """Yield a sentence for each fault of a log in its chain, gaps, head or args. Reads the log once, row by row."""
    try:
        gaps = kinds.find(store.name)[0].gaps
    except StoreNotFound:
        yield "its prefix is unknown"
        gaps = True
    before = store.pruned_through
    rows = Event.objects.filter(store=store).order_by("seq").values_list("seq", "parent_seq", "args")
    for seq, parent_seq, args in rows.iterator(chunk_size=1000):
        if parent_seq != before:
            yield f"event {seq} follows {parent_seq}, but the event before it is {before}"
        if seq <= parent_seq:
            yield f"event {seq} does not come after its parent {parent_seq}"
        if not gaps and seq != before + 1:
            yield f"events are missing between {before} and {seq}"
        if not (args or gaps) or not _is_json(args):
            yield f"the args of event {seq} are not JSON"
        before = seq
    if store.head != before:
        yield f"the head is {store.head}, but the last event is {before}"


def _is_json(text: str) -> bool:
    if text:
        try:
            json_text.parse(text)
        except ValueError:
            return False
    return True
