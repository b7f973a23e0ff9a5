"""Slash commands: translated into the command core and back into a reply."""

from __future__ import annotations

import logging
from typing import Any

import nextcord
from django.conf import settings
from nextcord.ext import commands
from nextcord.utils import escape_markdown

from botrunner.mirror import store_member
from guilds.errors import GuildsError
from guilds.models import MAX_VOLUME
from queue_app.commands import execute
from queue_app.domain.find import search_library
from queue_app.errors import QueueError
from queue_app.models import Player, QueueItem
from queue_app.queries import load_player, queued_items
from realtime.db import in_thread
from realtime.domain.answer import Answer
from realtime.models import Via
from realtime.origin import Origin

log = logging.getLogger(__name__)

IN_GUILDS = [nextcord.InteractionContextType.guild]
ACCENT = 0xF2A33A
LISTED = 10
MAX_LABEL = 120


def _execute(interaction: nextcord.Interaction, name: str, args: dict[str, Any]) -> Answer:
    member = interaction.user
    assert isinstance(member, nextcord.Member)  # the commands exist in guilds only
    # The interaction's id makes a repeated delivery harmless.
    origin = Origin(user=store_member(member), via=Via.DISCORD, command_id=f"interaction-{interaction.id}")
    return execute(str(interaction.guild_id), name, args, origin=origin)


