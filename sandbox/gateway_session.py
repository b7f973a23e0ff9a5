"""Gateway sessions: what a shard may hear, its replay buffer, and the socket it hangs on for the moment."""

import asyncio
import json
import secrets
import zlib
from collections import deque
from typing import Any

from aiohttp import web

from sandbox.model import Event, Json

DISPATCH = 0
BUFFERED_EVENTS = 1_000  # per session; a resume from further back is refused
COMMANDS_PER_MINUTE = 120

GUILDS, GUILD_MEMBERS, VOICE_STATES, GUILD_MESSAGES = 1 << 0, 1 << 1, 1 << 7, 1 << 9
PRESENCES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 8, 1 << 12, 1 << 15
KNOWN_INTENTS = 0b11_0011_0001_1111_1111_1111_1111
DISALLOWED_INTENTS = PRESENCES | MESSAGE_CONTENT  # never switched on for the sandbox's application

INTENT_BY_EVENT = {
    "GUILD_CREATE": GUILDS,
    "GUILD_UPDATE": GUILDS,
    "GUILD_DELETE": GUILDS,
    "GUILD_ROLE_CREATE": GUILDS,
    "GUILD_ROLE_UPDATE": GUILDS,
    "GUILD_ROLE_DELETE": GUILDS,
    "CHANNEL_CREATE": GUILDS,
    "CHANNEL_UPDATE": GUILDS,
    "CHANNEL_DELETE": GUILDS,
    "VOICE_CHANNEL_STATUS_UPDATE": GUILDS,
    "GUILD_MEMBER_ADD": GUILD_MEMBERS,
    "GUILD_MEMBER_UPDATE": GUILD_MEMBERS,
    "GUILD_MEMBER_REMOVE": GUILD_MEMBERS,
    "VOICE_STATE_UPDATE": VOICE_STATES,
}


class Session:
    """One shard's session. It outlives its socket for `RESUME_WINDOW_SECONDS`.

    `ws` is None while disconnected. `seq` counts dispatches; `buffer` holds the last ones for a resume.
    """

    def __init__(self, *, bot_id: str, intents: int, shard_id: int, shard_count: int) -> None:
        self.id = secrets.token_hex(16)
        self.bot_id = bot_id
        self.intents = intents
        self.shard_id = shard_id
        self.shard_count = shard_count
        self.seq = 0
        self.buffer: deque[tuple[int, str]] = deque(maxlen=BUFFERED_EVENTS)
        self.connection: Connection | None = None
        self.expiry: asyncio.TimerHandle | None = None

    def about_itself(self, event: Event) -> bool:
        """A bot hears what becomes of its own membership without any privileged intent."""
        return event.name == "GUILD_MEMBER_UPDATE" and event.data["user"]["id"] == self.bot_id

    def owns(self, guild_id: str | None) -> bool:
        shard = 0 if guild_id is None else (int(guild_id) >> 22) % self.shard_count
        return shard == self.shard_id

    def wants(self, event: Event) -> bool:
        if (
            event.only_user_id is not None
            or event.name.startswith("SANDBOX_")
            or not self.owns(event.guild_id)
        ):
            return False
        if event.name.startswith("MESSAGE_"):
            return bool(self.intents & (DIRECT_MESSAGES if event.guild_id is None else GUILD_MESSAGES))
        needed = INTENT_BY_EVENT.get(event.name)
        return needed is None or bool(self.intents & needed) or self.about_itself(event)

    def dispatch(self, name: str, data: Json) -> None:
        """Number an event, remember it for a resume, and send it if somebody listens."""
        self.seq += 1
        text = json.dumps({"op": DISPATCH, "t": name, "s": self.seq, "d": data}, separators=(",", ":"))
        self.buffer.append((self.seq, text))
        if self.connection is not None:
            self.connection.send_text(text)


class Connection:
    """One WebSocket. Sending never waits: a writer task drains a queue, so events keep their order."""

    def __init__(
        self, ws: web.WebSocketResponse, transport: asyncio.Transport | None, *, compressed: bool
    ) -> None:
        self.ws = ws
        self.transport = transport
        self.session: Session | None = None
        self.last_heartbeat = asyncio.get_running_loop().time()
        self.watchdog: asyncio.TimerHandle | None = None
        self._deflate = zlib.compressobj(zlib.Z_BEST_SPEED) if compressed else None
        self._outgoing: asyncio.Queue[str | int] = asyncio.Queue()
        self._sent_times: deque[float] = deque(maxlen=COMMANDS_PER_MINUTE)

    def send(self, op: int, data: Any = None) -> None:
        self.send_text(json.dumps({"op": op, "t": None, "s": None, "d": data}))

    def send_text(self, text: str) -> None:
        self._outgoing.put_nowait(text)

    def close(self, code: int) -> None:
        """Close after what is queued has gone out."""
        self._outgoing.put_nowait(code)

    def abort(self) -> None:
        """Break the TCP connection without a closing handshake."""
        if self.transport is not None:
            self.transport.abort()

    async def write(self) -> None:
        """Send until told to close. Run as a task; cancelling it loses what is queued."""
        while True:
            item = await self._outgoing.get()
            if isinstance(item, int):
                await self.ws.close(code=item)
                return
            if self._deflate is None:
                await self.ws.send_str(item)
            else:
                packed = self._deflate.compress(item.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
                await self.ws.send_bytes(packed)

    def spend_command(self) -> bool:
        """Count one incoming payload; False beyond 120 in 60 seconds."""
        now = asyncio.get_running_loop().time()
        full = len(self._sent_times) == COMMANDS_PER_MINUTE and now - self._sent_times[0] < 60
        self._sent_times.append(now)
        return not full
