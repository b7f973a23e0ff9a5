"""The bot's seat in a guild's voice channel: whether it may take it, and whether anybody hears it there."""

from __future__ import annotations

import asyncio
import logging
import time

import nextcord

from guilds.channel_permissions import (
    CONNECT,
    MUTE_MEMBERS,
    REQUEST_TO_SPEAK,
    SPEAK,
    VIEW_CHANNEL,
    Obstacle,
    entry_obstacle,
)

log = logging.getLogger(__name__)

type VocalChannel = nextcord.VoiceChannel | nextcord.StageChannel

SETTLING_SECONDS = 2.0  # in which Discord may say by itself that the bot speaks now
ASK_SECONDS = 5.0
AGAIN_SECONDS = 30.0  # between two tries at what Discord refused


def place(channel: VocalChannel) -> str:
    """Return what sentences call a channel, which everybody in the guild reads: by its name where all may see it."""
    everyone, mine = channel.guild.default_role, channel.guild.self_role
    own_ids = {everyone.id, channel.guild.me.id, mine.id if mine else 0}
    # `overwrites` leaves out those of people whom the gateway has not told of.
    hidden = any(rule.deny & VIEW_CHANNEL for rule in channel._overwrites if rule.id not in own_ids)
    shown = not hidden and channel.permissions_for(everyone).view_channel
    return f"“{channel.name}”" if shown else "its voice channel"


def entry_obstacle_at(channel: VocalChannel) -> Obstacle | None:
    """Return what keeps the bot out of a voice channel by the gateway's last word; None when it may enter."""
    me = channel.guild.me
    afk = channel.guild.afk_channel
    return entry_obstacle(
        place(channel),
        permissions=channel.permissions_for(me).value,
        user_limit=channel.user_limit or 0,
        occupants=sum(person_id != me.id for person_id in channel.voice_states),
        afk=afk is not None and afk.id == channel.id,
    )


def server_mute(guild: nextcord.Guild) -> Obstacle | None:
    """Return what a moderator's mute of the bot means for those in its channel; None when it is not muted."""
    state = guild.me.voice if guild.me is not None else None
    if state is None or state.channel is None or not state.mute:
        return None
    return Obstacle(
        "SERVER_MUTED",
        f"The bot is server-muted in {place(state.channel)}. Unmute it, and playback continues.",
    )


def is_seated(channel: VocalChannel) -> bool:
    """Whether the bot is in that channel."""
    state = channel.guild.me.voice
    return state is not None and state.channel == channel


class Seat:
    """Looks at the bot's own voice state, and asks to speak on stages.

    `obstacle` is what keeps people from hearing the bot. `may_be_heard` is false also while that is being settled.
    `stale`: it may speak by now, but Discord looks at permissions only when one joins (discord-api-docs#4032).
    """

    def __init__(self) -> None:
        self.obstacle: Obstacle | None = None
        self.may_be_heard = True
        self.stale = False
        self._channel_id = 0
        self._asked = ""  # on this stage: "speak" or "hand"
        self._tries = 0  # at that
        self._refused = False
        self._asked_at = 0.0
        self._lacked = False  # in this channel the permission to speak was missing before
        self._allowed_since: float | None = None
        self._rejoin_at = 0.0

    async def look(self, guild: nextcord.Guild | None) -> None:
        """Read the voice state again, and act on it. Never raises for what Discord refuses."""
        state = guild.me.voice if guild is not None and guild.me is not None else None
        self.obstacle, self.stale = None, False
        self.may_be_heard = state is None or not (state.mute or state.suppress)
        channel = state.channel if state is not None else None
        if channel is None or channel.id != self._channel_id:
            self._channel_id = channel.id if channel is not None else 0
            self._asked, self._lacked, self._allowed_since = "", False, None
        if state is None or channel is None or self.may_be_heard:
            return
        assert guild is not None
        permissions = channel.permissions_for(guild.me).value
        if state.suppress and isinstance(channel, nextcord.StageChannel):
            self.obstacle = await self._speak_on(channel, permissions)
        elif state.suppress:
            self.obstacle = self._wait_for_permission(channel, permissions)
        self.obstacle = server_mute(guild) or self.obstacle

    async def _speak_on(self, stage: nextcord.StageChannel, permissions: int) -> Obstacle | None:
        """Become a speaker where the bot may, else raise its hand: once on each visit, moderators decide then.

        Discord may refuse both to a bot that has only just come (10065, Unknown Voice State), so the first refusal
        is not reported.
        """
        what = "speak" if permissions & MUTE_MEMBERS else "hand" if permissions & REQUEST_TO_SPEAK else ""
        again_after = SETTLING_SECONDS if self._tries == 1 else AGAIN_SECONDS
        due = self._refused and time.monotonic() - self._asked_at >= again_after
        if what and (what != self._asked or due):
            self._tries = self._tries + 1 if what == self._asked else 1
            self._asked = what
            self._refused = not await self._ask(stage, what)
            self._asked_at = time.monotonic()
        settling = time.monotonic() - self._asked_at < SETTLING_SECONDS
        if what and settling and (self._tries == 1 if self._refused else what == "speak"):
            return None  # the voice state that says so is on its way, or it asks again
        if what == "hand" and not self._refused:
            detail = (
                f"The bot is in the audience of {place(stage)} and has raised its hand. Invite it to speak."
            )
        else:
            detail = (
                f"The bot is in the audience of {place(stage)}. Invite it to speak, or grant it Request to Speak "
                "or Mute Members."
            )
        return Obstacle("NOT_ALLOWED_TO_SPEAK", detail)

    async def _ask(self, stage: nextcord.StageChannel, what: str) -> bool:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                if what == "speak":
                    await stage.guild.me.edit(suppress=False)
                else:
                    await stage.guild.me.request_to_speak()
        except (OSError, nextcord.DiscordException) as error:  # TimeoutError is an OSError
            log.info("Could not ask to speak on stage %s: %r", stage.id, error)
            return False
        return True

    def _wait_for_permission(self, channel: VocalChannel, permissions: int) -> Obstacle:
        needs = (("View Channel", VIEW_CHANNEL), ("Connect", CONNECT), ("Speak", SPEAK))
        lacks = next((name for name, bit in needs if not permissions & bit), None)
        if lacks is None:
            now = time.monotonic()
            self._allowed_since = self._allowed_since or now
            patience = SETTLING_SECONDS if self._lacked else AGAIN_SECONDS
            self.stale = now - self._allowed_since >= patience and now >= self._rejoin_at
            if self.stale:
                self._rejoin_at = now + AGAIN_SECONDS
            detail = (
                f"The bot was not allowed to speak when it joined {place(channel)}. It will join again soon."
            )
        else:
            self._lacked, self._allowed_since = True, None
            detail = (
                f"The bot may not speak in {place(channel)}: it lacks the permission {lacks} there. "
                "Grant it, or choose another channel."
            )
        return Obstacle("NOT_ALLOWED_TO_SPEAK", detail)
