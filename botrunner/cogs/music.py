"""Slash commands: translated into the command core and back into a reply."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import nextcord
from django.conf import settings
from nextcord.ext import commands
from nextcord.utils import escape_markdown

from botrunner.database import from_database
from botrunner.failures import Failures
from botrunner.labels import clock, cut, label
from botrunner.mirror import store_member
from botrunner.reply import Asked, for_the_asker, tell_failure
from botrunner.suggestions import Suggestions
from guilds.models import MAX_VOLUME
from queue_app.commands import execute
from queue_app.models import Player, QueueItem
from queue_app.player_states import NOWHERE, SILENCES
from queue_app.queries import count_ahead, load_player, move_by_number, queued_items
from realtime.domain.answer import Answer
from realtime.models import Via
from realtime.origin import Origin

IN_GUILDS = [nextcord.InteractionContextType.guild]
ACCENT = 0xF2A33A
LISTED = 10
MAX_LABEL = 120


def _execute(asked: Asked, name: str, args: dict[str, Any]) -> Answer:
    member = asked.user
    assert isinstance(member, nextcord.Member)  # the commands exist in guilds only
    # The interaction's id makes a repeated delivery harmless, and a second try.
    origin = Origin(user=store_member(member), via=Via.DISCORD, command_id=f"interaction-{asked.id}")
    return execute(str(asked.guild_id), name, args, origin=origin)


async def _run(asked: Asked, name: str, args: dict[str, Any] | None = None) -> dict[str, Any]:
    """Carry a command out and return its result. Refusals are raised, and told by the cog's error handler."""
    result: dict[str, Any] = (await from_database(_execute, asked, name, args or {})).result
    return result


async def _why_silent(asked: Asked) -> str:
    """Return what keeps the music from being heard, with a space before it; empty where nothing does."""
    player = await from_database(load_player, str(asked.guild_id))
    if player.silence:
        return f" {player.silence[1]}"
    # The bot finds out in a moment; the person reads it now.
    return f" {SILENCES[NOWHERE].sentence}" if player.voice_channel_id is None else ""


class Music(commands.Cog):
    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._suggestions = Suggestions()

    @nextcord.slash_command(description="Add a track to the queue.", contexts=IN_GUILDS)
    async def play(
        self,
        interaction: Asked,
        query: str = nextcord.SlashOption(description="What to play: a search or a link."),
        position: str = nextcord.SlashOption(
            description="Where to put it.", choices=["end", "next", "now"], required=False, default="end"
        ),
    ) -> None:
        meant = self._suggestions.meant(query)
        item = await _run(interaction, "AddTrack", {"query": meant, "position": position})
        self._failures.expect(
            UUID(item["id"]), interaction, _track_embed("Could not be played", item["track"])
        )
        ahead = await from_database(count_ahead, str(interaction.guild_id), rank=item["rank"])
        where = "Up next." if ahead == 0 else f"Number {ahead + 1} in the queue."
        footer = where + await _why_silent(interaction)
        await interaction.tell(embed=_track_embed("Added", item["track"]).set_footer(text=footer))

    @play.on_autocomplete("query")
    async def complete_query(self, interaction: Asked, typed: str) -> None:
        await interaction.suggest(await self._suggestions.find(typed or ""))

    @nextcord.slash_command(description="Skip the current track.", contexts=IN_GUILDS)
    async def skip(self, interaction: Asked) -> None:
        item = await _run(interaction, "Skip")
        title = f"**{_title(item['track'])}**"
        if vote := item["vote"]:
            said = f"{vote['votes']} of {vote['needed']} votes to skip {title}. Type /skip to add yours."
        else:
            said = f"Skipped {title}."
        await interaction.tell(said)

    @nextcord.slash_command(description="Pause the music.", contexts=IN_GUILDS)
    async def pause(self, interaction: Asked) -> None:
        await _run(interaction, "Pause")
        await interaction.tell("Paused.")

    @nextcord.slash_command(description="Go on with the music.", contexts=IN_GUILDS)
    async def resume(self, interaction: Asked) -> None:
        await _run(interaction, "Resume")
        await interaction.tell("Going on." + await _why_silent(interaction))

    @nextcord.slash_command(description="Set how loud the music is.", contexts=IN_GUILDS)
    async def volume(
        self,
        interaction: Asked,
        level: int = nextcord.SlashOption(
            description="Percent; 100 is the original.", min_value=0, max_value=MAX_VOLUME
        ),
    ) -> None:
        await _run(interaction, "SetVolume", {"volume": level})
        await interaction.tell(f"Volume {level} %.")

    @nextcord.slash_command(description="Move a track within the queue.", contexts=IN_GUILDS)
    async def move(
        self,
        interaction: Asked,
        number: int = nextcord.SlashOption(description="Its number in /queue.", min_value=1),
        to: int = nextcord.SlashOption(description="The number that it should have.", min_value=1),
    ) -> None:
        found = await from_database(move_by_number, str(interaction.guild_id), number=number, to=to)
        if found is None:
            await interaction.tell("The queue is not that long.", private=True)
            return
        item_id, after, place = found
        item = await _run(interaction, "MoveItem", {"item_id": item_id, "after": after})
        await interaction.tell(f"**{_title(item['track'])}** is number {place} now.")

    @nextcord.slash_command(description="Empty the queue; what plays goes on.", contexts=IN_GUILDS)
    async def clear(self, interaction: Asked) -> None:
        cleared = await _run(interaction, "ClearQueue")
        count, failed = cleared["removed"], cleared.get("dismissed", 0)
        said = []
        if count:
            said.append(f"Took {'one track' if count == 1 else f'{count} tracks'} out of the queue.")
        if failed:
            said.append(f"Dismissed {'one failed track' if failed == 1 else f'{failed} failed tracks'}.")
        await interaction.tell(" ".join(said) or "The queue was empty.", private=not said)

    @nextcord.slash_command(
        description="Play in a voice channel: the one you name, or yours.", contexts=IN_GUILDS
    )
    async def join(
        self,
        interaction: Asked,
        channel: nextcord.abc.GuildChannel | None = nextcord.SlashOption(
            description="Without it, the channel you are in.",
            channel_types=[nextcord.ChannelType.voice, nextcord.ChannelType.stage_voice],
            required=False,
            default=None,
        ),
    ) -> None:
        member = interaction.user
        if channel is None and isinstance(member, nextcord.Member) and member.voice:
            channel = member.voice.channel
        if channel is None:
            await interaction.tell("Join a voice channel first, or name one.", private=True)
            return
        await _run(interaction, "JoinVoice", {"channel_id": str(channel.id)})
        why = await _why_silent(interaction)
        await interaction.tell(
            f"Voice channel: {channel.mention}.{why}" if why else f"Playing in {channel.mention}."
        )

    @nextcord.slash_command(description="Leave the voice channel; the queue is kept.", contexts=IN_GUILDS)
    async def leave(self, interaction: Asked) -> None:
        await _run(interaction, "LeaveVoice")
        await interaction.tell("Bye. The queue is kept.")

    @nextcord.slash_command(description="Show what comes next.", contexts=IN_GUILDS)
    @for_the_asker
    async def queue(self, interaction: Asked) -> None:
        guild_id = str(interaction.guild_id)
        items = await from_database(queued_items, guild_id, limit=LISTED)
        player = await from_database(load_player, guild_id)
        await interaction.tell(embed=_queue_embed(items, player, guild_id))

    @nextcord.slash_command(description="Show what plays.", contexts=IN_GUILDS)
    @for_the_asker
    async def nowplaying(self, interaction: Asked) -> None:
        player = await from_database(load_player, str(interaction.guild_id))
        await interaction.tell(embed=_now_embed(player))

    async def cog_application_command_error(
        self, interaction: nextcord.Interaction[Any], error: Exception
    ) -> None:
        assert isinstance(interaction, Asked)
        await tell_failure(interaction, error)


