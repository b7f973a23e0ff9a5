"""The cost of changes to the queue: `python -m bench.queue [inside] [wholes] [sqlite] [postgres]`, with `--acts 40` and
`--adds 300`.

*inside*: this process calls the program's ASGI application with 10, 1,000 and 10,000 items in the queue. It measures
queries, rows returned to the program, thousands of SQLite's instructions, and CPU milliseconds of each act and of its
undo: while a track plays, while nobody is in voice, in fair order, and after an item after which 25 others were
inserted. Reference: with 10,000 items at most 1.5 times the cost with 10, and no more rows. An add takes at most 9
queries while a track plays, 10 while none does, and 8 ms.

Clearing, shuffling, removing duplicates, removing tracks of absent people, and undoing these may read the whole queue.
Reference: 1 s each, with 10,000 items. Adding 1,000 tracks at once takes at most 2 s, and 1 s if people take turns.

CPU milliseconds are those of the machine on which these bounds were set (see `Meter.measure`). The last line says how
much longer this machine took.

*wholes*: an album, an artist, a folder, a playlist, favorites and a link to an M3U, of 1,000 tracks each, are added to
a queue of 10,000, and undone. Reference: 2 s.

*sqlite*, *postgres*: the whole program, as with `make run`, over HTTP. It measures adds a second and their latency with
1 and 4 writers, CPU per add with 10 and 10,000 items, and how long a skip takes alone and right after an add.
Reference: 10 ms of CPU, 100 adds/s on SQLite and 90 on PostgreSQL with four writers, p99 100 ms.
"""

from __future__ import annotations

import argparse
import os

from bench.load.processes import allow_files
from bench.queue.inside import SIZES, measure_inside
from bench.queue.whole import measure_whole
from bench.queue.wholes import measure_wholes


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], "inside", "wholes", "sqlite", "postgres"])
    parser.add_argument("--acts", type=int, default=40)
    parser.add_argument("--adds", type=int, default=300)
    options = parser.parse_args(argv)
    parts = options.parts or ["inside", "wholes", "sqlite", "postgres"]
    allow_files()
    os.environ["QUEUE_MAX_ITEMS"] = str(2 * SIZES[-1])
    for part in ("sqlite", "postgres"):
        if part in parts:
            measure_whole(part, options.adds)
    if "inside" in parts:
        measure_inside(options.acts)
    if "wholes" in parts:
        measure_wholes()


if __name__ == "__main__":
    main()
