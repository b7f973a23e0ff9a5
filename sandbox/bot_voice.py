"""The bot's voice connection: connects the gateway's op 4 with the voice server."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from typing import Any

from sandbox import actions, seats
from sandbox.gateway import Gateway
from sandbox.gateway_session import Session
from sandbox.model import ChannelType, Event, Json, VoiceState
from sandbox.shapes import VOICE_TYPES
from sandbox.voice.server import VoiceServer
from sandbox.world import World

log = logging.getLogger(__name__)

DISCONNECTED = 4014  # moved, kicked, or the gateway session ended
GOODBYE_SECONDS = 0.1


class BotVoice:
    """Moves the bot between voice channels, and keeps the voice server's list of people in its channel up to date.

    One lock per guild: a join, a move and a kick each send two events, which must not interleave.
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
        """Handle op 4. As on Discord, it is ignored if the channel is unknown, not for voice, forbidden or full."""
        guild_id = str(data.get("guild_id"))
        wanted = data.get("channel_id")
        if not self.world.bot_installed(guild_id) or not session.owns(guild_id):
            return
        if wanted is None:
            self._spawn(self.leave(guild_id), guild_id)
            return
        channel = self.world.channels.get(str(wanted))
        member = self.world.members[guild_id, self.world.bot_id]
        if channel is None or channel.guild_id != guild_id or channel.type not in VOICE_TYPES:
            return
        current = self.world.voice_states.get((guild_id, self.world.bot_id))
        here = current is not None and current.channel_id == channel.id
        if not here and seats.refusal(self.world, member, channel) is not None:
            return
        mute, deaf = bool(data.get("self_mute")), bool(data.get("self_deaf"))
        state = VoiceState(guild_id, channel.id, self.world.bot_id, session.id, mute, deaf)
        self._spawn(self._enter(state), state.guild_id)

    async def move(
        self,
        guild_id: str,
        channel_id: str,
        *,
        code: int | None = DISCONNECTED,
        server_first: bool = False,
        seconds: float = 0.0,
    ) -> None:
        """Move the bot to another channel, as a member with Move Members does. The bot needs no Connect there.

        The voice state and the voice server updates come in either order (disgoorg/disgo#580), `seconds` apart.
        The old voice socket is closed with 4014 or 4022 (disgoorg/disgo#603). With `code` None it stays open.
        """
        current = self.world.voice_states[guild_id, self.world.bot_id]
        state = VoiceState(
            guild_id,
            channel_id,
            current.user_id,
            current.session_id,
            current.self_mute,
            current.self_deaf,
        )
        async with self._lock(guild_id):
            if server_first:
                await self._hang_up_old(guild_id, code)
                await self._announce_server(state)
                await asyncio.sleep(seconds)
                seats.take(self.world, state)
            else:
                seats.take(self.world, state)
                await self._hang_up_old(guild_id, code)
                await asyncio.sleep(seconds)
                await self._announce_server(state)

    async def change_server(
        self, guild_id: str, *, code: int | None, null_first: bool, seconds: float
    ) -> None:
        """Move the call to another voice server, as when its region changes. The channel stays the same.

        With `null_first` the bot first gets an update whose endpoint is null: Discord sends that while it
        allocates a server (docs: Voice Server Update).
        """
        async with self._lock(guild_id):
            state = self.world.voice_states[guild_id, self.world.bot_id]
            if null_first:
                data: Json = {"guild_id": guild_id, "token": secrets.token_hex(8), "endpoint": None}
                self.gateway.dispatch_to(state.session_id, "VOICE_SERVER_UPDATE", data)
            await self._hang_up_old(guild_id, code)
            await asyncio.sleep(seconds)
            await self._announce_server(state)

    def is_alone(self, guild_id: str) -> bool:
        state = self.world.voice_states[guild_id, self.world.bot_id]
        return all(
            each.channel_id != state.channel_id or each.user_id == state.user_id
            for each in self.world.guild_voice_states(guild_id)
        )

    async def kick(self, guild_id: str, *, code: int = DISCONNECTED, state_first: bool = True) -> None:
        """Disconnect the bot from voice, as a moderator does.

        The voice state update and the close of the voice socket come in either order. `code` is 4014, or 4022
        when the bot is alone (discord-api-docs#7575).
        """
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
            seats.take(self.world, state)
            if same_place and before is not None:
                if (before.self_mute, before.self_deaf) == (state.self_mute, state.self_deaf):
                    await self._announce_server(
                        state
                    )  # the bot asks again for the same channel: it has lost its voice connection
                return
            if before is not None:
                # Close the voice socket first. A client that still has it open would take the server update
                # for a change of region.
                await self.close_socket(state.guild_id, DISCONNECTED)
            await self._announce_server(state)

    async def close_socket(self, guild_id: str, code: int) -> None:
        """Close the bot's voice socket. Wait only briefly for the bot's close frame, because nextcord sends none."""
        closing = self._spawn(self.voice.close(guild_id=guild_id, code=code), guild_id)
        await asyncio.wait([closing], timeout=GOODBYE_SECONDS)

    async def _hang_up_old(self, guild_id: str, code: int | None) -> None:
        """End the bot's old voice session. Its socket is closed with `code`. With None it stays open, muted."""
        if code is None:
            self.voice.mute_old(guild_id=guild_id)
        else:
            await self.close_socket(guild_id, code)

    async def _announce_server(self, state: VoiceState) -> None:
        await self._update_people(state.guild_id, state.channel_id)
        token = secrets.token_hex(8)
        channel = self.world.channels.get(state.channel_id)
        self.voice.expect(
            guild_id=state.guild_id,
            channel_id=state.channel_id,
            user_id=state.user_id,
            session_id=state.session_id,
            token=token,
            stage=channel is not None and channel.type == ChannelType.STAGE,
        )
        data: Json = {"guild_id": state.guild_id, "token": token, "endpoint": self.voice.endpoint}
        self.gateway.dispatch_to(state.session_id, "VOICE_SERVER_UPDATE", data)

    async def _update_people(self, guild_id: str, channel_id: str) -> None:
        people = [
            each.user_id
            for each in self.world.guild_voice_states(guild_id)
            if each.channel_id == channel_id and each.user_id != self.world.bot_id
        ]
        await self.voice.set_people(guild_id=guild_id, channel_id=channel_id, user_ids=people)

    def _hear(self, event: Event) -> None:
        if event.name == "VOICE_STATE_UPDATE" and event.guild_id:
            if event.data["user_id"] != self.world.bot_id:
                self._spawn(self._people_changed(event.guild_id), event.guild_id)
            else:
                silenced = seats.is_silenced(self.world, event.guild_id, self.world.bot_id)
                self.voice.silence(guild_id=event.guild_id, silenced=silenced)
        # The guild or the voice channel is gone, and the bot with it.
        if event.name in ("GUILD_DELETE", "CHANNEL_DELETE") and event.guild_id:
            self._spawn(self._hang_up(event.guild_id), event.guild_id)

    async def _people_changed(self, guild_id: str) -> None:
        async with self._lock(guild_id):
            if state := self.world.voice_states.get((guild_id, self.world.bot_id)):
                await self._update_people(guild_id, state.channel_id)

    def _session_ended(self, session: Session) -> None:
        for state in tuple(self.world.voice_states.values()):
            if state.user_id == self.world.bot_id and state.session_id == session.id:
                actions.leave_voice(self.world, state.guild_id, state.user_id)
                self._spawn(self._hang_up(state.guild_id), state.guild_id)

    async def _hang_up(self, guild_id: str) -> None:
        async with self._lock(guild_id):
            # An outage does not end a call, and a newer session may have joined in the meantime.
            if (guild_id, self.world.bot_id) not in self.world.voice_states:
                await self.voice.forget(guild_id=guild_id)

    def _lock(self, guild_id: str) -> asyncio.Lock:
        return self._locks.setdefault(guild_id, asyncio.Lock())

    def _spawn(self, work: Coroutine[Any, Any, None], guild_id: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"guild {guild_id}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("Voice failed in %s of the sandbox", task.get_name(), exc_info=task.exception())

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
