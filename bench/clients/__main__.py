"""Bots with other libraries on the sandbox: `python -m bench.clients [discord.py …] [--log]`.

Each unmodified library is installed into a folder under var/clients/ (a virtual environment, or packages of npm). Its
bot (bench/clients/programs/) then runs on a new sandbox. The columns of the table say whether the bot

- ready: logged in;
- post: responded to a slash command, sent a message with a file and an embed, and added a reaction;
- tour: edited, pinned and bulk-deleted messages, created and deleted roles and channels, and changed nicknames;
- heard: was heard in voice, with the right tone and end-to-end encrypted;
- moved: was heard again in another channel, after a move within seconds of connecting;
- left: left voice.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench.clients.libraries import LIBRARIES, Library, Unavailable
from bench.clients.stage import Results, run, steps
from sandbox.server import Sandbox

COLUMNS = ("ready", "post", "tour", "heard", "moved", "left")


async def try_out(library: Library) -> Results:
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(data_dir=Path(folder) / "sandbox", port=0)
        await sandbox.start()
        try:
            return await run(library, sandbox, Path(folder))
        finally:
            await sandbox.stop()


def row(library: Library, results: Results) -> str:
    cells = []
    for name in COLUMNS:
        applies = name in steps(library)
        cells.append("-" if not applies else "no" if results.get(name, "not tried") else "yes")
    words = [f"{library.name:<12}{library.version():<10}", *(f"{cell:<7}" for cell in cells)]
    return "".join([*words, f"{results['requests']:>9}{len(results['refused']):>9}"])


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.clients",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [library.name for library in LIBRARIES]
    parser.add_argument("names", nargs="*", metavar="library", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--log", action="store_true", help="print what each bot printed")
    options = parser.parse_args(argv)
    if unknown := set(options.names) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    failed = False
    header = [f"{'library':<12}{'version':<10}", *(f"{name:<7}" for name in COLUMNS)]
    print("".join([*header, f"{'requests':>9}{'refused':>9}"]))
    for library in LIBRARIES:
        if options.names and library.name not in options.names:
            continue
        try:
            library.fetch()
        except Unavailable as error:
            print(f"{library.name:<12}skipped: {error}")
            continue
        results = asyncio.run(try_out(library))
        print(row(library, results))
        for name in COLUMNS:
            if results.get(name):
                failed = True
                print(f"  {name}: {results[name]}")
        for answer in results["refused"]:
            print(f"  refused: {answer}")
        if options.log or any(results.get(name) for name in COLUMNS):
            print("\n".join(f"  | {line}" for line in results["log"]))
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
