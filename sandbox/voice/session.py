"""One voice session: its connection to the bot, its encryption, and counts of the received audio."""

import asyncio
import json
import logging
import secrets
import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from .dave import PROTOCOL_VERSION, DaveGroup, GroupBroken
from .listener import Listener
from .rtcp import Reception
from .udp import KEY_BYTES, BadPacket, Cipher, SequenceWindow, open_packet
from .websocket import ClientSocket

SESSION_DESCRIPTION, CLIENTS_CONNECT, CLIENT_DISCONNECT = 4, 11, 13
SESSION_INVALID, SERVER_CRASHED = 4006, 4015
RESUME_BUFFER_MESSAGES = 512

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The values that the bot got in VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE."""

    guild_id: str
    channel_id: str
    user_id: str
    session_id: str
    token: str
    stage: bool = False  # a stage's call is not end-to-end encrypted


class VoiceSession:
    """A session from identify to its end. A resume may replace a lost socket.

    Media is received only until the session ends or the server closes its socket.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        ssrc: int,
        dave_version: int,
        listener: Listener,
        bot_commits: bool,
        silenced: bool,
    ) -> None:
        self.credentials = credentials
        self.ssrc = ssrc
        self.silenced = silenced  # muted by a moderator or suppressed: nobody hears the bot
        self.listener = listener
        self.mode: str | None = None
        self.speaking = False
        self.ended = False
        self.frames_received = 0
        self.frames_plain = 0
        self.frames_bad = 0
        self.frames_silenced = 0

        self._bot_commits = bot_commits
        self._dave_version = dave_version  # the version that applies while people are in the call
        self._cipher: Cipher | None = None
        self._window = SequenceWindow()
        self._reception = Reception(ssrc=ssrc, server_ssrc=secrets.randbits(31) + 1, window=self._window)
        self._people: frozenset[str] = frozenset()
        self._deaf = False
        self.group: DaveGroup | None = None
        self._group_task: asyncio.Task[None] | None = None

        self._socket: ClientSocket | None = None
        self._sending = asyncio.Lock()
        self._seq = 0
        self._unacknowledged: deque[tuple[int, str | bytes]] = deque()
        self._forgotten_seq = 0

    @property
    def frames_lost(self) -> int:
        return self._window.lost

    @property
    def dave_version(self) -> int:
        """The call's current protocol version: 0 on a stage, without DAVE, and while the bot is alone."""
        return self.group.version if self.group is not None else 0

    @property
    def connected(self) -> bool:
        return self._socket is not None

    # Socket

    def is_on(self, socket: ClientSocket) -> bool:
        return self._socket is socket

    def attach(self, socket: ClientSocket) -> None:
        self._socket = socket
        self._deaf = False

    def detach(self, socket: ClientSocket) -> None:
        """Forget the closed `socket`, unless another one has already replaced it."""
        if self._socket is socket:
            self._socket = None

    async def send_json(self, op: int, data: object) -> None:
        """Send a message with the next sequence number, and buffer it for a resume."""
        async with self._sending:
            self._seq += 1
            await self._send(self._seq, json.dumps({"op": op, "d": data, "seq": self._seq}))

    async def send_binary(self, op: int, payload: bytes) -> None:
        """Like `send_json`, in the binary format of DAVE's MLS messages: seq (16 bits), op, payload."""
        async with self._sending:
            self._seq += 1
            await self._send(self._seq, (self._seq & 0xFFFF).to_bytes(2, "big") + bytes([op]) + payload)

    def acknowledge(self, seq: int) -> None:
        while self._unacknowledged and self._unacknowledged[0][0] <= seq:
            self._forgotten_seq = self._unacknowledged.popleft()[0]

    def can_resume_from(self, seq: int) -> bool:
        """Whether the session has not ended and every message after `seq` is still buffered."""
        return not self.ended and self._forgotten_seq <= max(seq, 0) <= self._seq

    async def resume(self, socket: ClientSocket, *, seq: int, resumed: str) -> ClientSocket | None:
        """Send `resumed` and everything after `seq` on the new socket. Returns the old one if it is still open."""
        old = self._socket
        async with self._sending:
            self.attach(socket)
            self.acknowledge(seq)
            await socket.send(resumed)
            for _, message in list(self._unacknowledged):
                await self._transmit(message)
        return old

    async def close(self, code: int) -> None:
        """Close the socket with `code`. Media is ignored until the session is resumed on another socket."""
        self._deaf = True
        socket = self._socket
        if socket is not None:
            self.detach(socket)
            await socket.close(code)

    def end(self) -> None:
        self.ended = True
        self.speaking = False
        if self._group_task is not None:
            self._group_task.cancel()

    async def _send(self, seq: int, message: str | bytes) -> None:
        self._unacknowledged.append((seq, message))
        if len(self._unacknowledged) > RESUME_BUFFER_MESSAGES:
            self._forgotten_seq = self._unacknowledged.popleft()[0]
        await self._transmit(message)

    async def _transmit(self, message: str | bytes) -> None:
        if self._socket is None:
            return
        try:
            await self._socket.send(message)
        except ConnectionError as error:
            # The message stays in the buffer for a resume. The socket's reader notices the end itself.
            logger.debug("Guild %s: lost the voice socket: %r", self.credentials.guild_id, error)

    # Protocol

    async def describe(self, mode: str) -> None:
        """Choose a key for the encryption mode, send the session description, and start DAVE."""
        key = secrets.token_bytes(KEY_BYTES)
        self.mode = mode
        self._cipher = Cipher(mode, key)
        description = {
            "mode": mode,
            "secret_key": list(key),
            "audio_codec": "opus",
            "video_codec": "H264",
            "media_session_id": secrets.token_hex(16),
            "dave_protocol_version": self._dave_version if self._people else 0,
        }
        await self.send_json(SESSION_DESCRIPTION, description)
        if self._people:
            await self.send_json(CLIENTS_CONNECT, {"user_ids": sorted(self._people)})
        if self._dave_version == PROTOCOL_VERSION:
            self.group = DaveGroup(
                channel_id=self.credentials.channel_id,
                bot_id=self.credentials.user_id,
                send_json=self.send_json,
                send_binary=self.send_binary,
                bot_commits=self._bot_commits,
                alone=not self._people,
            )
            self.group.set_people(self._people)
            self._group_task = asyncio.create_task(self._run_group(self.group))

    async def set_people(self, user_ids: Collection[str]) -> None:
        """Set the people in the channel besides the bot, and tell the bot who joined and left."""
        before, self._people = self._people, frozenset(user_ids) - {self.credentials.user_id}
        if self.mode is None or self.ended:
            return
        if came := self._people - before:
            await self.send_json(CLIENTS_CONNECT, {"user_ids": sorted(came)})
        for user_id in sorted(before - self._people):
            await self.send_json(CLIENT_DISCONNECT, {"user_id": user_id})
        if self.group is not None:
            self.group.set_people(self._people)

    async def _run_group(self, group: DaveGroup) -> None:
        try:
            await group.run()
        except GroupBroken as broken:
            logger.warning("Guild %s: ended voice, DAVE failed: %s", self.credentials.guild_id, broken)
        except Exception:
            logger.exception("Guild %s: DAVE failed", self.credentials.guild_id)
        self._group_task = None
        self.end()
        await self.close(SESSION_INVALID)

    # Media

    def receive(self, datagram: bytes) -> bool:
        """Count one datagram with this session's SSRC, and play it if it is valid. Returns whether it was."""
        if self._cipher is None or self.ended or self._deaf:
            return False
        try:
            sequence, frame = open_packet(datagram, self._cipher)
        except BadPacket:
            self.frames_bad += 1
            return False
        if self._window.accept(sequence):
            self._reception.arrived(int.from_bytes(datagram[4:8], "big"), at=time.monotonic())
            self._hear(frame)
        return True

    def report(self) -> bytes | None:
        """Return the next receiver report, encrypted; None before a mode is selected and after the end."""
        return None if self._cipher is None or self.ended else self._reception.report(self._cipher)

    def _hear(self, frame: bytes) -> None:
        opus, plain = (frame, True) if self.group is None else self.group.frames.decrypt(frame)
        if opus is not None and self.silenced:
            self.frames_silenced += 1
            return
        if opus is None or not self.listener.hear(opus):
            self.frames_bad += 1
            return
        self.frames_received += 1
        self.frames_plain += plain