class Music(commands.Cog):
    def __init__(self, bot: commands.Bot) -> None:
        self._bot = bot

    async def _run(
        self, interaction: nextcord.Interaction, name: str, args: dict[str, Any] | None = None
    ) -> dict[str, Any] | None:
        """Carry a command out and return its result; refusals are answered here, and null is returned."""
        try:
            answer = await in_thread(_execute)(interaction, name, args or {})
        except (QueueError, GuildsError) as error:
            await interaction.response.send_message(str(error), ephemeral=True)
            return None
        result: dict[str, Any] = answer.result
        return result

    @nextcord.slash_command(description="Add a track to the queue.", contexts=IN_GUILDS)
    async def play(
        self,
        interaction: nextcord.Interaction,
        query: str = nextcord.SlashOption(description="What to play: a search or a link."),
        position: str = nextcord.SlashOption(
            description="Where to put it.", choices=["end", "next", "now"], required=False, default="end"
        ),
    ) -> None:
        item = await self._run(interaction, "AddTrack", {"query": query, "position": position})
        if item is None:
            return
        if item["error"]:
            await interaction.response.send_message(item["error"]["detail"], ephemeral=True)
            return
        waiting = await in_thread(queued_items)(str(interaction.guild_id))
        ahead = next((i for i, other in enumerate(waiting) if str(other.pk) == item["id"]), 0)
        where = "Up next." if ahead == 0 else f"Number {ahead + 1} in the queue."
        await interaction.response.send_message(embed=_track_embed("Added", item["track"], where))

    @play.on_autocomplete("query")
    async def complete_query(self, interaction: nextcord.Interaction, typed: str) -> None:
        tracks = await in_thread(search_library)(typed or "", limit=25)
        # Discord allows 100 characters for both name and value.
        await interaction.response.send_autocomplete(
            {_label(track.title, track.artist)[:100]: track.uri for track in tracks if len(track.uri) <= 100}
        )

    @nextcord.slash_command(description="Skip the current track.", contexts=IN_GUILDS)
    async def skip(self, interaction: nextcord.Interaction) -> None:
        item = await self._run(interaction, "Skip")
        if item is None:
            return
        title = f"**{_title(item['track'])}**"
        said = f"Skipped {title}."
        if vote := item["vote"]:
            said = f"{vote['votes']} of {vote['needed']} votes to skip {title}. Type /skip to add yours."
        await interaction.response.send_message(said)

    @nextcord.slash_command(description="Pause the music.", contexts=IN_GUILDS)
    async def pause(self, interaction: nextcord.Interaction) -> None:
        if await self._run(interaction, "Pause") is not None:
            await interaction.response.send_message("Paused.")

    @nextcord.slash_command(description="Go on with the music.", contexts=IN_GUILDS)
    async def resume(self, interaction: nextcord.Interaction) -> None:
        if await self._run(interaction, "Resume") is not None:
            await interaction.response.send_message("Going on.")

    @nextcord.slash_command(description="Set how loud the music is.", contexts=IN_GUILDS)
    async def volume(
        self,
        interaction: nextcord.Interaction,
        level: int = nextcord.SlashOption(
            description="Percent; 100 is the original.", min_value=0, max_value=MAX_VOLUME
        ),
    ) -> None:
        if await self._run(interaction, "SetVolume", {"volume": level}) is not None:
            await interaction.response.send_message(f"Volume {level} %.")

    @nextcord.slash_command(description="Move a track within the queue.", contexts=IN_GUILDS)
    async def move(
        self,
        interaction: nextcord.Interaction,
        number: int = nextcord.SlashOption(description="Its number in /queue.", min_value=1),
        to: int = nextcord.SlashOption(description="The number that it should have.", min_value=1),
    ) -> None:
        waiting = [str(item.pk) for item in await in_thread(queued_items)(str(interaction.guild_id))]
        if number > len(waiting):
            await interaction.response.send_message("The queue is not that long.", ephemeral=True)
            return
        item_id = waiting.pop(number - 1)
        after = waiting[min(to - 1, len(waiting)) - 1] if to > 1 and waiting else None
        item = await self._run(interaction, "MoveItem", {"item_id": item_id, "after": after})
        if item is not None:
            place = min(to, len(waiting) + 1)
            await interaction.response.send_message(f"**{_title(item['track'])}** is number {place} now.")

    @nextcord.slash_command(description="Empty the queue; what plays goes on.", contexts=IN_GUILDS)
    async def clear(self, interaction: nextcord.Interaction) -> None:
        cleared = await self._run(interaction, "ClearQueue")
        if cleared is None:
            return
        count = cleared["removed"]
        if count == 0:
            await interaction.response.send_message("The queue was empty.", ephemeral=True)
        else:
            tracks = "one track" if count == 1 else f"{count} tracks"
            await interaction.response.send_message(f"Took {tracks} out of the queue.")

    @nextcord.slash_command(
        description="Play in a voice channel: the one you name, or yours.", contexts=IN_GUILDS
    )
    async def join(
        self,
        interaction: nextcord.Interaction,
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
            await interaction.response.send_message(
                "Join a voice channel first, or name one.", ephemeral=True
            )
        elif await self._run(interaction, "JoinVoice", {"channel_id": str(channel.id)}) is not None:
            await interaction.response.send_message(f"Playing in {channel.mention}.")

    @nextcord.slash_command(description="Leave the voice channel; the queue is kept.", contexts=IN_GUILDS)
    async def leave(self, interaction: nextcord.Interaction) -> None:
        if await self._run(interaction, "LeaveVoice") is not None:
            await interaction.response.send_message("Bye. The queue is kept.")

    @nextcord.slash_command(description="Show what comes next.", contexts=IN_GUILDS)
    async def queue(self, interaction: nextcord.Interaction) -> None:
        items = await in_thread(queued_items)(str(interaction.guild_id))
        player = await in_thread(load_player)(str(interaction.guild_id))
        await interaction.response.send_message(
            embed=_queue_embed(items, player, str(interaction.guild_id)), ephemeral=True
        )

    @nextcord.slash_command(description="Show what plays.", contexts=IN_GUILDS)
    async def nowplaying(self, interaction: nextcord.Interaction) -> None:
        player = await in_thread(load_player)(str(interaction.guild_id))
        await interaction.response.send_message(embed=_now_embed(player), ephemeral=True)

    async def cog_application_command_error(
        self, interaction: nextcord.Interaction, error: Exception
    ) -> None:
        if self._bot.is_closed():
            return  # stopping; Discord tells the person that nobody answered
        log.error("A slash command failed", exc_info=error)
        if not interaction.response.is_done():
            await interaction.response.send_message("Something went wrong on our side.", ephemeral=True)


def _title(track: dict[str, Any]) -> str:
    return escape_markdown(_label(track["title"] or track["uri"], track["artist"]))


def _label(title: str | None, artist: str | None) -> str:
    # An embed field takes 1,024 characters, a title may be a link of 2,000, and escaping doubles some.
    label = f"{title or 'Untitled'} – {artist}" if artist else title or "Untitled"
    return label if len(label) <= MAX_LABEL else label[: MAX_LABEL - 1] + "…"


def _clock(milliseconds: int) -> str:
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes}:{seconds:02}"


def _track_embed(heading: str, track: dict[str, Any], footer: str) -> nextcord.Embed:
    embed = nextcord.Embed(title=heading, description=f"**{_title(track)}**", color=ACCENT)
    if track["duration_ms"]:
        embed.add_field(name="Length", value=_clock(track["duration_ms"]))
    return embed.set_footer(text=footer)


def _queue_embed(items: list[QueueItem], player: Player, guild_id: str) -> nextcord.Embed:
    lines = [
        f"{number}. {escape_markdown(_label(item.track.title or item.track.uri, item.track.artist))}"
        for number, item in enumerate(items[:LISTED], start=1)
    ]
    if len(items) > LISTED:
        lines.append(f"… and {len(items) - LISTED} more")
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
    length = f" of {_clock(track.duration_ms)}" if track.duration_ms else ""
    embed.add_field(name="Position", value=f"{_clock(player.current_position_ms)}{length}")
    embed.add_field(name="State", value=silence or str(player.status.label))
    if player.item.requested_by:
        embed.set_footer(text=f"Added by {player.item.requested_by}")
    return embed
