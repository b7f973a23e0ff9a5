"""Two clients for the voice server: unmodified nextcord, and a scripted one for what nextcord never does."""

import asyncio
import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypedDict

import aiohttp
import nextcord
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt
from nextcord.gateway import DiscordClientWebSocketResponse, VoiceKeepAliveHandler

from sandbox.voice.server import VoiceServer

GUILD, CHANNEL, BOT = "900000000000000001", "900000000000000002", "900000000000000003"
ALICE, BERT, CARLA = "900000000000000011", "900000000000000012", "900000000000000013"


class Place(TypedDict):
    guild_id: str
    channel_id: str


PLACE: Place = {"guild_id": GUILD, "channel_id": CHANNEL}


def trust(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file))


class MainGateway:
    """Does what Discord's main gateway does for voice: answers op 4 with a voice state and a voice server.

    It takes the place of the guild in nextcord's voice client, which uses the guild for nothing else.
    """

    def __init__(self, server: VoiceServer) -> None:
        self.id = int(GUILD)
        self._server = server
        self.voice: nextcord.VoiceClient | None = None
        self.joins = 0

    def get_channel(self, channel_id: int) -> "VoiceChannel":
        return VoiceChannel(self)

    async def change_voice_state(self, *, channel: "VoiceChannel | None", **_: bool) -> None:
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(self._answer(channel)))

    async def _answer(self, channel: "VoiceChannel | None") -> None:
        assert self.voice is not None
        if channel is None:
            await self._server.forget(guild_id=GUILD)
            return
        self.joins += 1
        session_id, token = f"session-{self.joins}", f"token-{self.joins}"
        self._server.expect(**PLACE, user_id=BOT, session_id=session_id, token=token)
        state: Any = {"session_id": session_id, "channel_id": CHANNEL}
        endpoint: Any = {"token": token, "guild_id": GUILD, "endpoint": self._server.endpoint}
        await self.voice.on_voice_state_update(state)
        await self.voice.on_voice_server_update(endpoint)


class VoiceChannel:
    """The attributes of a voice channel that nextcord's voice client reads."""

    def __init__(self, guild: MainGateway) -> None:
        self.id = int(CHANNEL)
        self.guild = guild

    def _get_voice_client_key(self) -> tuple[int, str]:
        return self.guild.id, "guild_id"


