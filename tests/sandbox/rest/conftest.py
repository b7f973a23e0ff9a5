from collections.abc import AsyncIterator, Callable

import pytest

from sandbox.seed import BOT_ROLE
from sandbox.server import Sandbox
from tests.sandbox.peers import Peer, listening

ALL_INTENTS = 0b11_0011_0000_0111_1110_1111_1111  # without the privileged ones but that of members

type Grant = Callable[[int], None]


@pytest.fixture
def grant(sandbox: Sandbox) -> Grant:
    """Give the bot's role these permissions beside those it has."""

    def give(bits: int) -> None:
        sandbox.world.roles[BOT_ROLE].permissions |= bits

    return give


@pytest.fixture
async def peer(sandbox: Sandbox) -> AsyncIterator[Peer]:
    """The bot at the gateway, hearing all it may."""
    async with listening(sandbox, ALL_INTENTS) as listener:
        yield listener
