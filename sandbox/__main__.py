"""Run the sandbox on its own until it is interrupted: `python -m sandbox --data-dir DIR --port 1339`."""

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path

from sandbox.server import Sandbox


async def run(sandbox: Sandbox) -> None:
    await sandbox.start()
    print(f"Sandbox Discord at {sandbox.url}", flush=True)
    print(f"DISCORD_CLIENT_ID={sandbox.credentials.client_id}", flush=True)
    print(
        f"The secret and the bot token are in {sandbox.world.path.with_name('credentials.json')}", flush=True
    )
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    await sandbox.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=1339)
    parser.add_argument("--redirect-uri", action="append", default=[], help="may be given more than once")
    arguments = parser.parse_args()
    if os.environ.get("ENVIRONMENT") == "production":
        parser.error("the sandbox is for development; ENVIRONMENT is production")
    logging.basicConfig(level=logging.INFO)
    sandbox = Sandbox(data_dir=arguments.data_dir, port=arguments.port, redirect_uris=arguments.redirect_uri)
    asyncio.run(run(sandbox))


if __name__ == "__main__":
    main()