class NextcordBot:
    """A real `nextcord.Client` and voice client. It does not log in, so its HTTP session is opened here."""

    def __init__(self, server: VoiceServer) -> None:
        self._server = server

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=trust(self._server.ca_file))
        self._client = nextcord.Client(connector=connector, loop=asyncio.get_running_loop())
        self._session = aiohttp.ClientSession(
            connector=connector, ws_response_class=DiscordClientWebSocketResponse
        )
        self._client.http._HTTPClient__session = self._session  # type: ignore[attr-defined]  # private
        self._client._connection.user = nextcord.Object(int(BOT))  # type: ignore[assignment]  # only its id is read
        self.gateway = MainGateway(self._server)
        channel: Any = VoiceChannel(self.gateway)  # with the attributes that the client reads, and no others
        self.voice = nextcord.VoiceClient(self._client, channel)
        self.gateway.voice = self.voice
        await self.voice.connect(reconnect=True, timeout=5.0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.voice.disconnect(force=True)
        if self.voice._runner is not nextcord.utils.MISSING:
            self.voice._runner.cancel()
        for thread in threading.enumerate():  # nextcord leaves the threads of lost sockets running
            if isinstance(thread, VoiceKeepAliveHandler):
                thread.stop()
                thread.join()
        await self._session.close()

    @property
    def e2ee(self) -> nextcord.voice_client.E2EEState:
        assert self.voice.e2ee_state is not None
        return self.voice.e2ee_state

    def epoch(self) -> bytes:
        """Return a value that identifies the MLS epoch. It is empty without a group."""
        session = self.e2ee._session
        return session.get_last_epoch_authenticator() if session.has_established_group() else b""

    def heed_prepare_epoch(self) -> None:
        """Add the response to op 24 that nextcord 3.2.0 lacks, through its hook."""

        async def hook(_: Any, message: Any) -> None:
            if message["op"] == 24:
                data = message["d"]
                if self.e2ee._encryptor is None:  # the call began without DAVE
                    await self.e2ee.initialise(data["protocol_version"])
                else:
                    await self.e2ee.prepare_epoch(data["epoch"], data["protocol_version"])

        self.voice.ws._hook = hook


class Packets(nextcord.AudioSource):
    """Encoded Opus packets as an audio source for nextcord, whose player sends one every 20 ms."""

    def __init__(self, packets: list[bytes]) -> None:
        self._packets = deque(packets)

    def read(self) -> bytes:
        return self._packets.popleft() if self._packets else b""

    def is_opus(self) -> bool:
        return True


class HandClient:
    """A voice client in small steps, so that a test can omit, repeat or corrupt any of them."""

    def __init__(self, server: VoiceServer) -> None:
        self._server = server
        self.sequence = 0
        self._counter = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust(self._server.ca_file)))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setblocking(False)
        self.udp.bind(("127.0.0.1", 0))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.udp.close()
        await self._session.close()

    async def connect(self, *, version: int = 8) -> dict[str, Any]:
        """Open the socket. Returns the hello's data."""
        self.socket = await self._session.ws_connect(f"wss://{self._server.endpoint}/?v={version}")
        hello: dict[str, Any] = (await self.receive(op=8))["d"]
        return hello

    async def identify(self, changes: Mapping[str, str] = {}, *, dave: int = 1) -> None:
        data = {"server_id": GUILD, "user_id": BOT, "session_id": "session", "token": "token", **changes}
        await self.send(0, {**data, "max_dave_protocol_version": dave})

    async def join(self, mode: str, *, dave: int = 1, discover: bool = False) -> None:
        """Go from hello to session description, optionally with the IP discovery that most clients do in between."""
        await self.connect()
        await self.identify(dave=dave)
        ready = (await self.receive(op=2))["d"]
        self.ssrc, self._address = ready["ssrc"], (ready["ip"], ready["port"])
        if discover:
            await self.discover()
        await self.send(1, {"protocol": "udp", "data": {"address": "127.0.0.1", "port": 1, "mode": mode}})
        description = (await self.receive(op=4))["d"]
        assert description["mode"] == mode
        self.mode, self.key = mode, bytes(description["secret_key"])

    async def send(self, op: int, data: Any) -> None:
        await self.socket.send_str(json.dumps({"op": op, "d": data}))

    async def receive(self, *, op: int) -> dict[str, Any]:
        """Return the next JSON message with this opcode, and drop others before it."""
        async with asyncio.timeout(5):
            while True:
                message = await self.socket.receive()
                assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
                if message.type is aiohttp.WSMsgType.TEXT:
                    content: dict[str, Any] = json.loads(message.data)
                    if content["op"] == op:
                        return content

    async def close_code(self) -> int | None:
        """Return the server's close code."""
        async with asyncio.timeout(5):
            while (await self.socket.receive()).type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                pass
        return self.socket.close_code

    async def receive_datagram(self, wanted: Callable[[bytes], bool]) -> bytes:
        """Return the next wanted datagram, and drop others before it."""
        async with asyncio.timeout(10):
            while not wanted(datagram := await asyncio.get_running_loop().sock_recv(self.udp, 2048)):
                pass
        return datagram

    async def discover(self) -> tuple[str, int]:
        """Return the own address as the server sees it."""
        self.udp.sendto(struct.pack(">HHI66x", 1, 70, self.ssrc), self._address)
        reply = await self.receive_datagram(lambda datagram: datagram[1] == 2)
        kind, length, ssrc, host, port = struct.unpack(">HHI64sH", reply)
        assert (kind, length, ssrc) == (2, 70, self.ssrc)
        return host.rstrip(b"\0").decode(), port

    def send_datagram(self, datagram: bytes) -> None:
        self.udp.sendto(datagram, self._address)

    def send_frame(self, frame: bytes, *, header: bytes | None = None, ahead: bytes = b"") -> bytes:
        """Send a frame as RTP and return the datagram.

        `header` replaces the plain one. `ahead` is a header extension's content, encrypted before the frame.
        """
        if header is None:
            header = self.header()
        datagram = self.seal(ahead + frame, header)
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.send_datagram(datagram)
        return datagram

    def header(self, *, flags: int = 0x80) -> bytes:
        return struct.pack(">BBHII", flags, 0x78, self.sequence, self.sequence * 960, self.ssrc)

    def seal(self, payload: bytes, header: bytes) -> bytes:
        counter = struct.pack(">I", self._counter)
        self._counter += 1
        if self.mode == "aead_aes256_gcm_rtpsize":
            sealed = AESGCM(self.key).encrypt(counter + bytes(8), payload, header)
        else:
            sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(
                payload, header, counter + bytes(20), self.key
            )
        return header + sealed + counter
