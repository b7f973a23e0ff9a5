"""The table in docs/protocol.md with the reasons why a player is not heard."""

from __future__ import annotations

from queue_app.player_states import SILENCES, WAIT, Way


def silences_table() -> str:
    lines = ["| `error.code` | `status` | `detail` | what helps |\n", "| --- | --- | --- | --- |\n"]
    for code, silence in SILENCES.items():
        ways = ", ".join(map(_way, silence.ways))
        lines.append(f"| `{code}` | `{silence.status}` | {silence.sentence} | {ways} |\n")
    return "".join(lines)


def _way(way: Way) -> str:
    if way.command:
        return f"`{way.command}`"
    return way.what.lower() if way is WAIT else f"{way.what.lower()} ({way.who})"
