"""One shard's nextcord client: its gateway feeds the mirror, and each of its guilds has a reconciler."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, Literal

import aiohttp
import nextcord
from django.conf import settings
from nextcord.backoff import ExponentialBackoff
from nextcord.ext import commands

from accounts.discord import DiscordObject, tls_context
from botrunner.additions import Additions
from botrunner.alerts import AlertPoster
from botrunner.card.keeper import CardKeeper
from botrunner.card.presses import press_card
from botrunner.cogs.adding import Adding
from botrunner.cogs.help import Help
from botrunner.cogs.history import History, press_redo, press_undo
from botrunner.cogs.jumping import Jumping
from botrunner.cogs.player import Playback
from botrunner.cogs.playlists import Playlists
from botrunner.cogs.queue import Queue
from botrunner.failures import Failures
from botrunner.heartbeat import Heartbeat, milliseconds
from botrunner.intents import Privileged, intents
from botrunner.leases import LeaseKeeper
from botrunner.lists import turn
from botrunner.mirror import Mirror
from botrunner.presence import Presence
from botrunner.reconciler import Reconciler
from botrunner.registering import register_commands
from botrunner.reply import Answering, Asked
from botrunner.request_channel.channels import RequestChannels
from botrunner.rest import Rest
from botrunner.suggestions import Suggestions
from database.owners import lease_owner
from guilds.domain.shards import claim_identify
from queue_app.queries import guilds_with_music
from realtime import hints
from realtime.db import in_thread

log = logging.getLogger(__name__)

MAX_RECONNECT_SECONDS = 15.0


class Backoff(ExponentialBackoff[Literal[False]]):
    """Caps nextcord's delay between two gateway connections, which reaches 15 minutes after an outage."""

    def delay(self) -> float:
        return min(super().delay(), random.uniform(0, MAX_RECONNECT_SECONDS))


nextcord.client.ExponentialBackoff = Backoff  # type: ignore[attr-defined, assignment]  # nextcord offers no option for it


