from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.voice.server import VoiceReport, VoiceServer
from tests.waiting import eventually

from .clients import BOT, PLACE, HandClient
from .tone import opus_tone

type StartServer = Callable[..., Awaitable[VoiceServer]]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voice")


@pytest.fixture
async def start_server(certificates: Path) -> AsyncIterator[StartServer]:
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> VoiceServer:
            server = VoiceServer(data_dir=certificates, **options)
            await server.start()
            stack.push_async_callback(server.stop)
            return server

        yield start


@pytest.fixture
async def server(start_server: StartServer) -> VoiceServer:
    """A voice server with DAVE, the default."""
    return await start_server()


@pytest.fixture
async def plain_server(start_server: StartServer) -> VoiceServer:
    """A voice server without DAVE, to test transport and media alone."""
    return await start_server(dave_version=0)


@pytest.fixture
async def hand(plain_server: VoiceServer) -> AsyncIterator[HandClient]:
    """A client that the plain server expects."""
    plain_server.expect(**PLACE, user_id=BOT, session_id="session", token="token")
    async with HandClient(plain_server) as client:
        yield client


@pytest.fixture(scope="session")
def tone() -> list[bytes]:
    """Eight seconds of 440 Hz."""
    return opus_tone(440.0, seconds=8)


async def hear_more(server: VoiceServer, frames: int) -> None:
    """Wait until so many more frames have been heard."""
    before = only_report(server).frames_received
    await eventually(lambda: only_report(server).frames_received >= before + frames)


def only_report(server: VoiceServer) -> VoiceReport:
    (report,) = server.sessions()
    return report
