"""The gateway: sessions, their replay buffers, and the events each may receive.

https://discord.com/developers/docs/events/gateway
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Callable

from aiohttp import WSMsgType, web

from sandbox import gateway_compression as compression
from sandbox import presence, shapes
from sandbox.credentials import Credentials
from sandbox.gateway_session import (
    GUILD_MEMBERS,
    KNOWN_INTENTS,
    MESSAGE_CONTENT,
    PRESENCES,
    Connection,
    Session,
)
from sandbox.model import Event, Json
from sandbox.voice_clock import VoiceClock
from sandbox.world import World

log = logging.getLogger(__name__)

HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE = 1, 2, 3, 4
RESUME, RECONNECT, REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 6, 7, 8, 9, 10, 11
REQUEST_SOUNDBOARD_SOUNDS, REQUEST_CHANNEL_INFO = 31, 43

COMMANDS = (PRESENCE, VOICE_STATE, REQUEST_MEMBERS, REQUEST_SOUNDBOARD_SOUNDS, REQUEST_CHANNEL_INFO)
VERSIONS = ("9", "10")
HEARTBEAT_INTERVAL_MS = 41_250
ACK_SECONDS = 0.02
MAX_COMMAND_BYTES = 4_096
CHUNK_MEMBERS = 1_000
MEMBERS_AT_ONCE = 100  # for a search, or by id
MAX_NONCE_BYTES = 32


class Gateway:
    """Accepts connections, stores sessions, and sends them the events of the world.

    `on_voice_request(session, data)` handles op 4. `on_session_end(session)` is called when a session can no
    longer be resumed. `url` is the address clients connect to. It is empty until the server listens.
    """

    RESUME_WINDOW_SECONDS = 60.0
    # Shards fall into `MAX_CONCURRENCY` buckets. A bucket accepts one IDENTIFY in this time (Gateway, Rate Limiting).
    IDENTIFY_SECONDS = 5.0
    MAX_CONCURRENCY = 1

    def __init__(self, world: World, credentials: Credentials) -> None:
        self.world = world
        self.credentials = credentials
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.identified = 0  # towards the daily limit
        self.too_early = 0  # IDENTIFYs refused because their bucket had accepted one too recently
        self.ignored_presences = 0  # too soon after others
        self.shards = 1  # the recommended number of shards
        self._identified_at: dict[int, float] = {}  # by bucket
        self.on_voice_request: Callable[[Session, Json], None] | None = None
        self.on_session_end: Callable[[Session], None] | None = None
        self.url = ""
        world.listeners.append(self.hear)
        self.clock = VoiceClock(
            world
        )  # after the gateway: sessions get a voice state before the start time of its channel

    # -- sending events

    def hear(self, event: Event) -> None:
        for session in tuple(self.sessions.values()):
            if session.wants(event):
                session.dispatch(event.name, self._data_for(session, event))

    def dispatch_to(self, session_id: str, name: str, data: Json) -> bool:
        """Dispatch to one session only (VOICE_SERVER_UPDATE). Returns False if there is no such session."""
        session = self.sessions.get(session_id)
        if session is None:
            return False
        session.dispatch(name, data)
        return True

    def sessions_for(self, guild_id: str | None) -> list[Session]:
        """Return the connected sessions of a guild's shard. Each of them gets the guild's events and interactions."""
        return [each for each in self.sessions.values() if each.connection and each.owns(guild_id)]

    def _data_for(self, session: Session, event: Event) -> Json:
        if event.name == "GUILD_CREATE":
            full = shapes.guild_create(
                self.world, self.world.guilds[event.data["id"]], all_members=bool(session.intents & PRESENCES)
            )
            return full | event.data
        told = event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE") and event.guild_id is not None
        if told and not session.intents & MESSAGE_CONTENT:
            return shapes.without_content(self.world, event.data)
        return event.data

    # -- receiving commands

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False, max_msg_size=1 << 16)
        await ws.prepare(request)
        query = request.query
        version, pack = query.get("v", "10"), compression.transport(query.get("compress"))
        known = version in VERSIONS
        connection = Connection(ws, request.transport, version=int(version) if known else 10, pack=pack)
        self.connections.add(connection)
        close_code: int | None = None  # the client's, if it sent a close frame
        writer = asyncio.create_task(connection.write())
        self._watch(connection)
        try:
            if not known:
                connection.close(4012)
            elif query.get("encoding", "json") != "json":
                connection.close(4002)
            else:
                connection.send(HELLO, {"heartbeat_interval": HEARTBEAT_INTERVAL_MS, "_trace": ["sandbox"]})
            # Not `async for` and `ws.close_code`: aiohttp reports 1000 for a broken connection, too.
            while (message := await ws.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._receive(connection, message.data)
            if message.type == WSMsgType.CLOSE:
                close_code = message.data
        finally:
            writer.cancel()
            if connection.watchdog is not None:
                connection.watchdog.cancel()
            self.connections.discard(connection)
            self._detach(connection, close_code)
        return ws

    def _receive(self, connection: Connection, raw: str | bytes) -> None:
        if not connection.spend_command():
            connection.close(4008)
            return
        if len(raw) > MAX_COMMAND_BYTES:
            connection.close(4002)
            return
        try:
            payload = json.loads(raw)
            op, data = payload["op"], payload.get("d")
        except (ValueError, TypeError, KeyError, AttributeError):
            connection.close(4002)
            return
        if op == HEARTBEAT:
            loop = asyncio.get_running_loop()
            connection.last_heartbeat = loop.time()
            # Delayed as on a network. nextcord records the time of a heartbeat only after sending it, and would
            # count an earlier answer for the heartbeat before.
            loop.call_later(ACK_SECONDS, connection.send, HEARTBEAT_ACK)
        elif op in (IDENTIFY, RESUME):
            if connection.session is not None:
                connection.close(4005)
            elif not isinstance(data, dict) or not self._token_is_good(data.get("token")):
                connection.close(4004)
            else:
                (self._identify if op == IDENTIFY else self._resume)(connection, data)
        elif op not in COMMANDS:
            connection.close(4001)
        elif connection.session is None:
            connection.close(4003)
        elif not isinstance(data, dict):
            connection.close(4002)
        elif op == PRESENCE:
            self._show_presence(connection, data)
        elif op == VOICE_STATE and self.on_voice_request is not None:
            self.on_voice_request(connection.session, data)
        elif op == REQUEST_MEMBERS:
            self._send_members(connection.session, data)
        elif op == REQUEST_SOUNDBOARD_SOUNDS:
            self._send_sounds(connection.session, data)
        elif op == REQUEST_CHANNEL_INFO:
            self._send_channel_info(connection.session, data)

    def _identify(self, connection: Connection, data: Json) -> None:
        shard = data.get("shard", [0, 1])
        if not _is_shard(shard):
            connection.close(4010)
            return
        intents = data.get("intents")
        if not isinstance(intents, int) or intents < 0 or intents & ~KNOWN_INTENTS:
            connection.close(4013)
            return
        if intents & self._disallowed():
            connection.close(4014)
            return
        if not self._spend_identify(shard[0]):
            connection.send(INVALID_SESSION, False)
            return
        shown = presence.read(data["presence"]) if data.get("presence") is not None else presence.ONLINE
        if shown is None:
            connection.close(4002)
            return
        session = Session(bot_id=self.world.bot_id, intents=intents, shard_id=shard[0], shard_count=shard[1])
        self.sessions[session.id] = session
        session.presence = shown
        connection.session = session
        session.connection = connection
        self.world.emit(Event("SANDBOX_GATEWAY", {}))
        if data.get("compress") and connection.pack is compression.plain:
            connection.pack = compression.long_payloads
        self._send_ready(session, connection.version)

    def _show_presence(self, connection: Connection, data: Json) -> None:
        shown = presence.read(data)
        if shown is None:
            connection.close(4002)
        elif connection.session is not None and not connection.session.show_presence(shown):
            self.ignored_presences += 1
        self.world.emit(Event("SANDBOX_GATEWAY", {}))

    def _disallowed(self) -> int:
        """Return the privileged intents that are not switched on for the application."""
        members = 0 if self.world.members_intent else GUILD_MEMBERS
        content = 0 if self.world.content_intent else MESSAGE_CONTENT
        return PRESENCES | members | content

    def _spend_identify(self, shard_id: int) -> bool:
        """Count an IDENTIFY. Returns False if its bucket accepted one less than `IDENTIFY_SECONDS` ago."""
        bucket, now = shard_id % self.MAX_CONCURRENCY, asyncio.get_running_loop().time()
        before = self._identified_at.get(bucket)
        if before is not None and now - before < self.IDENTIFY_SECONDS:
            self.too_early += 1
            return False
        self._identified_at[bucket] = now
        self.identified += 1
        return True

    def _send_ready(self, session: Session, version: int) -> None:
        guilds = [guild for guild in self.world.guilds_of(self.world.bot_id) if session.owns(guild.id)]
        session.dispatch(
            "READY",
            {
                "v": version,
                "user": shapes.current_user(self.world.bot),
                "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
                "session_id": session.id,
                "session_type": "normal",
                "resume_gateway_url": self.url,
                "shard": [session.shard_id, session.shard_count],
                "application": {
                    "id": self.credentials.client_id,
                    "flags": shapes.application_flags(self.world),
                },
                "private_channels": [],
                "relationships": [],
                "presences": [],
                "_trace": ["sandbox"],
            },
        )
        for guild in guilds:
            if guild.id in self.world.unavailable:
                continue
            event = Event("GUILD_CREATE", {"id": guild.id, "unavailable": False}, guild.id)
            if session.wants(event):
                session.dispatch(event.name, self._data_for(session, event))

    def _resume(self, connection: Connection, data: Json) -> None:
        session = self.sessions.get(str(data.get("session_id")))
        seq = data.get("seq")
        if session is None or not isinstance(seq, int):
            connection.send(INVALID_SESSION, False)
            return
        if seq > session.seq:
            connection.close(4007)
            return
        oldest = session.buffer[0][0] if session.buffer else session.seq + 1
        if seq + 1 < oldest:
            self.end(session)
            connection.send(INVALID_SESSION, False)
            return
        if session.connection is not None:
            session.connection.session = None
            session.connection.close(4000)
        if session.expiry is not None:
            session.expiry.cancel()
            session.expiry = None
        connection.session = session
        session.connection = connection
        self.world.emit(Event("SANDBOX_GATEWAY", {}))
        for number, text in session.buffer:
            if number > seq:
                connection.send_text(text)
        session.dispatch("RESUMED", {"_trace": ["sandbox"]})

    def _send_members(self, session: Session, data: Json) -> None:
        guild_id = str(data.get("guild_id"))
        if not self.world.bot_installed(guild_id):
            return
        members, limit = self.world.guild_members(guild_id), int(data.get("limit") or 0)
        wanted, query, nonce = data.get("user_ids"), data.get("query"), data.get("nonce")
        not_found: list[str] = []
        if wanted:
            ids = [str(each) for each in (wanted if isinstance(wanted, list) else [wanted])][:MEMBERS_AT_ONCE]
            members = [member for member in members if member.user_id in ids]
            not_found = sorted(set(ids) - {member.user_id for member in members})
        elif query or limit:
            start, limit = str(query or "").casefold(), min(limit or MEMBERS_AT_ONCE, MEMBERS_AT_ONCE)
            members = [
                m for m in members if self.world.users[m.user_id].username.casefold().startswith(start)
            ][:limit]
        elif not session.intents & GUILD_MEMBERS:
            return  # the whole list needs the intent: without it, Discord sends nothing either
        chunks = [members[at : at + CHUNK_MEMBERS] for at in range(0, len(members), CHUNK_MEMBERS)] or [[]]
        for index, chunk in enumerate(chunks):
            body: Json = {
                "guild_id": guild_id,
                "members": [shapes.member(self.world, member) for member in chunk],
                "chunk_index": index,
                "chunk_count": len(chunks),
                "not_found": not_found,
            }
            if nonce is not None and len(str(nonce).encode()) <= MAX_NONCE_BYTES:
                body["nonce"] = nonce
            session.dispatch("GUILD_MEMBERS_CHUNK", body)

    def _send_sounds(self, session: Session, data: Json) -> None:
        """Send one event per guild. Guilds without the bot are skipped."""
        guild_ids = data.get("guild_ids")
        for guild_id in map(str, guild_ids if isinstance(guild_ids, list) else []):
            if self.world.bot_installed(guild_id) and session.owns(guild_id):
                sounds = self.world.guilds[guild_id].sounds
                session.dispatch("SOUNDBOARD_SOUNDS", {"guild_id": guild_id, "soundboard_sounds": sounds})

    def _send_channel_info(self, session: Session, data: Json) -> None:
        guild_id, fields = str(data.get("guild_id")), data.get("fields")
        if not self.world.bot_installed(guild_id) or not isinstance(fields, list):
            return
        channels = []
        for channel in self.world.guild_channels(guild_id):
            if channel.type not in shapes.VOICE_TYPES:
                continue
            known: Json = {"status": channel.status, "voice_start_time": self.clock.since.get(channel.id)}
            channels.append({"id": channel.id} | {key: known[key] for key in known if key in fields})
        session.dispatch("CHANNEL_INFO", {"guild_id": guild_id, "channels": channels})

    def _token_is_good(self, token: object) -> bool:
        return isinstance(token, str) and secrets.compare_digest(
            token.removeprefix("Bot ").encode(), self.credentials.bot_token.encode()
        )

    # -- ending sessions

    def _watch(self, connection: Connection) -> None:
        """Close the connection if its heartbeats have stopped. Otherwise, check again when the next is overdue."""
        loop = asyncio.get_running_loop()
        left = connection.last_heartbeat + HEARTBEAT_INTERVAL_MS / 1000 * 1.5 - loop.time()
        if left <= 0:
            connection.close(4009)
        else:
            connection.watchdog = loop.call_later(left, self._watch, connection)

    def _detach(self, connection: Connection, code: int | None) -> None:
        """Handle a closed socket. A clean close by the client ends the session. Otherwise it can be resumed."""
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.connection = None
        self.world.emit(Event("SANDBOX_GATEWAY", {}))
        if code in (1000, 1001):
            self.end(session)
            return
        loop = asyncio.get_running_loop()
        session.expiry = loop.call_later(self.RESUME_WINDOW_SECONDS, self.end, session)

    def end(self, session: Session) -> None:
        """Delete a session. It can no longer be resumed."""
        if self.sessions.pop(session.id, None) is None:
            return
        if session.expiry is not None:
            session.expiry.cancel()
        if session.connection is not None:
            session.connection.session = None
        if self.on_session_end is not None:
            self.on_session_end(session)

    async def stop(self) -> None:
        """Close every socket with 1001 and drop all sessions. Takes at most half a second."""
        for session in tuple(self.sessions.values()):
            self.end(session)
        closing = [asyncio.create_task(each.ws.close(code=1001)) for each in tuple(self.connections)]
        if closing:
            _, late = await asyncio.wait(closing, timeout=0.3)
            for task in late:
                task.cancel()


def _is_shard(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value)):
        return False
    shard_id, shard_count = value
    return bool(0 <= shard_id < shard_count <= 1024)
