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
    print(f"The sandbox runs at {sandbox.url}", flush=True)
    print(f"DISCORD_CLIENT_ID={sandbox.credentials.client_id}", flush=True)
    print(f"Client secret and bot token: {sandbox.world.path.with_name('credentials.json')}", flush=True)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    await sandbox.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder for the sandbox's state")
    parser.add_argument("--port", type=int, default=1339, help="port on 127.0.0.1")
    parser.add_argument(
        "--redirect-uri", action="append", default=[], help="allowed redirect URI, may be repeated"
    )
    arguments = parser.parse_args()
    if os.environ.get("ENVIRONMENT") == "production":
        parser.error("the sandbox does not run with ENVIRONMENT=production")
    logging.basicConfig(level=logging.INFO)
    sandbox = Sandbox(data_dir=arguments.data_dir, port=arguments.port, redirect_uris=arguments.redirect_uri)
    asyncio.run(run(sandbox))


if __name__ == "__main__":
    main()
