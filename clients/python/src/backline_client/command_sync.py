"""`python -m backline_client sync`: print a log, and append to it."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from backline_client.command_lines import BadInput, print_line, read_objects
from backline_client.position import Position
from backline_client.sync import NewEvent, SyncClient


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print a log's events, one JSON object per line, until Ctrl-C. --send appends events first."
    )
    parser.add_argument(
        "--store", required=True, metavar="NAME", help="the log: todo or app:todo, guild:<id>, stream:<id>"
    )
    parser.add_argument(
        "--send", metavar="FILE", help='JSON lines {"name": …, "args": …} to push; - for standard input'
    )
    parser.add_argument("--since", type=int, default=0, metavar="SEQ", help="print events after SEQ (0: all)")
    parser.add_argument("--epoch", default="", help="the epoch of the log that --since belongs to")
    parser.add_argument("--once", action="store_true", help="stop at the head instead of waiting for more")
    parser.add_argument("--count", type=int, metavar="N", help="stop after N events")


async def run(client_options: tuple[str, str], arguments: argparse.Namespace) -> None:
    """Raises BacklineError or BadInput."""
    url, token = client_options
    async with SyncClient(url, arguments.store, token) as log:
        if arguments.send:
            async for given in read_objects(arguments.send):
                print_line({"type": "ack", **asdict(await log.push([_event(given)]))})
        seen = 0
        async for event in log.events(Position(arguments.epoch, arguments.since), live=not arguments.once):
            print_line(asdict(event))
            seen += 1
            if seen == arguments.count:
                return


def _event(given: dict[str, object]) -> NewEvent:
    name, event_id = given.get("name"), given.get("event_id")
    if not isinstance(name, str):
        raise BadInput("An event must have a `name`.")
    if event_id is None:
        return NewEvent(name, given.get("args"))
    if not isinstance(event_id, str):
        raise BadInput("`event_id` must be a string.")
    return NewEvent(name, given.get("args"), event_id)
