"""Makes a guild play what the database says it should play.

Commands never reach the voice connection. They change the player's row. A hint or the timer then wakes the guild's
reconciler, which compares and acts. It alone writes the observed state, under a lease that keeps two processes from
playing in one guild.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from uuid import UUID

import nextcord

from botrunner.audio.source import TrackSource
from botrunner.channel_status import ChannelStatus
from botrunner.desired_state import DesiredState, read_desired_state
from botrunner.failures import Failures
from botrunner.leases import LeaseKeeper
from botrunner.moves import Moves, is_deleted
from botrunner.opening_lists import put_in_place
from botrunner.playing import Playing
from botrunner.resolving import Resolving
from botrunner.retries import Retries
from botrunner.seat import Seat, entry_obstacle_at, is_seated
from botrunner.voice import VoiceClient
from botrunner.waking import Waking
from database.owners import lease_owner
from library.sources.remote_lists import RemoteList
from queue_app.domain import playback
from queue_app.domain.empty_channel import ChannelChange
from queue_app.domain.votes import recount
from queue_app.errors import LeaseLost
from queue_app.player_states import SILENCES
from realtime.db import in_thread

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
RESTING_TICK_SECONDS = 60.0  # while idle; the lease keeper notices lost hints earlier
MAX_OPENINGS = 4
RESUMABLE_MS = 10_000  # a track whose transfer breaks is reopened if this much was heard since it was opened
CHECKPOINT_SECONDS = 2.0  # a crash repeats at most this much of a track, well under the promised five seconds


class Reconciler:
    """One guild's reconciler. On the loop, it reports failed items and opened playlists to `failures`."""

    def __init__(
        self,
        bot: nextcord.Client,
        guild_id: str,
        *,
        keeper: LeaseKeeper,
        failures: Failures,
    ) -> None:
        self.guild_id = guild_id
        self.owner = lease_owner()
        self.leased = self._lost = False
        self._bot = bot
        self._keeper = keeper
        self._failures = failures
        self._waking = Waking()
        self._wants_voice = False
        self._checkpoint_at = 0.0
        self._voice: VoiceClient | None = None
        self._playing: Playing | None = None
        self._seat = Seat()
        self.channel_status = ChannelStatus(bot, guild_id)
        self._observed: tuple[str | None, bool, str] = (None, False, "")
        self._retries = Retries()
        self._moves = Moves()
        self._resolving = Resolving(guild_id, owner=self.owner, failures=failures)
        # Per guild, so that a guild with many slow links delays only itself.
        self._openings = asyncio.Semaphore(MAX_OPENINGS)
        self._task = asyncio.create_task(self._run(), name=f"reconcile {guild_id}")
        keeper.add(self)

    def wake(self) -> None:
        """Reconcile again at once. On the event loop only."""
        self._waking.wake()

    def wake_soon(self) -> None:
        """Reconcile again soon, but not too often: it takes as much CPU as an add. On the event loop only."""
        self._waking.wake_soon()

    def retry(self) -> None:
        """Discord is reachable again: retry failed connections at once. On the event loop only."""
        self._retries.at_once()
        self.wake()

    def describe(self) -> dict[str, object]:
        return {
            "guild_id": self.guild_id,
            "channel_id": self._observed[0],
            "item_id": str(self._playing.item_id) if self._playing else None,
        }

    async def _run(self) -> None:
        while True:
            await self._waking.wait(self._patience())
            try:
                try:
                    await self._tick()
                except LeaseLost:
                    log.info("Guild %s: another process plays here now, stopping", self.guild_id)
                    await self._release(quietly=True)
            except Exception:
                log.exception("Guild %s: reconciling failed, retrying", self.guild_id)
                await asyncio.sleep(1)
                self.wake()

    @property
    def resting(self) -> bool:
        """Whether nothing plays and nothing should. Only an event can change that, and events wake the reconciler."""
        return self.leased and self._playing is None and self._voice is None and not self._wants_voice

    def _patience(self) -> float:
        if self.leased and not self.resting:
            return TICK_SECONDS
        return RESTING_TICK_SECONDS * random.uniform(0.8, 1.2)  # spread over time for hundreds of guilds

    # --- One pass ---

    async def _tick(self) -> None:
        if not await self._hold_lease():
            return
        await self._moves.settle()  # an unwritten move looks like a connection in the wrong channel
        desired = await in_thread(read_desired_state)(self.guild_id)
        if desired.channel_change is not ChannelChange.NONE or desired.recount:
            await self._db(playback.settle_empty_channel)
            await in_thread(recount)(self.guild_id)
            desired = await in_thread(read_desired_state)(self.guild_id)
        if desired.decision is not None:
            await self._db(desired.decision)
            desired = await in_thread(read_desired_state)(self.guild_id)
        if desired.unresolved:
            self._resolving.start()
        self._open(desired)  # it opens while the voice connection is made
        await self._settle_voice(desired)
        await self._seat.look(self._bot.get_guild(int(self.guild_id)))
        await self._settle_sound(desired)
        await self._observe(desired)

    async def _db[R](self, function: Callable[..., R], **arguments: object) -> R:
        return await in_thread(function)(self.guild_id, owner=self.owner, **arguments)

    async def _hold_lease(self) -> bool:
        if self._lost:
            raise LeaseLost
        if not self.leased:
            self.leased = await self._db(playback.take_lease)
        return self.leased

    def lose_lease(self) -> None:
        """Note that another process has taken the lease."""
        self._lost = True
        self.wake()

    # --- Voice ---

    async def _settle_voice(self, desired: DesiredState) -> None:
        wanted = None if desired.stopped else desired.channel_id
        self._wants_voice = wanted is not None
        voice = self._voice
        if self._moves.pending:
            return  # somebody moved the bot meanwhile, and the desired state is outdated
        if wanted is None or (voice is not None and voice.kicked):
            await self._leave()
            return
        self._retries.aim(wanted, desired.item_id, error_code=desired.error_code)
        if voice is not None and voice.failure is not None:
            failure, voice.failure = voice.failure, None
            if self._retries.note(failure, lasted=voice.lasted, item_id=desired.item_id):
                await self._leave()
                await self._report(failure.code, str(failure), desired)
        if voice is not None and voice.healthy and self._seat.stale:
            await self._leave()  # and join again: Discord checks permissions only at a join
        elif voice is not None and (voice.asking or voice.is_bound_for(wanted)):
            return
        if self._retries.due:
            await self._join(wanted, desired)

    async def _join(self, channel_id: str, desired: DesiredState) -> None:
        guild = self._bot.get_guild(int(self.guild_id))
        if guild is None or guild.unavailable:
            return  # Discord has not sent the guild since the connection was lost
        channel = guild.get_channel(int(channel_id))
        if not isinstance(channel, nextcord.VoiceChannel | nextcord.StageChannel):
            await self._leave()
            await self._report("UNKNOWN_CHANNEL", SILENCES["UNKNOWN_CHANNEL"].sentence, desired)
            return
        obstacle = None if is_seated(channel) else entry_obstacle_at(channel)
        if obstacle is not None:  # Discord would not answer, and the event that removes the obstacle wakes us
            await self._leave()
            await self._report(obstacle.code, obstacle.detail, desired)
            return
        if self._voice is None:
            self._voice = VoiceClient(self._bot, channel, on_moved=self._moved, on_change=self.wake)
        await self.channel_status.clear()
        await self._voice.ask(channel)

    async def _report(self, code: str, detail: str, desired: DesiredState) -> None:
        if desired.item_id is None:
            return  # nothing should play, so nothing is wrong
        if (desired.error_code, desired.error_detail) != (code, detail):
            await self._db(playback.report_error, code=code, detail=detail, channel_id=desired.channel_id)
        self._retries.reported = True

    def _moved(self, channel_id: str | None) -> None:
        """Store that somebody moved the bot or disconnected it. It counts like a command."""
        self._moves.add(self._note_move(channel_id, self._voice.channel if self._voice is not None else None))

    async def _note_move(self, channel_id: str | None, left: nextcord.abc.GuildChannel | None) -> None:
        try:
            await self._save_position()
            if channel_id is None and left is not None and await is_deleted(left, self._bot):
                await self._db(playback.lose_channel)
            else:
                await self._db(playback.moved, channel_id=channel_id)
        except LeaseLost:
            log.debug("Guild %s: ignored a move, another process plays here", self.guild_id)
        self.wake()

    async def _leave(self) -> None:
        voice, self._voice = self._voice, None
        if voice is None:
            return
        await self._save_position()
        playing = self._playing
        if playing is not None and playing.begun:
            # The source belongs to nextcord's player thread. A new one will continue at the saved position.
            self._drop_playing()
        await self.channel_status.clear()
        await voice.leave()
        self.wake()

    # --- Sound ---

    def _open(self, desired: DesiredState) -> None:
        """Open the current item, and close any other."""
        playing = self._playing
        if playing is not None and (playing.item_id, playing.jumps) != (desired.item_id, desired.jumps):
            self._drop_playing()
        if self._playing is None and desired.needs_source:
            self._playing = Playing(desired, slots=self._openings, on_change=self.wake)

    async def _settle_sound(self, desired: DesiredState) -> None:
        playing, voice = self._playing, self._voice
        if playing is None:
            return
        if playing.info is not None:
            info, playing.info = playing.info, None
            await self._db(playback.resolve_track, item_id=playing.item_id, info=info)
        if playing.listed is not None:
            await self._open_list(playing, playing.listed)
        elif playing.error is not None:
            await self._fail(playing, playing.error.code, playing.error.detail)
        elif playing.ended:
            await self._end(playing)
        elif playing.broken:
            await self._reopen()
        elif playing.source is not None and voice is not None and voice.healthy:
            playing.source.set_volume(desired.volume)
            held = desired.paused or not self._seat.may_be_heard
            if voice.source is not playing.source and not held:
                self._play(voice, playing, playing.source)
            elif held and voice.is_playing():
                voice.pause()
                await self._save_position()
            elif not held and voice.is_paused():
                voice.resume()
            if voice.is_playing() and time.monotonic() >= self._checkpoint_at:
                await self._save_position()

    def _play(self, voice: VoiceClient, playing: Playing, source: TrackSource) -> None:
        loop = asyncio.get_running_loop()

        def ended(error: Exception | None) -> None:
            if error is not None:
                log.error("Guild %s: the player thread failed", self.guild_id, exc_info=error)
            try:
                loop.call_soon_threadsafe(note_end, error is not None)
            except RuntimeError:
                log.debug("Guild %s: the player thread ended after the event loop", self.guild_id)

        def note_end(failed: bool) -> None:
            # A lost connection or a skip cuts the source off before it is finished.
            playing.ended = source.finished
            playing.broken = failed and not playing.ended
            self.wake()

        voice.stop()
        voice.play(source, after=ended)
        playing.begun = True

    async def _reopen(self) -> None:
        """Open the current item again, at its position."""
        await self._save_position()
        self._drop_playing()
        self.wake()

    async def _end(self, playing: Playing) -> None:
        error = playing.source.error if playing.source else None
        if error is not None and not error.permanent and playing.heard_ms >= RESUMABLE_MS:
            # A server that broke off a long transfer may well serve the file again, and the position is known.
            log.info("Guild %s: reopening item %s: %s", self.guild_id, playing.item_id, error.code)
            await self._reopen()
            return
        if error is not None:
            await self._fail(playing, error.code, error.detail)
            return
        self._drop_playing()
        await self._db(playback.finish, item_id=playing.item_id, jumps=playing.jumps)
        self.wake()

    async def _fail(self, playing: Playing, code: str, detail: str) -> None:
        log.info("Guild %s: item %s failed: %s", self.guild_id, playing.item_id, code)
        self._drop_playing()
        if await self._db(playback.fail, item_id=playing.item_id, code=code, detail=detail):
            self._failures.report(playing.item_id, detail)
        self.wake()

    async def _open_list(self, playing: Playing, listed: RemoteList) -> None:
        """Replace the current item, a link to a playlist, by the tracks of the playlist."""

        async def fail(item_id: UUID, code: str, detail: str) -> None:
            await self._fail(playing, code, detail)

        await put_in_place(
            self.guild_id,
            playing.item_id,
            listed,
            owner=self.owner,
            told=self._failures.report_list,
            fail=fail,
        )
        if self._playing is playing:
            self._drop_playing()
        self.wake()

    def _drop_playing(self) -> None:
        playing, self._playing = self._playing, None
        if playing is not None:
            if self._voice is not None and self._voice.source is playing.source:
                self._voice.stop()
            playing.close()

    async def _save_position(self) -> None:
        playing = self._playing
        if playing is None or not playing.begun:
            return
        self._checkpoint_at = time.monotonic() + CHECKPOINT_SECONDS
        await in_thread(playback.checkpoint)(
            self.guild_id,
            owner=self.owner,
            item_id=playing.item_id,
            jumps=playing.jumps,
            position_ms=playing.position_ms,
        )

    # --- Observed state ---

    async def _observe(self, desired: DesiredState) -> None:
        voice, playing = self._voice, self._playing
        if voice is not None and voice.between_links and self._observed[0] is not None:
            return  # it is changing from one voice server to another
        connected = voice.heard_in if voice is not None else None
        source = playing.source if playing else None
        sounding = bool(connected and voice and source and voice.source is source and voice.is_playing())
        there = connected is not None and connected == desired.channel_id
        obstacle = self._seat.obstacle if there and not desired.paused else None
        self.channel_status.show(connected if there else None, "" if obstacle else desired.status)
        code, detail = (obstacle.code, obstacle.detail) if obstacle else ("", "")
        # Once connected, an earlier error no longer holds.
        unreported = connected is not None and desired.item_id is not None and desired.error_code != code
        if (connected, sounding, detail) != self._observed or unreported:
            await self._db(
                playback.observe,
                connected_channel_id=connected,
                sounding=sounding,
                position_ms=playing.position_ms if sounding and playing else None,
                jumps=playing.jumps if playing else None,
                code=code,
                detail=detail,
            )
            self._observed = (connected, sounding, detail)
        if connected:
            self._retries.reported = False

    # --- The end ---

    async def _release(self, *, quietly: bool = False) -> None:
        self.leased = self._lost = False
        self._drop_playing()
        voice, self._voice = self._voice, None
        if voice is not None:
            if not quietly:
                await self.channel_status.clear()
            await voice.leave(quietly=quietly)
        self._observed = (None, False, "")

    async def stop(self) -> None:
        """Save the position, leave voice and release the lease. The desired state stays as it is."""
        self._task.cancel()
        self._waking.stop()
        self._keeper.remove(self)
        self._resolving.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._save_position()
            await self._release()
            await self._db(playback.release)
        except Exception:
            log.exception("Guild %s: could not stop the player", self.guild_id)
