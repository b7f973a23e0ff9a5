"""Voice gateway version 8: the WebSocket over which a bot and the voice server set up the media connection.

Source: https://docs.discord.com/developers/topics/voice-connections with its opcodes and close codes.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from aiohttp import WSMsgType, web

from . import dave
from .listener import Listener
from .mls import MalformedMessage
from .session import SERVER_CRASHED, SESSION_INVALID, Credentials, VoiceSession
from .websocket import ClientSocket, CloseRequested

IDENTIFY, SELECT_PROTOCOL, READY, HEARTBEAT, SPEAKING = 0, 1, 2, 3, 5
HEARTBEAT_ACK, RESUME, HELLO, RESUMED = 6, 7, 8, 9

UNKNOWN_OPCODE, BAD_PAYLOAD, NOT_AUTHENTICATED, AUTHENTICATION_FAILED = 4001, 4002, 4003, 4004
ALREADY_AUTHENTICATED, SESSION_TIMEOUT, UNKNOWN_PROTOCOL = 4005, 4009, 4012
UNKNOWN_MODE, E2EE_REQUIRED = 4016, 4017

VERSION = 8
HEARTBEAT_SECONDS = 13.75
HEARTBEATS_MISSED = 3
RESUME_SECONDS = 60.0  # how long a session can be resumed after its socket broke

logger = logging.getLogger(__name__)


class _Refused(Exception):
    """Close the socket with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class VoiceGateway:
    """Stores, by guild, the expected credentials, the session (one per guild), and the people in the channel.

    `on_described(ssrc)` is called when a session has selected its encryption mode.
    """

    def __init__(self, *, modes: Sequence[str], dave_version: int, bot_commits: bool) -> None:
        self.modes = list(modes)
        self.dave_version = dave_version
        self.bot_commits = bot_commits
        self.media_address = ("", 0)
        self.on_described: Callable[[int], None] = lambda ssrc: None
        self.expected: dict[str, Credentials] = {}
        self.sessions: dict[str, VoiceSession] = {}
        self.people: dict[tuple[str, str], frozenset[str]] = {}
        self.listeners: dict[str, Listener] = {}
        self.silenced: set[str] = set()  # guilds where the bot is muted or suppressed
        self._by_ssrc: dict[int, VoiceSession] = {}
        self._sockets: set[ClientSocket] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def listener(self, guild_id: str) -> Listener:
        """Return a guild's listener. It outlives a session, so that live streams include the next session."""
        return self.listeners.setdefault(guild_id, Listener())

    def session_by_ssrc(self, ssrc: int) -> VoiceSession | None:
        return self._by_ssrc.get(ssrc)

    def open_session(self, credentials: Credentials, *, dave_version: int) -> VoiceSession:
        ssrc = secrets.randbits(31) + 1
        while ssrc in self._by_ssrc:
            ssrc = secrets.randbits(31) + 1
        session = VoiceSession(
            credentials,
            ssrc=ssrc,
            dave_version=dave_version,
            listener=self.listener(credentials.guild_id),
            bot_commits=self.bot_commits,
            silenced=credentials.guild_id in self.silenced,
        )
        self.sessions[credentials.guild_id] = session
        self._by_ssrc[ssrc] = session
        return session

    def end_session(self, session: VoiceSession) -> None:
        session.end()
        self._by_ssrc.pop(session.ssrc, None)

    async def close_session(self, session: VoiceSession, code: int) -> None:
        """Close the session's socket. After 4015 it can be resumed. Any other code ends it."""
        if code == SERVER_CRASHED:
            self.expire_unless_resumed(session)
        else:
            self.end_session(session)
        await session.close(code)

    def expire_unless_resumed(self, session: VoiceSession) -> None:
        """End the session if it is not resumed within `RESUME_SECONDS`."""

        def expire() -> None:
            if not session.connected:
                self.end_session(session)

        asyncio.get_running_loop().call_later(RESUME_SECONDS, expire)

    def replace_session(self, old: VoiceSession) -> None:
        """End a session that a newer one replaces. Its socket is closed in the background."""
        self.end_session(old)
        self.close_later(old.close(SESSION_INVALID))

    def close_later(self, closing: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(closing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """The WebSocket endpoint."""
        socket = ClientSocket()
        await socket.open(request)
        self._sockets.add(socket)
        connection = _Connection(self, socket)
        try:
            if request.query.get("v") != str(VERSION):
                raise _Refused(BAD_PAYLOAD, f"Only version {VERSION} is supported.")
            await connection.run()
        except _Refused as refused:
            logger.info("Closed a voice socket with %d: %s", refused.code, refused)
            connection.abandon()
            await socket.finish(refused.code, str(refused))
        except CloseRequested as closing:
            await socket.finish(closing.code)
        except ConnectionError as error:
            logger.debug("Lost a voice socket: %r", error)
        finally:
            self._sockets.discard(socket)
            connection.leave()
            socket.leave()
        return socket.response

    async def close_sockets(self, code: int) -> None:
        for session in self.sessions.values():
            self.end_session(session)
        await asyncio.gather(*(socket.close(code) for socket in list(self._sockets)))


class _Connection:
    """One socket: reads messages in order and answers them."""

    def __init__(self, gateway: VoiceGateway, socket: ClientSocket) -> None:
        self._gateway = gateway
        self._socket = socket
        self._session: VoiceSession | None = None
        self._deadline = 0.0

    async def run(self) -> None:
        """Handle messages until the client closes. Raises: _Refused, CloseRequested."""
        await self._send(HELLO, {"v": VERSION, "heartbeat_interval": round(HEARTBEAT_SECONDS * 1000)})
        self._postpone_timeout()
        while True:
            try:
                message = await self._socket.receive(deadline=self._deadline)
            except TimeoutError:
                raise _Refused(SESSION_TIMEOUT, "Session timed out.") from None
            if message.type is WSMsgType.TEXT:
                await self._take_text(message.data)
            elif message.type is WSMsgType.BINARY:
                self._take_binary(message.data)
            else:
                return

    def abandon(self) -> None:
        """End the session on this socket, if there is one, because the socket is refused."""
        if self._session is not None and self._session.is_on(self._socket):
            self._gateway.end_session(self._session)

    def leave(self) -> None:
        """Detach the session from the closed socket. Unless the client closed it cleanly, it can be resumed."""
        session = self._session
        if session is None or not session.is_on(self._socket):
            return
        session.detach(self._socket)
        if self._socket.close_code in (1000, 1001):
            self._gateway.end_session(session)
        else:
            self._gateway.expire_unless_resumed(session)

    async def _send(self, op: int, data: object) -> None:
        """Send a message about the socket itself. These have no sequence number."""
        await self._socket.send(json.dumps({"op": op, "d": data}))

    async def _take_text(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            raise _Refused(BAD_PAYLOAD, "Not JSON.") from None
        if not isinstance(message, dict) or type(message.get("op")) is not int:
            raise _Refused(BAD_PAYLOAD, "No opcode.")
        op, data = message["op"], message.get("d")
        if op == HEARTBEAT:
            await self._heartbeat(data)
        elif op == IDENTIFY:
            await self._identify(_mapping(data))
        elif op == RESUME:
            await self._resume(_mapping(data))
        elif op == SELECT_PROTOCOL:
            await self._select_protocol(self._authenticated(), _mapping(data))
        elif op == SPEAKING:
            self._authenticated().speaking = bool(_integer(_mapping(data), "speaking") & 1)
        elif op in (dave.TRANSITION_READY, dave.INVALID_COMMIT_WELCOME):
            self._take_transition(op, self._authenticated(), _integer(_mapping(data), "transition_id"))
        else:
            raise _Refused(UNKNOWN_OPCODE, "Unknown opcode.")

    async def _heartbeat(self, data: object) -> None:
        nonce = data.get("t") if isinstance(data, dict) else data
        if type(nonce) is not int:
            raise _Refused(BAD_PAYLOAD, "Heartbeat without a nonce.")
        if self._session is not None and isinstance(data, dict) and type(data.get("seq_ack")) is int:
            self._session.acknowledge(data["seq_ack"])
        self._postpone_timeout()
        await self._send(HEARTBEAT_ACK, {"t": nonce})

    def _postpone_timeout(self) -> None:
        self._deadline = asyncio.get_running_loop().time() + HEARTBEAT_SECONDS * HEARTBEATS_MISSED

    async def _identify(self, data: dict[str, Any]) -> None:
        if self._session is not None:
            raise _Refused(ALREADY_AUTHENTICATED, "Already authenticated.")
        credentials = self._check_credentials(data)
        if credentials.user_id != _text(data, "user_id"):
            raise _Refused(SESSION_INVALID, "Session is no longer valid.")
        offered = _integer(data, "max_dave_protocol_version", default=0)
        dave_version = 0 if credentials.stage else self._gateway.dave_version
        if offered < dave_version:
            raise _Refused(E2EE_REQUIRED, "E2EE/DAVE protocol required.")
        old = self._gateway.sessions.get(credentials.guild_id)
        session = self._gateway.open_session(credentials, dave_version=dave_version)
        session.attach(self._socket)
        self._session = session
        if old is not None:
            self._gateway.replace_session(old)
        people = self._gateway.people.get((credentials.guild_id, credentials.channel_id), frozenset())
        await session.set_people(people)
        ip, port = self._gateway.media_address
        modes = self._gateway.modes
        ready = {"ssrc": session.ssrc, "ip": ip, "port": port, "modes": modes, "experiments": []}
        await session.send_json(READY, ready)

    async def _resume(self, data: dict[str, Any]) -> None:
        if self._session is not None:
            raise _Refused(ALREADY_AUTHENTICATED, "Already authenticated.")
        credentials = self._check_credentials(data)
        seq = _integer(data, "seq_ack", default=0)
        session = self._gateway.sessions.get(credentials.guild_id)
        if session is None or session.credentials != credentials or not session.can_resume_from(seq):
            raise _Refused(SESSION_INVALID, "Session is no longer valid.")
        self._session = session
        resumed = json.dumps({"op": RESUMED, "d": None})
        old = await session.resume(self._socket, seq=seq, resumed=resumed)
        if old is not None:
            self._gateway.close_later(old.close(SESSION_INVALID))

    def _check_credentials(self, data: dict[str, Any]) -> Credentials:
        credentials = self._gateway.expected.get(_text(data, "server_id"))
        token, session_id = _text(data, "token"), _text(data, "session_id")
        if credentials is None:
            raise _Refused(SESSION_INVALID, "Session is no longer valid.")
        if not secrets.compare_digest(credentials.token.encode(), token.encode()):
            raise _Refused(AUTHENTICATION_FAILED, "Authentication failed.")
        if credentials.session_id != session_id:
            raise _Refused(SESSION_INVALID, "Session is no longer valid.")
        return credentials

    async def _select_protocol(self, session: VoiceSession, data: dict[str, Any]) -> None:
        if data.get("protocol") != "udp":
            raise _Refused(UNKNOWN_PROTOCOL, "Unknown protocol.")
        if session.mode is not None:
            raise _Refused(BAD_PAYLOAD, "The protocol has already been selected.")
        mode = _text(_mapping(data.get("data")), "mode")
        if mode not in self._gateway.modes:
            raise _Refused(UNKNOWN_MODE, "Unknown encryption mode.")
        await session.describe(mode)
        self._gateway.on_described(session.ssrc)

    def _take_transition(self, op: int, session: VoiceSession, transition_id: int) -> None:
        if session.group is None:
            return
        if op == dave.TRANSITION_READY:
            session.group.take_transition_ready(transition_id)
        else:
            session.group.take_invalid(transition_id)

    def _take_binary(self, message: bytes) -> None:
        session = self._authenticated()
        op, payload = message[:1], message[1:]
        try:
            if op == bytes([dave.KEY_PACKAGE]):
                if session.group is not None:
                    session.group.take_key_package(payload)
            elif op == bytes([dave.COMMIT_WELCOME]):
                if session.group is not None:
                    session.group.take_commit(payload)
            else:
                raise _Refused(UNKNOWN_OPCODE, "Unknown opcode.")
        except MalformedMessage as error:
            raise _Refused(BAD_PAYLOAD, f"MLS: {error}") from error

    def _authenticated(self) -> VoiceSession:
        if self._session is None:
            raise _Refused(NOT_AUTHENTICATED, "Not authenticated.")
        return self._session


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Refused(BAD_PAYLOAD, "The payload is not an object.")
    return value


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        raise _Refused(BAD_PAYLOAD, f"{key} is not a string.")
    return value


def _integer(data: dict[str, Any], key: str, *, default: int | None = None) -> int:
    value = data.get(key, default)
    if type(value) is not int:
        raise _Refused(BAD_PAYLOAD, f"{key} is not an integer.")
    return value
