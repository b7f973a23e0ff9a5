"""The bot in voice: where the gateway's op 4 meets the voice server."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from typing import Any

from sandbox import actions, permissions
from sandbox.gateway import Gateway
from sandbox.gateway_session import Session
from sandbox.model import Event, Json, VoiceState
from sandbox.shapes import VOICE_TYPES
from sandbox.voice.server import VoiceServer
from sandbox.world import World

log = logging.getLogger(__name__)

DISCONNECTED = 4014  # moved, kicked, or the gateway session ended
GOODBYE_SECONDS = 0.1


class BotVoice:
    """Moves the bot between voice channels and keeps the voice server told who is with it.

    One lock per guild: a join, a move and a kick must not interleave their two-step announcements.
    """

    def __init__(self, world: World, gateway: Gateway, voice: VoiceServer) -> None:
        self.world = world
        self.gateway = gateway
        self.voice = voice
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        gateway.on_voice_request = self.request
        gateway.on_session_end = self._session_ended
        world.listeners.append(self._hear)

    def request(self, session: Session, data: Json) -> None:
        """Op 4. A channel that is unknown, no voice channel or forbidden is ignored, as Discord does."""
        guild_id = str(data.get("guild_id"))
        wanted = data.get("channel_id")
        if not self.world.bot_installed(guild_id) or not session.owns(guild_id):
            return
        if wanted is None:
            self._spawn(self.leave(guild_id))
            return
        channel = self.world.channels.get(str(wanted))
        member = self.world.members[guild_id, self.world.bot_id]
        if channel is None or channel.guild_id != guild_id or channel.type not in VOICE_TYPES:
            return
        if not permissions.in_channel(self.world, member, channel) & permissions.CONNECT:
            return
        mute, deaf = bool(data.get("self_mute")), bool(data.get("self_deaf"))
        state = VoiceState(guild_id, channel.id, self.world.bot_id, session.id, mute, deaf)
        self._spawn(self._enter(state))

    async def move(self, guild_id: str, channel_id: str) -> None:
        """Somebody with Move Members drags the bot to another channel of the guild."""
        current = self.world.voice_states[guild_id, self.world.bot_id]
        await self._enter(
            VoiceState(
                guild_id,
                channel_id,
                current.user_id,
                current.session_id,
                current.self_mute,
                current.self_deaf,
            )
        )

    async def kick(self, guild_id: str, *, code: int = DISCONNECTED, state_first: bool = True) -> None:
        """Somebody disconnects the bot from voice. Discord's two announcements come in either order."""
        async with self._lock(guild_id):
            if state_first:
                actions.leave_voice(self.world, guild_id, self.world.bot_id)
            await self.close_socket(guild_id, code)
            if not state_first:
                actions.leave_voice(self.world, guild_id, self.world.bot_id)
            await self.voice.forget(guild_id=guild_id)

    async def leave(self, guild_id: str) -> None:
        async with self._lock(guild_id):
            actions.leave_voice(self.world, guild_id, self.world.bot_id)
            await self.voice.forget(guild_id=guild_id)

    async def _enter(self, state: VoiceState) -> None:
        async with self._lock(state.guild_id):
            before = self.world.voice_states.get((state.guild_id, state.user_id))
            same_place = before is not None and (before.channel_id, before.session_id) == (
                state.channel_id,
                state.session_id,
            )
            actions.enter_voice(self.world, state)
            if same_place and before is not None:
                if (before.self_mute, before.self_deaf) == (state.self_mute, state.self_deaf):
                    await self._announce_server(
                        state
                    )  # asked again where it is: it has lost its voice connection
                return
            if before is not None:
                # The voice socket falls first: to a client that still holds it, a server update would look
                # like a mere change of region.
                await self.close_socket(state.guild_id, DISCONNECTED)
            await self._announce_server(state)

    async def close_socket(self, guild_id: str, code: int) -> None:
        """Close the bot's voice socket. The client's own goodbye is not waited for: nextcord says none."""
        closing = self._spawn(self.voice.close(guild_id=guild_id, code=code))
        await asyncio.wait([closing], timeout=GOODBYE_SECONDS)

    async def _announce_server(self, state: VoiceState) -> None:
        await self._tell_people(state.guild_id)
        token = secrets.token_hex(8)
        self.voice.expect(
            guild_id=state.guild_id,
            channel_id=state.channel_id,
            user_id=state.user_id,
            session_id=state.session_id,
            token=token,
        )
        data: Json = {"guild_id": state.guild_id, "token": token, "endpoint": self.voice.endpoint}
        self.gateway.tell(state.session_id, "VOICE_SERVER_UPDATE", data)

    async def _tell_people(self, guild_id: str) -> None:
        bot_state = self.world.voice_states.get((guild_id, self.world.bot_id))
        if bot_state is None:
            return
        people = [
            each.user_id
            for each in self.world.guild_voice_states(guild_id)
            if each.channel_id == bot_state.channel_id and each.user_id != self.world.bot_id
        ]
        await self.voice.set_people(guild_id=guild_id, channel_id=bot_state.channel_id, user_ids=people)

    def _hear(self, event: Event) -> None:
        if (
            event.name == "VOICE_STATE_UPDATE"
            and event.guild_id
            and event.data["user_id"] != self.world.bot_id
        ):
            self._spawn(self._people_changed(event.guild_id))
        # The guild or the voice channel is gone, and the bot with it.
        if event.name in ("GUILD_DELETE", "CHANNEL_DELETE") and event.guild_id:
            self._spawn(self._hang_up(event.guild_id))

    async def _people_changed(self, guild_id: str) -> None:
        async with self._lock(guild_id):
            await self._tell_people(guild_id)

    def _session_ended(self, session: Session) -> None:
        for state in tuple(self.world.voice_states.values()):
            if state.user_id == self.world.bot_id and state.session_id == session.id:
                actions.leave_voice(self.world, state.guild_id, state.user_id)
                self._spawn(self._hang_up(state.guild_id))

    async def _hang_up(self, guild_id: str) -> None:
        async with self._lock(guild_id):
            # An outage ends no call, and a newer session may have joined meanwhile.
            if (guild_id, self.world.bot_id) not in self.world.voice_states:
                await self.voice.forget(guild_id=guild_id)

    def _lock(self, guild_id: str) -> asyncio.Lock:
        return self._locks.setdefault(guild_id, asyncio.Lock())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("Sandbox voice failed", exc_info=task.exception())

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
