"""A command-line client to try a server."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

from backline_client import command_sync, command_ws
from backline_client.command_lines import BadInput
from backline_client.errors import BacklineError
from backline_client.link import socket_url


def _server(url: str) -> str:
    try:
        socket_url(url, "")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return url


def main() -> int:
    """Return the exit code: 1 when the server refuses, 2 for invalid arguments or input, 130 on Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m backline_client", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="ws | sync")
    for name, command in (("ws", command_ws), ("sync", command_sync)):
        under = commands.add_parser(name, help=(command.__doc__ or "").partition(": ")[2])
        under.add_argument(
            "--url",
            type=_server,
            default=os.environ.get("BACKLINE_URL", "http://127.0.0.1:1337"),
            help="the server (default: BACKLINE_URL, else %(default)s)",
        )
        under.add_argument("--token", help="your token (default: SESSION_TOKEN, which `ps` does not show)")
        command.add_arguments(under)
        under.set_defaults(run=command.run)
    arguments = parser.parse_args()
    token = arguments.token or os.environ.get("SESSION_TOKEN", "")
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        asyncio.run(arguments.run((arguments.url, token), arguments))
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except BacklineError as error:
        print(error, file=sys.stderr)
        if not token:
            print("Set SESSION_TOKEN or pass --token.", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
