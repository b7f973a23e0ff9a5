"""One guild's voice connection: a client that survives moves, changes of the voice server, and lost connections.

nextcord's own client leaves and joins again after every close code, and follows neither a move nor a new voice
server. Here each VOICE_SERVER_UPDATE begins a new **link** (socket, UDP, keys) that replaces the one before. The
player thread waits in between and continues where it stopped. Close codes 4014 and 4022 stand for moves, server
changes and disconnections alike: the voice state that comes with the close tells them apart.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable

import aiohttp
import nextcord
from nextcord.errors import ConnectionClosed
from nextcord.types.voice import GuildVoiceState, VoiceServerUpdate

from botrunner.voice_socket import Call, Encryption, VoiceSocket

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0  # for Discord's answer to op 4, and for a link to become able to send
REASON_SECONDS = 2.0  # how long after 4014 or 4022 the voice state that explains it may arrive
SERVER_SECONDS = 30.0  # how long Discord may look for a voice server
LEAVE_SECONDS = 2.0
BRIEF_SECONDS = 1.0
SAME_MOVE_SECONDS = 5.0  # how long after the new voice server the new voice state may arrive

# Discord: Opcodes and Status Codes, Voice Close Event Codes. First those that a retry does not help,
_TERMINAL = {
    4016: "Discord requires an encryption that this version does not support. Update Backline, then resume.",
    4017: "Discord requires end-to-end encryption (DAVE), which is missing here. Run `manage.py doctor`.",
    4021: "Discord limits the bot's voice connections at the moment. Resume later.",
}
_DISCONNECTED = (4014, 4022)  # then those that the voice state explains,
_RESUMABLE = (1006, 4015)  # and those after which the session can be resumed on another socket


class VoiceFailed(Exception):
    """Could not connect, or lost the connection; a retry may help. `str(error)` is a sentence for people."""

    code = "VOICE_FAILED"


class VoiceRefused(VoiceFailed):
    """Discord refused for a reason that a retry does not change."""

    code = "VOICE_REFUSED"


class VoiceClient(Call):
    """Joins a channel with `ask`, follows when somebody moves the bot, and ends with `leave`.

    `on_moved(channel_id)` is called when somebody else moves the bot, with None when they disconnect it.
    `on_change()` is called when it becomes able or unable to send. `failure` is set when it has given up connecting.
    """

    def __init__(
        self,
        client: nextcord.Client,
        channel: nextcord.VoiceChannel | nextcord.StageChannel,
        *,
        on_moved: Callable[[str | None], None],
        on_change: Callable[[], None],
    ) -> None:
        super().__init__(client, channel)
        self.encryption = Encryption(self)
        self.failure: VoiceFailed | None = None
        self.lasted = 0.0  # seconds for which the link before the failure could send
        self.leaving = False
        self.kicked = False
        self.keyed_channel_id = 0  # the channel whose call the link's keys are for
        self._seat: int | None = None  # the channel that Discord says the bot is in
        self._out = asyncio.Event()
        self._endpoint: str | None = None
        self._has_server = False
        self._unanswered: asyncio.TimerHandle | None = None  # the timeout of an op 4 without an answer
        self._link: asyncio.Task[None] | None = None
        self._began = 0.0  # when the newest link began
        self._able_at: float | None = None  # when it became able to send
        self._closing: set[asyncio.Task[object]] = set()
        self._sending = threading.Lock()  # a link's keys and socket change between two frames
        self._on_moved = on_moved
        self._on_change = on_change

    # --- For the reconciler ---

    @property
    def asking(self) -> bool:
        """Discord has not answered the last request yet. Answers to two requests cannot be told apart."""
        return self._unanswered is not None

    @property
    def healthy(self) -> bool:
        """Connected, and able to send."""
        return self._connected.is_set() and self._link is not None and not self._link.done()

    @property
    def heard_in(self) -> str | None:
        """The channel where people can hear it now."""
        return str(self._seat) if self.healthy and self._seat is not None else None

    def is_bound_for(self, channel_id: str) -> bool:
        """Whether it is in that channel, or on its way there."""
        under_way = self._link is not None and not self._link.done()
        return str(self.channel.id) == channel_id and (under_way or self.asking)

    @property
    def between_links(self) -> bool:
        """Whether one voice server has just replaced another, which is too brief to report."""
        return not self.healthy and self._now() - self._began < BRIEF_SECONDS and self.failure is None

    async def ask(self, channel: nextcord.VoiceChannel | nextcord.StageChannel) -> None:
        """Ask Discord to join a channel, whether or not the bot is in one. `on_change` reports the outcome."""
        self.channel, self.failure, self.leaving = channel, None, False
        self._register()
        if self._unanswered is not None:
            self._unanswered.cancel()
        late = VoiceFailed("Discord did not answer the request to join the voice channel.")
        self._unanswered = asyncio.get_running_loop().call_later(CONNECT_SECONDS, self._fail, late)
        try:
            await channel.guild.change_voice_state(channel=channel)
        except (OSError, nextcord.DiscordException, aiohttp.ClientError) as error:
            log.info("Guild %s: could not ask to join voice: %r", channel.guild.id, error)
            self._fail(VoiceFailed("Discord cannot be reached."))

    async def leave(self, *, quietly: bool = False) -> None:
        """Leave voice for good, in whatever state it is. Never raises.

        `quietly` closes this side only, because the bot's voice state at Discord belongs to another process.
        """
        self.leaving = True
        seated = self._seat is not None or self.asking
        player = self._player
        self.stop()
        self._drop_link()
        try:
            if seated and not quietly:
                async with asyncio.timeout(LEAVE_SECONDS):
                    self._out.clear()
                    await self.channel.guild.change_voice_state(channel=None)
                    if self._seat is not None and self._registered:
                        await self._out.wait()
        except (
            OSError,
            nextcord.DiscordException,
            aiohttp.ClientError,
        ) as error:  # TimeoutError is an OSError
            log.info("Guild %s: could not leave voice: %r", self.channel.guild.id, error)
        finally:
            if self._registered:
                self.cleanup()
            if player is not None:
                player.source.cleanup()
            self._connected.set()  # lets a player thread that waits for a link end
            if self._closing:
                await asyncio.wait(self._closing, timeout=BRIEF_SECONDS)

    async def disconnect(self, *, force: bool = False) -> None:
        """Leave: nextcord calls it by this name."""
        await self.leave()

    # --- Gateway events ---

    async def on_voice_state_update(self, data: GuildVoiceState) -> None:
        """Handle the bot's own voice state: it joined a channel, moved, or left."""
        self.session_id = data["session_id"]
        before, self._seat = self._seat, int(data["channel_id"]) if data["channel_id"] else None
        if self._seat is None:
            self._out.set()
            if before is not None and not self.leaving:
                log.info("Guild %s: the bot was disconnected from voice", self.channel.guild.id)
                self.kicked = True
                self._drop_link()
                self._on_moved(None)
            return
        # While it moves to another channel, updates such as mutes may still come for the old one.
        if self._seat != self.channel.id and not (self.leaving or (self.asking and self._seat == before)):
            found = self.channel.guild.get_channel(self._seat)
            if isinstance(found, nextcord.VoiceChannel | nextcord.StageChannel):
                self.channel = found
            self._on_moved(str(self._seat))
        rekey = self._link is not None and self._seat != before and self._late_state()
        if self._has_server and (self._link is None or rekey):
            self._begin()

    def _late_state(self) -> bool:
        """Whether the new voice server came before this voice state, so that the link has the old channel's keys."""
        young = self._now() - self._began < SAME_MOVE_SECONDS
        return young and self.keyed_channel_id not in (0, self._seat)

    async def on_voice_server_update(self, data: VoiceServerUpdate) -> None:
        """Handle a voice server for the bot. Its endpoint is null while Discord looks for a server."""
        if self.leaving:
            return
        self._answered()
        self.token, self.server_id = data["token"], int(data["guild_id"])
        endpoint: str | None = data.get("endpoint")
        self._endpoint = endpoint.removeprefix("wss://") if endpoint else None
        self._has_server = True
        if self._seat is not None:
            self._begin()

    # --- Links ---

    def _begin(self) -> None:
        """Replace the link with a new one. The old link's close no longer matters."""
        self._connected.clear()
        if self._link is not None:
            self._link.cancel()
        self._began, self._able_at = self._now(), None
        self.failure, self.keyed_channel_id = None, 0
        self._link = asyncio.create_task(
            self._run_link(self._endpoint), name=f"voice {self.channel.guild.id}"
        )

    async def _run_link(self, endpoint: str | None) -> None:
        try:
            failure = await self._talk(endpoint) if endpoint else await self._wait_for_server()
        except Exception:
            # A server may send what nextcord does not expect. The next link may work.
            log.exception("Guild %s: voice failed", self.channel.guild.id)
            failure = VoiceFailed("The voice connection failed.")
        self._fail(failure)

    async def _wait_for_server(self) -> VoiceFailed:
        """Wait for the server update, which cancels this task."""
        await asyncio.sleep(SERVER_SECONDS)
        return VoiceFailed("Discord has no voice server for this channel.")

    async def _talk(self, endpoint: str) -> VoiceFailed:
        """Connect to a voice server and stay until the connection ends. Returns why it ended."""
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setblocking(False)
        with self._sending:
            self.endpoint, self.socket, self._incr_nonce = endpoint, udp, 0
            self.endpoint_ip = nextcord.utils.MISSING
            self.e2ee_state = self.encryption = Encryption(self)
        ws: VoiceSocket | None = None
        resumed_at = -CONNECT_SECONDS
        try:
            async with asyncio.timeout(CONNECT_SECONDS) as patience:
                ws = self.ws = await VoiceSocket.dial(self)
                while True:
                    try:
                        await ws.poll_event()
                    except ConnectionClosed as closed:
                        # A session that is lost just after it was resumed is not resumed again.
                        if closed.code not in _RESUMABLE or self._now() - resumed_at < CONNECT_SECONDS:
                            raise
                        log.info(
                            "Guild %s: resuming voice after close code %s", self.channel.guild.id, closed.code
                        )
                        self._connected.clear()
                        self._close(ws, None)
                        resumed_at = self._now()
                        patience.reschedule(resumed_at + CONNECT_SECONDS)
                        ws = self.ws = await VoiceSocket.dial(self, resume=True)
                    self._heed(ws, patience)
        except ConnectionClosed as closed:
            return await self._understand(closed.code)
        except (OSError, aiohttp.ClientError) as error:  # TimeoutError is an OSError
            log.info("Guild %s: lost the voice connection: %r", self.channel.guild.id, error)
            return VoiceFailed("The voice connection failed.")
        finally:
            self._connected.clear()
            self._close(ws, udp)

    def _heed(self, ws: VoiceSocket, patience: asyncio.Timeout) -> None:
        """Let the player send while people can hear it. Otherwise wait, for at most CONNECT_SECONDS."""
        if ws.may_send == self._connected.is_set():
            return
        if ws.may_send:
            patience.reschedule(None)
            self._able_at = self._able_at or self._now()
            self._connected.set()
            if isinstance(self.channel, nextcord.StageChannel) and not ws.plain:
                log.error(
                    "Guild %s: Discord encrypts a Stage end to end, which voice does not support",
                    self.channel.guild.id,
                )
        else:
            patience.reschedule(self._now() + CONNECT_SECONDS)
            self._connected.clear()
        self._on_change()

    async def _understand(self, code: int) -> VoiceFailed:
        """Return the failure for a close code. A voice server or state that arrives meanwhile cancels this task."""
        log.info("Guild %s: Discord closed voice with code %s", self.channel.guild.id, code)
        if code in _DISCONNECTED and self._registered:
            self._connected.clear()
            await asyncio.sleep(REASON_SECONDS)
        sentence = _TERMINAL.get(code)
        return (
            VoiceRefused(sentence)
            if sentence
            else VoiceFailed(f"Discord ended the voice connection ({code}).")
        )

    def _fail(self, failure: VoiceFailed) -> None:
        self._drop_link()
        self.lasted = self._now() - self._able_at if self._able_at else 0.0
        self.failure = failure
        self._on_change()

    def _fail_link(self, link: asyncio.Task[None] | None, failure: VoiceFailed) -> None:
        if link is self._link:
            self._fail(failure)

    def _drop_link(self) -> None:
        self._answered()
        self._connected.clear()
        link, self._link, self._has_server = self._link, None, False
        if link is not None and link is not asyncio.current_task():
            link.cancel()

    def _answered(self) -> None:
        if self._unanswered is not None:
            self._unanswered.cancel()
            self._unanswered = None

    def _close(self, ws: VoiceSocket | None, udp: socket.socket | None) -> None:
        """Close what a link used, without waiting for a server that may be gone."""
        if udp is not None:
            udp.close()
        if ws is not None:
            task = asyncio.create_task(ws.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    @property
    def _registered(self) -> bool:
        """Whether nextcord passes gateway events to this client. A new session forgets all voice clients."""
        return self._state._get_voice_client(self.channel.guild.id) is self

    def _register(self) -> None:
        if not self._registered:
            self._seat = None
            self._state._add_voice_client(self.channel.guild.id, self)

    def _now(self) -> float:
        return self.loop.time()

    # --- The player's thread ---

    def send_audio_packet(self, data: bytes, *, encode: bool = True) -> None:
        """Send a frame, unless the link was lost since the player checked."""
        with self._sending:
            if not self._connected.is_set():
                return
            try:
                super().send_audio_packet(data, encode=encode)
            except OSError as error:
                # The network is down. The player waits for the next link, so only this frame is lost.
                self._connected.clear()
                log.info("Guild %s: could not send voice: %r", self.channel.guild.id, error)
                failure = VoiceFailed("The voice connection failed.")
                self.loop.call_soon_threadsafe(self._fail_link, self._link, failure)
            except RuntimeError:
                # The call is changing its encryption. The next frame is sent.
                log.debug("Guild %s: dropped a frame between two keys", self.channel.guild.id)