class Bot(commands.Bot):
    """One shard's bot. Build it on the running loop. `close()` first leaves voice in every guild.

    `bucket` is the identify bucket (Discord: `max_concurrency`). `identified` is set after its first turn to identify.
    """

    def __init__(
        self, *, shard: int, count: int, bucket: int, granted: Privileged, keeper: LeaseKeeper
    ) -> None:
        nextcord.http.Route.BASE = settings.DISCORD_API_URL
        asked = intents(granted)
        connector = aiohttp.TCPConnector(ssl=tls_context())
        super().__init__(
            intents=asked,
            connector=connector,
            allowed_mentions=nextcord.AllowedMentions.none(),  # titles come from strangers
            member_cache_flags=nextcord.MemberCacheFlags.from_intents(asked),
            chunk_guilds_at_startup=False,
            max_messages=None,
            shard_id=shard,
            shard_count=count,
        )
        Rest.serve(self, connector)
        self.bucket = bucket
        self.granted = granted
        self._keeper = keeper
        self.identified = asyncio.Event()
        self._reconcilers: dict[str, Reconciler] = {}
        self._with_music: set[str] = set()  # guilds where something plays or is queued
        self._waiting: set[str] = set()  # guilds without a reconciler yet
        self._stopping: set[asyncio.Task[None]] = set()  # reconcilers of guilds that the bot has left
        self._ending = False
        self._syncing: asyncio.Task[object] | None = None
        self.mirror = Mirror(self, self._guild_changed)
        self._heartbeat = Heartbeat(self, process=lease_owner())
        self.cards = CardKeeper(
            owner=lease_owner(), serves=lambda guild_id: self.get_guild(int(guild_id)) is not None
        )
        self._presence = Presence(self)
        self._alerts = AlertPoster(shard=shard, count=count, owner=lease_owner())
        self._failures = Failures()
        additions = Additions(self._failures)
        self._requests = RequestChannels(
            self, additions, reads_content=granted.content, on_other=self.cards.saw_message
        )
        self._answering = Answering(
            self,
            {"card": press_card, "turn": turn, "undo": press_undo, "redo": press_redo},
            is_quiet=self._requests.is_request_channel,
        )
        # nextcord drops updates of members that are not in its cache, and parts of messages.
        self._also("GUILD_MEMBER_UPDATE", lambda data: self.dispatch("raw_member_update", data))
        self._also("MESSAGE_CREATE", self._requests.hear)
        self._hear_of_channel_statuses()
        self.add_listener(self._after_ready, "on_connect")
        self._add_cogs(additions)
        hints.ensure_relay()
        self._unlisten = hints.listen(self._hinted, calm=self._hinted_calmly)

    def _add_cogs(self, additions: Additions) -> None:
        """Add the slash commands, in the order in which /help lists them."""
        suggestions = Suggestions()
        self.add_cog(Adding(additions, suggestions))
        self.add_cog(Playback())
        self.add_cog(Jumping(suggestions))
        self.add_cog(Queue(suggestions))
        self.add_cog(Playlists(additions, suggestions))
        self.add_cog(History(suggestions))
        self.add_cog(Help(self))

    def _also(self, event: str, take: Callable[[DiscordObject], None]) -> None:
        """After nextcord, let `take` have the payload of each such event of the gateway."""
        parsers = self._connection.parsers
        parse = parsers[event]

        def heard(data: DiscordObject) -> None:
            parse(data)
            take(data)

        parsers[event] = heard

    def _hear_of_channel_statuses(self) -> None:
        """Handle two events that nextcord does not know."""

        def status(data: DiscordObject) -> None:
            reconciler = self._reconcilers.get(str(data["guild_id"]))
            if reconciler is not None:
                reconciler.channel_status.heard([data])

        def info(data: DiscordObject) -> None:
            reconciler = self._reconcilers.get(str(data["guild_id"]))
            if reconciler is not None:
                reconciler.channel_status.heard_all(data["channels"])

        parsers: dict[str, Any] = self._connection.parsers
        parsers["VOICE_CHANNEL_STATUS_UPDATE"] = status
        parsers["CHANNEL_INFO"] = info

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for a turn to identify, which all processes share. nextcord gives up after a minute and calls again."""
        while True:
            wait = await in_thread(claim_identify)(self.bucket)
            if not wait:
                break
            await asyncio.sleep(wait)
        self.identified.set()

    # --- Reconcilers ---

    def _hinted(self, store_name: str, seq: int) -> None:
        guild_id = store_name.removeprefix("guild:")
        if guild_id in self._reconcilers:
            self._reconcilers[guild_id].wake()
        elif guild_id in self._waiting:
            self._with_music.add(guild_id)  # perhaps: its reconciler finds out
            self._guild_changed(guild_id)

    def _hinted_calmly(self, store_name: str, seq: int) -> None:
        reconciler = self._reconcilers.get(store_name.removeprefix("guild:"))
        if reconciler is not None:
            reconciler.wake_soon()
        else:
            self._hinted(store_name, seq)

    def _guild_changed(self, guild_id: str) -> None:
        """After a mirror write: create a guild's reconciler, wake it, or stop it if the bot left the guild."""
        if self._ending:
            return  # a new reconciler would hold the lease and never play
        if self.get_guild(int(guild_id)) is None:
            self._waiting.discard(guild_id)
            reconciler = self._reconcilers.pop(guild_id, None)
            if reconciler is not None:
                task = asyncio.create_task(reconciler.stop())
                self._stopping.add(task)
                task.add_done_callback(self._stopping.discard)
        elif guild_id in self._reconcilers:
            self._reconcilers[guild_id].wake()
        else:
            self._waiting.add(guild_id)
        # After READY hundreds of guilds arrive at once. Guilds without music wait until all are mirrored.
        ready = self._waiting & self._with_music if self.mirror.busy else self._waiting
        self._waiting = self._waiting - ready
        for waiting in ready:
            self._reconcilers[waiting] = Reconciler(
                self, waiting, keeper=self._keeper, failures=self._failures
            )

    def describe_shard(self) -> dict[str, object]:
        return {
            "id": self.shard_id or 0,
            "count": self.shard_count,
            "latency_ms": milliseconds(self.latency),
            "members_intent": self.granted.members,
            "content_intent": self.granted.content,
        }

    def describe_voice(self) -> list[dict[str, object]]:
        return [reconciler.describe() for reconciler in self._reconcilers.values()]

    async def close(self) -> None:
        if self._ending:
            return
        self._ending = True
        self._unlisten()
        if self._syncing is not None:
            self._syncing.cancel()
        await self.mirror.close()
        await asyncio.gather(self._answering.close(), self._requests.close())
        self._failures.close()
        reconcilers, self._reconcilers = list(self._reconcilers.values()), {}
        await asyncio.gather(
            self._alerts.close(),
            self.cards.close(),
            self._presence.close(),
            *self._stopping,
            *(reconciler.stop() for reconciler in reconcilers),
        )
        await self._heartbeat.close()
        await super().close()

    # --- Interactions ---

    def get_interaction(self, data: DiscordObject, *, cls: type[Any] = Asked) -> Any:  # nextcord overloads it
        return super().get_interaction(data, cls=cls)

    async def on_interaction(self, interaction: nextcord.Interaction[Any]) -> None:
        assert isinstance(interaction, Asked)
        await self._answering.take(interaction)

    # --- Gateway events ---

    async def on_connect(self) -> None:
        """Register the slash commands, in place of nextcord. Remember the task, so that `close` can cancel it."""
        if self._ending:  # closed before it was connected
            return
        self._syncing = asyncio.current_task()
        # All shards have the same commands, so one of them registers them.
        await register_commands(self, write=self.shard_id == 0)

    async def _after_ready(self) -> None:
        """Handle READY: the list of guilds is known, their data still follows."""
        if self._ending:
            return
        self._with_music = await in_thread(guilds_with_music)()
        await self._heartbeat.ready()
        self._alerts.start()
        self.cards.start()
        self._presence.start()
        await self.mirror.drop_vanished()

    async def on_ready(self) -> None:
        shard = f"{self.shard_id} of {self.shard_count}"
        log.info("Connected to Discord as %s, shard %s, %s guilds", self.user, shard, len(self.guilds))
        self._retry_voice()
        await self.mirror.note_outages()
        await self._requests.sweep()

    def _retry_voice(self) -> None:
        for reconciler in self._reconcilers.values():
            reconciler.retry()

    async def on_resumed(self) -> None:
        self._retry_voice()
        await self._heartbeat.beat(connected=True)

    async def on_disconnect(self) -> None:
        await self._heartbeat.beat(connected=False)

    async def on_guild_available(self, guild: nextcord.Guild) -> None:
        await self.mirror.read(guild)

    async def on_guild_join(self, guild: nextcord.Guild) -> None:
        await self.mirror.read(guild)

    async def on_guild_unavailable(self, guild: nextcord.Guild) -> None:
        await self.mirror.outage(guild.id)

    async def on_guild_remove(self, guild: nextcord.Guild) -> None:
        await self.mirror.left(guild.id)

    async def on_member_join(self, member: nextcord.Member) -> None:
        self.mirror.count(member.guild.id)
        await self.mirror.member(
            member.guild.id, member.id, [role.id for role in member.roles if not role.is_default()]
        )

    async def on_raw_member_update(self, data: DiscordObject) -> None:
        """`data`: Discord's Guild Member Update."""
        guild_id, person_id = int(data["guild_id"]), int(data["user"]["id"])
        guild = self.get_guild(guild_id)
        if guild is not None and self.user is not None and person_id == self.user.id:
            self.mirror.touch(guild)  # the bot's own roles
        elif guild is not None:
            await self.mirror.member(guild_id, person_id, [int(role) for role in data["roles"]])

    async def on_raw_member_remove(self, event: nextcord.RawMemberRemoveEvent) -> None:
        self.mirror.count(event.guild_id)
        await self.mirror.member_left(event.guild_id, event.user.id)

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

    async def on_message(self, message: nextcord.Message) -> None:
        """Do not read commands from messages. `RequestChannels` takes them."""

    async def on_error(self, event_method: str, *args: object, **kwargs: object) -> None:
        if not self._ending:
            log.exception("Shard %s: could not handle %s", self.shard_id, event_method)
