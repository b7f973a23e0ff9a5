"""One guild's voice connection: nextcord's client, and its faults named.

nextcord treats every close code alike and reconnects by itself, also where Discord says not to (4017, 4021,
4022). So its own reconnecting is off; the reconciler connects again, and knows from `VoiceRefused` when not to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import nextcord
from nextcord.errors import ConnectionClosed

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
TOLD_SECONDS = 1.0  # how much later than the voice socket's 4014 the gateway may say what it meant

# Discord: Opcodes and Status Codes, Voice Close Event Codes; those after which one does not come back.
_TERMINAL = {
    4016: "Discord speaks no encryption that this version knows. Update the program.",
    4017: "Discord wants end-to-end encryption (DAVE) and this installation has none. Run `manage.py doctor`.",
    4021: "Discord limits the bot's voice connections for now.",
    4022: "The call was ended by Discord.",
}


class VoiceFailed(Exception):
    """Could not connect; worth another try. `str(error)` is a sentence for people."""

    code = "VOICE_FAILED"


class VoiceRefused(VoiceFailed):
    """Discord said no for a reason that trying again does not change."""

    code = "VOICE_REFUSED"


class VoiceClient(nextcord.VoiceClient):
    """nextcord's client, telling apart what it does itself and what was done to it."""

    channel: nextcord.VoiceChannel | nextcord.StageChannel

    def __init__(
        self,
        client: nextcord.Client,
        channel: Any,
        *,
        on_moved: Callable[[str | None], None],
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(client, channel)
        self.leaving = False
        self.quiet = False  # another process speaks for the bot now; Discord hears nothing more from us
        self.close_code: int | None = None
        self.deciding = False  # cut off, and not known yet whether somebody wanted it so
        self._told = asyncio.Event()
        self._deadline: asyncio.Timeout | None = None  # while the voice socket is being opened
        self._on_moved = on_moved
        self._on_end = on_end

    async def on_voice_state_update(self, data: Any) -> None:
        channel_id = data["channel_id"]
        # While joining, null is the echo of an earlier good-bye.
        ours = self.leaving or (self._handshaking and channel_id is None)
        if not ours and str(channel_id) != str(self.channel.id):
            self.leaving = channel_id is None
            self._told.set()
            self._on_moved(str(channel_id) if channel_id else None)
            if self._handshaking:  # nextcord follows moves of finished connections only
                self.channel = self.channel.guild.get_channel(int(channel_id)) or self.channel  # type: ignore[assignment]
        await super().on_voice_state_update(data)

    async def potential_reconnect(self) -> bool:
        """After 4014: sent out, moved, or merely cut off. Waits to be told; the reconciler connects again."""
        self._connected.clear()
        self.deciding = True
        try:
            await asyncio.wait_for(self._told.wait(), TOLD_SECONDS)
        except TimeoutError:
            log.info("Voice in guild %s: cut off", self.channel.guild.id)
        finally:
            self.deciding = False
        return False

    async def on_voice_server_update(self, data: Any) -> None:
        if self._deadline is not None:
            # The server that is being connected to expects nobody any more. nextcord would wait for it.
            self._deadline.reschedule(asyncio.get_running_loop().time())
            return
        await super().on_voice_server_update(data)

    async def connect_websocket(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS) as self._deadline:  # nextcord itself sets none
                await super().connect_websocket()
        finally:
            self._deadline = None
        self.ws._hook = self._heed_prepare_epoch

    async def _heed_prepare_epoch(self, ws: Any, message: dict[str, Any]) -> None:
        """Answer op 24 (DAVE prepare epoch), which nextcord 3.2.0 leaves out (nextcord#1294).

        Without it the bot stays inaudible when everybody left the channel and somebody comes back.
        """
        if message["op"] == 24 and self.e2ee_state is not None:
            version = message["d"]["protocol_version"]
            if self.e2ee_state._encryptor is None:  # alone at first, the call began without encryption
                await self.e2ee_state.initialise(version)
            else:
                await self.e2ee_state.prepare_epoch(message["d"]["epoch"], version)

    async def poll_voice_ws(self, reconnect: bool) -> None:
        try:
            await super().poll_voice_ws(reconnect)
        except ConnectionClosed as error:
            self.close_code = error.code
            log.info("Voice in guild %s closed with %s", self.channel.guild.id, error.code)
        except TimeoutError:
            log.info("Voice in guild %s fell silent", self.channel.guild.id)
        finally:
            self._on_end()

    async def disconnect(self, *, force: bool = False) -> None:
        self.leaving = True
        await super().disconnect(force=force)

    @property
    def healthy(self) -> bool:
        """Connected, and somebody still reads the socket: nextcord's reader can die while it says connected."""
        return self.is_connected() and self._runner is not nextcord.utils.MISSING and not self._runner.done()

    async def voice_disconnect(self) -> None:
        if not self.quiet:
            await super().voice_disconnect()

    async def leave(self, *, quietly: bool = False) -> None:
        """Leave voice for good, whatever state this is in. Never raises.

        `quietly` ends this side only: the bot's voice state at Discord is another process's.
        """
        self.quiet = quietly
        player = self._player
        try:
            await asyncio.wait_for(self.disconnect(force=True), timeout=3)
        except (TimeoutError, OSError, nextcord.DiscordException) as error:
            log.info("Leaving voice: %s", type(error).__name__)
        finally:
            if self._runner is not nextcord.utils.MISSING:
                self._runner.cancel()
            if player is not None:
                # nextcord's player thread waits for a connection that will not come back. Its source is
                # exhausted by now, so letting it run on ends it.
                player.source.cleanup()
                self._connected.set()


async def connect(
    channel: nextcord.VoiceChannel | nextcord.StageChannel,
    *,
    on_moved: Callable[[str | None], None],
    on_end: Callable[[], None],
) -> VoiceClient:
    """Join a channel. Raises VoiceRefused or VoiceFailed.

    `on_moved` is called with the channel's id when somebody else moves the bot, with null when they send it
    out; `on_end` when the connection is over, for whatever reason.
    """

    def client(bot: nextcord.Client, where: Any) -> VoiceClient:
        return VoiceClient(bot, where, on_moved=on_moved, on_end=on_end)

    stale = channel.guild.voice_client
    if isinstance(stale, VoiceClient):
        await stale.leave()
    try:
        return await channel.connect(timeout=CONNECT_SECONDS, reconnect=False, cls=client)  # type: ignore[arg-type,type-var]
    except ConnectionClosed as error:
        await _drop(channel)
        if error.code in _TERMINAL:
            raise VoiceRefused(_TERMINAL[error.code]) from error
        raise VoiceFailed(f"Discord closed the voice connection ({error.code}).") from error
    except TimeoutError as error:
        await _drop(channel)
        raise VoiceFailed("Discord did not answer the request to join the voice channel.") from error
    except (OSError, nextcord.DiscordException) as error:
        await _drop(channel)
        raise VoiceFailed(f"The voice connection failed ({type(error).__name__}).") from error


async def _drop(channel: nextcord.VoiceChannel | nextcord.StageChannel) -> None:
    client = channel.guild.voice_client
    if isinstance(client, VoiceClient):
        await client.leave()


def refusal_of(client: VoiceClient) -> VoiceFailed | None:
    """Return why a connection that ended must not be tried again, null when it may."""
    sentence = _TERMINAL.get(client.close_code or 0)
    return VoiceRefused(sentence) if sentence else None
