"""The table in docs/protocol.md with the transitions between the states of an item."""

from __future__ import annotations

from queue_app.models import MOVES


def states_table() -> str:
    lines = ["| from | to | by |\n", "| --- | --- | --- |\n"]
    for state, moves in MOVES.items():
        lines += [f"| `{state}` | `{to}` | {who} |\n" for to, who in moves.items()]
    return "".join(lines)