def _title(track: dict[str, Any]) -> str:
    return escape_markdown(_label(track["title"] or track["uri"], track["artist"]))


def _label(title: str | None, artist: str | None) -> str:
    # An embed field takes 1,024 characters, a title may be a link of 2,000, and escaping doubles some.
    return cut(label(title, artist), MAX_LABEL)


def _track_embed(heading: str, track: dict[str, Any]) -> nextcord.Embed:
    embed = nextcord.Embed(title=heading, description=f"**{_title(track)}**", color=ACCENT)
    if track["duration_ms"]:
        embed.add_field(name="Length", value=clock(track["duration_ms"]))
    return embed


def _queue_embed(items: list[QueueItem], player: Player, guild_id: str) -> nextcord.Embed:
    lines = [
        f"{number}. {escape_markdown(_label(item.track.title or item.track.uri, item.track.artist))}"
        for number, item in enumerate(items, start=1)
    ]
    if player.queue_total > len(items):
        lines.append(f"… and {player.queue_total - len(items)} more")
    embed = nextcord.Embed(
        title="Up next", description="\n".join(lines) or "The queue is empty.", color=ACCENT
    )
    embed.url = f"{settings.FRONTEND_URL}/guilds/{guild_id}"
    if player.item:
        now = escape_markdown(
            _label(player.item.track.title or player.item.track.uri, player.item.track.artist)
        )
        embed.add_field(name="Now", value=now, inline=False)
    return embed


def _now_embed(player: Player) -> nextcord.Embed:
    silence = player.silence[1] if player.silence else ""
    if player.item is None:
        return nextcord.Embed(title="Now playing", description=silence or "Nothing is playing.", color=ACCENT)
    track = player.item.track
    embed = nextcord.Embed(
        title="Now playing",
        description=f"**{escape_markdown(_label(track.title or track.uri, track.artist))}**",
        color=ACCENT,
    )
    length = f" of {clock(track.duration_ms)}" if track.duration_ms else ""
    embed.add_field(name="Position", value=f"{clock(player.shown_position_ms)}{length}")
    embed.add_field(name="State", value=silence or str(player.status.label))
    if player.item.requested_by:
        embed.set_footer(text=f"Added by {player.item.requested_by}")
    return embed
