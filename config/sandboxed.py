"""Run the sandbox inside a process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.conf import settings


@asynccontextmanager
async def sandbox_running() -> AsyncIterator[None]:
    """Run the sandbox during the block, if there are no credentials for the real Discord."""
    if not settings.SANDBOX:
        yield
        return
    from sandbox.server import Sandbox

    sandbox = Sandbox(
        data_dir=settings.SANDBOX_DIR,
        port=settings.SANDBOX_PORT,
        redirect_uris=[settings.DISCORD_REDIRECT_URI],
    )
    await sandbox.start()
    try:
        yield
    finally:
        await sandbox.stop()
