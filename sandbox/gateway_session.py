"""Gateway sessions: the events a shard may receive, its replay buffer, and its current socket."""

import asyncio
import json
import secrets
from collections import deque

from aiohttp import web

from sandbox import presence
from sandbox.gateway_compression import Pack
from sandbox.model import Event, Json

DISPATCH = 0
BUFFERED_EVENTS = 1_000  # per session. A resume that needs older events is refused
COMMANDS_PER_MINUTE = 120

GUILDS, GUILD_MEMBERS, MODERATION, EXPRESSIONS = 1 << 0, 1 << 1, 1 << 2, 1 << 3
WEBHOOKS, INVITES, VOICE_STATES, PRESENCES = 1 << 5, 1 << 6, 1 << 7, 1 << 8
GUILD_MESSAGES, GUILD_REACTIONS, GUILD_TYPING = 1 << 9, 1 << 10, 1 << 11
DIRECT_MESSAGES, DIRECT_REACTIONS, DIRECT_TYPING, MESSAGE_CONTENT = 1 << 12, 1 << 13, 1 << 14, 1 << 15
KNOWN_INTENTS = 0b11_0011_0001_1111_1111_1111_1111

# The longest matching prefix of an event's name counts. An event that matches none goes to every session.
GUILD_INTENTS = {
    "GUILD_": GUILDS,
    "CHANNEL_": GUILDS,
    "THREAD_": GUILDS,
    "STAGE_INSTANCE_": GUILDS,
    "VOICE_CHANNEL_": GUILDS,
    "GUILD_MEMBER_": GUILD_MEMBERS,
    "GUILD_BAN_": MODERATION,
    "GUILD_EMOJIS_": EXPRESSIONS,
    "GUILD_STICKERS_": EXPRESSIONS,
    "GUILD_SOUNDBOARD_": EXPRESSIONS,
    "WEBHOOKS_": WEBHOOKS,
    "INVITE_": INVITES,
    "VOICE_STATE_": VOICE_STATES,
    "MESSAGE_": GUILD_MESSAGES,
    "MESSAGE_REACTION_": GUILD_REACTIONS,
    "TYPING_": GUILD_TYPING,
}
DIRECT_INTENTS = {
    "CHANNEL_PINS_": DIRECT_MESSAGES,
    "MESSAGE_": DIRECT_MESSAGES,
    "MESSAGE_REACTION_": DIRECT_REACTIONS,
    "TYPING_": DIRECT_TYPING,
}


def intent_for(event: Event) -> int:
    """Return the intent that an event needs, or 0."""
    intents = DIRECT_INTENTS if event.guild_id is None else GUILD_INTENTS
    fitting = [prefix for prefix in intents if event.name.startswith(prefix)]
    return intents[max(fitting, key=len)] if fitting else 0


class Session:
    """One shard's session. It outlives its socket for `RESUME_WINDOW_SECONDS`.

    `connection` is None while disconnected. `seq` counts dispatches. `buffer` has the last ones for a resume.
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
        self.presence: Json = presence.ONLINE
        self._presence_times: deque[float] = deque(maxlen=presence.MOST)

    def describe(self) -> Json:
        """Return what the sandbox's page shows."""
        return {
            "shard": [self.shard_id, self.shard_count],
            "connected": self.connection is not None,
            "presence": self.presence | {"said": presence.said(self.presence)},
        }

    def show_presence(self, shown: Json) -> bool:
        """Store a presence. Returns False if there were too many within the last seconds, so that it is ignored."""
        now = asyncio.get_running_loop().time()
        times = self._presence_times
        if len(times) == presence.MOST and now - times[0] < presence.WINDOW_SECONDS:
            return False
        times.append(now)
        self.presence = shown
        return True

    def about_itself(self, event: Event) -> bool:
        """A bot receives updates of its own membership without any privileged intent."""
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
        needed = intent_for(event)
        return not needed or bool(self.intents & needed) or self.about_itself(event)

    def dispatch(self, name: str, data: Json) -> None:
        """Number an event, buffer it for a resume, and send it if the session is connected."""
        self.seq += 1
        text = json.dumps({"op": DISPATCH, "t": name, "s": self.seq, "d": data}, separators=(",", ":"))
        self.buffer.append((self.seq, text))
        if self.connection is not None:
            self.connection.send_text(text)


class Connection:
    """One WebSocket. `send` never blocks: it fills a queue, which a writer task sends in order."""

    def __init__(
        self, ws: web.WebSocketResponse, transport: asyncio.Transport | None, *, version: int, pack: Pack
    ) -> None:
        self.ws = ws
        self.version = version
        self.pack = pack
        self.transport = transport
        self.session: Session | None = None
        self.last_heartbeat = asyncio.get_running_loop().time()
        self.watchdog: asyncio.TimerHandle | None = None
        self._outgoing: asyncio.Queue[str | int] = asyncio.Queue()
        self._sent_times: deque[float] = deque(maxlen=COMMANDS_PER_MINUTE)

    def send(self, op: int, data: object = None) -> None:
        self.send_text(json.dumps({"op": op, "t": None, "s": None, "d": data}))

    def send_text(self, text: str) -> None:
        self._outgoing.put_nowait(text)

    def close(self, code: int) -> None:
        """Close after everything queued has been sent."""
        self._outgoing.put_nowait(code)

    def abort(self) -> None:
        """Break the TCP connection without a closing handshake."""
        if self.transport is not None:
            self.transport.abort()

    async def write(self) -> None:
        """Send queued messages until `close()`. Run it as a task. Canceling it drops the messages still queued."""
        while True:
            item = await self._outgoing.get()
            if isinstance(item, int):
                await self.ws.close(code=item)
                return
            packed = self.pack(item)
            if isinstance(packed, str):
                await self.ws.send_str(packed)
            else:
                await self.ws.send_bytes(packed)

    def spend_command(self) -> bool:
        """Count one incoming payload. Returns False after more than 120 in 60 seconds."""
        now = asyncio.get_running_loop().time()
        full = len(self._sent_times) == COMMANDS_PER_MINUTE and now - self._sent_times[0] < 60
        self._sent_times.append(now)
        return not full
