"""The nextcord bot: its gateway feeds the mirror, its guilds each have a reconciler."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

import aiohttp
import nextcord
from django.conf import settings
from nextcord.ext import commands

from accounts.discord import tls_context
from botrunner import status
from botrunner.cogs.music import Music
from botrunner.mirror import Mirror
from botrunner.reconciler import Reconciler
from queue_app.domain.playback import lease_owner
from realtime import hints

log = logging.getLogger(__name__)

RETRY_SECONDS = (1, 2, 5, 10, 30)


def _intents() -> nextcord.Intents:
    intents = nextcord.Intents.none()
    intents.guilds = True
    intents.voice_states = True
    return intents


class Bot(commands.Bot):
    """Build it on the running loop; `close()` leaves voice in every guild first."""

    def __init__(self) -> None:
        nextcord.http.Route.BASE = settings.DISCORD_API_URL
        super().__init__(
            intents=_intents(),
            connector=aiohttp.TCPConnector(ssl=tls_context()),
            allowed_mentions=nextcord.AllowedMentions.none(),  # titles come from strangers
            member_cache_flags=nextcord.MemberCacheFlags.from_intents(_intents()),
            chunk_guilds_at_startup=False,
            max_messages=None,
        )
        self._reconcilers: dict[str, Reconciler] = {}
        self._stopping: set[asyncio.Task[None]] = set()  # reconcilers of guilds that the bot is no more in
        self._ending = False
        self._syncing: asyncio.Task[Any] | None = None
        self.mirror = Mirror(self, self._guild_changed)
        self.add_cog(Music(self))
        hints.ensure_relay()
        self._unlisten = hints.listen(self._hinted)
        status.publish(self._describe)

    # --- Reconcilers ---

    def _hinted(self, store_name: str, seq: int) -> None:
        reconciler = self._reconcilers.get(store_name.removeprefix("guild:"))
        if reconciler is not None:
            reconciler.wake()

    def _guild_changed(self, guild_id: str) -> None:
        """After a write of the mirror: a guild the bot is in has a reconciler, another has none."""
        if self._ending:
            return  # a write that was under way; what it started would hold the lease and never play
        if self.get_guild(int(guild_id)) is None:
            reconciler = self._reconcilers.pop(guild_id, None)
            if reconciler is not None:
                task = asyncio.create_task(reconciler.stop())
                self._stopping.add(task)
                task.add_done_callback(self._stopping.discard)
        elif guild_id in self._reconcilers:
            self._reconcilers[guild_id].wake()
        else:
            self._reconcilers[guild_id] = Reconciler(self, guild_id, owner=lease_owner())

    def _describe(self) -> dict[str, Any]:
        latency = self.latency
        return {
            "shards": [
                {
                    "id": self.shard_id or 0,
                    "latency_ms": None if math.isnan(latency) else round(latency * 1000),
                }
            ],
            "guilds": len(self.guilds),
            "voice": [reconciler.describe() for reconciler in self._reconcilers.values()],
        }

    async def close(self) -> None:
        if self._ending:
            return
        self._ending = True
        status.publish(None)
        self._unlisten()
        if self._syncing is not None:
            self._syncing.cancel()
        await self.mirror.close()
        reconcilers, self._reconcilers = list(self._reconcilers.values()), {}
        await asyncio.gather(*self._stopping, *(reconciler.stop() for reconciler in reconcilers))
        await super().close()

    # --- Gateway events ---

    async def on_connect(self) -> None:
        """Register the slash commands, as nextcord does; a bot that ends meanwhile breaks off without a fault."""
        self._syncing = asyncio.current_task()
        await super().on_connect()

    async def on_ready(self) -> None:
        log.info("Connected to Discord as %s, in %s guilds", self.user, len(self.guilds))
        await self.mirror.drop_vanished()

    async def on_guild_available(self, guild: nextcord.Guild) -> None:
        await self.mirror.write(guild)

    async def on_guild_join(self, guild: nextcord.Guild) -> None:
        await self.mirror.write(guild)

    async def on_guild_remove(self, guild: nextcord.Guild) -> None:
        await self.mirror.left(guild.id)

    async def on_guild_update(self, before: nextcord.Guild, after: nextcord.Guild) -> None:
        self.mirror.touch(after)

    async def on_guild_channel_create(self, channel: nextcord.abc.GuildChannel) -> None:
        self.mirror.touch(channel.guild)

    async def on_guild_channel_delete(self, channel: nextcord.abc.GuildChannel) -> None:
        self.mirror.touch(channel.guild)

    async def on_guild_channel_update(
        self, before: nextcord.abc.GuildChannel, after: nextcord.abc.GuildChannel
    ) -> None:
        self.mirror.touch(after.guild)

    async def on_guild_role_create(self, role: nextcord.Role) -> None:
        self.mirror.touch(role.guild)

    async def on_guild_role_delete(self, role: nextcord.Role) -> None:
        self.mirror.touch(role.guild)

    async def on_guild_role_update(self, before: nextcord.Role, after: nextcord.Role) -> None:
        self.mirror.touch(after.guild)

    async def on_voice_state_update(
        self, member: nextcord.Member, before: nextcord.VoiceState, after: nextcord.VoiceState
    ) -> None:
        await self.mirror.voice(member, after)

    async def on_error(self, event_method: str, *args: Any, **kwargs: Any) -> None:
        if not self._ending:
            log.exception("Handling %s failed", event_method)


async def run_bot(stop: asyncio.Event) -> None:
    """Keep a bot connected until `stop` is set. A bot that fails is built anew; nothing is raised."""
    attempt = 0
    while not stop.is_set():
        bot = Bot()
        running = asyncio.create_task(bot.start(settings.DISCORD_BOT_TOKEN), name="bot")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await bot.close()
        running.cancel()
        try:
            await running
        except asyncio.CancelledError:
            pass
        except nextcord.LoginFailure:
            log.error("Discord refuses the bot token. Check DISCORD_BOT_TOKEN.")
        except nextcord.PrivilegedIntentsRequired:
            log.error("Discord refuses the bot's intents. Turn them on in the developer portal, under Bot.")
        except Exception as error:
            log.warning("The bot stopped: %s", type(error).__name__)
        if not stop.is_set():
            delay = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
            attempt += 1
            log.info("Starting the bot again in %s s", delay)
            try:
                async with asyncio.timeout(delay):
                    await stop.wait()
            except TimeoutError:
                pass
