from collections.abc import AsyncIterator, Callable

import pytest

from sandbox.seed import BOT_ROLE
from sandbox.server import Sandbox
from tests.sandbox.conftest import channel_id
from tests.sandbox.peers import Peer, listening

ALL_INTENTS = 0b11_0011_0000_0111_1110_1111_1111  # of the privileged ones, only the one for members

type Grant = Callable[[int], None]


@pytest.fixture
def grant(sandbox: Sandbox) -> Grant:
    """Add these permissions to the bot's role."""

    def give(bits: int) -> None:
        sandbox.world.roles[BOT_ROLE].permissions |= bits

    return give


@pytest.fixture
def general(sandbox: Sandbox) -> str:
    """The path of the messages in #general."""
    return f"/channels/{channel_id(sandbox, 'general')}/messages"


@pytest.fixture
async def peer(sandbox: Sandbox) -> AsyncIterator[Peer]:
    """The bot's gateway connection, with all intents that it may have."""
    async with listening(sandbox, ALL_INTENTS) as listener:
        yield listener
