"""The bot's seat in a guild's voice channel: whether it may join, and whether people hear it there."""

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

SETTLING_SECONDS = 2.0  # within which Discord may report by itself that the bot may speak now
ASK_SECONDS = 5.0
AGAIN_SECONDS = 30.0  # between two attempts after Discord refused


def place(channel: VocalChannel) -> str:
    """Return how to call a channel in sentences that all members read: by name only if everyone may see it."""
    everyone, mine = channel.guild.default_role, channel.guild.self_role
    own_ids = {everyone.id, channel.guild.me.id, mine.id if mine else 0}
    # `channel.overwrites` leaves out members that are not in nextcord's cache.
    hidden = any(rule.deny & VIEW_CHANNEL for rule in channel._overwrites if rule.id not in own_ids)
    shown = not hidden and channel.permissions_for(everyone).view_channel
    return f"“{channel.name}”" if shown else "its voice channel"


def entry_obstacle_at(channel: VocalChannel) -> Obstacle | None:
    """Return what keeps the bot out of a voice channel, as of the gateway's last event; None if it may join."""
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
    """Return the obstacle if a moderator has muted the bot; None if it is not muted."""
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
    """Watches the bot's own voice state, and asks to speak on stages.

    `obstacle` is what keeps people from hearing the bot. `may_be_heard` is also False while a request to speak is
    pending. `stale`: the bot now has the permission to speak, but Discord checks it only at a join
    (discord-api-docs#4032).
    """

    def __init__(self) -> None:
        self.obstacle: Obstacle | None = None
        self.may_be_heard = True
        self.stale = False
        self._channel_id = 0
        self._asked = ""  # what it asked for on this stage: "speak" or "hand"
        self._tries = 0  # how often it asked for that
        self._refused = False
        self._asked_at = 0.0
        self._lacked = False  # the permission to speak was missing in this channel before
        self._allowed_since: float | None = None
        self._rejoin_at = 0.0

    async def look(self, guild: nextcord.Guild | None) -> None:
        """Read the voice state and act on it. Refusals by Discord are not raised."""
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
        """Become a speaker if the bot may, otherwise raise its hand once per visit: moderators decide then.

        Discord may refuse both to a bot that has just joined (10065, Unknown Voice State), so the first refusal is
        not reported.
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
            return None  # the new voice state is on its way, or the request is repeated
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
