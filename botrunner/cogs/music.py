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
from botrunner.seat import entry_obstacle_at, is_seated, server_mute
from botrunner.suggestions import Suggestions
from guilds.models import MAX_VOLUME
from library.domain.find import MAX_QUERY, find_track, read_query
from library.sources.links import is_link
from queue_app.commands import execute
from queue_app.domain.add import POSITIONS
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


async def _answer(asked: Asked, name: str, args: dict[str, Any] | None = None) -> Answer:
    """Carry a command out. Refusals are raised, and told by the cog's error handler."""
    return await from_database(_execute, asked, name, args or {})


async def _run(asked: Asked, name: str, args: dict[str, Any] | None = None) -> dict[str, Any]:
    """`_answer`, for what it returns only."""
    result: dict[str, Any] = (await _answer(asked, name, args)).result
    return result


def _why_silent(asked: Asked, player: Player) -> str:
    """Return the sentence about what keeps the music from being heard; empty where nothing does."""
    if player.silence:
        return player.silence[1]
    # What follows is found by the bot and written in a moment; the person reads the answer now.
    if player.voice_channel_id is None:
        return SILENCES[NOWHERE].sentence
    mute = server_mute(asked.guild) if asked.guild else None
    return mute.detail if mute else ""


class Music(commands.Cog):
    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._suggestions = Suggestions()

    @nextcord.slash_command(description="Add a track to the queue.", contexts=IN_GUILDS)
    async def play(
        self,
        interaction: Asked,
        query: str = nextcord.SlashOption(description="A search or a link."),
        position: str = nextcord.SlashOption(
            description="Where to add it.", choices=list(POSITIONS), required=False, default="end"
        ),
    ) -> None:
        meant = read_query(self._suggestions.meant(query))
        # What nothing matches is told, and not kept in the queue as failed. AddTrack refuses what is no query.
        if 0 < len(meant) <= MAX_QUERY and not is_link(meant):
            meant = (await from_database(find_track, meant)).uri
        item = await _run(interaction, "AddTrack", {"query": meant, "position": position})
        if item["error"]:  # it left the library just now
            await interaction.tell(item["error"]["detail"], private=True)
            return
        self._failures.expect(
            UUID(item["id"]), interaction, _track_embed("Could not be played", item["track"])
        )
        ahead = await from_database(count_ahead, str(interaction.guild_id), rank=item["rank"])
        player = await from_database(load_player, str(interaction.guild_id))
        why = _why_silent(interaction, player)
        if ahead:
            where = f"Number {ahead + 1} in the queue."
        else:
            starts = player.item is None or str(player.item.pk) == item["id"]
            where = "Playing now." if starts and not why else "Up next."
        footer = f"{where} {why}".rstrip()
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

    @nextcord.slash_command(description="Pause playback.", contexts=IN_GUILDS)
    async def pause(self, interaction: Asked) -> None:
        answer = await _answer(interaction, "Pause")
        if answer.seqs:
            await interaction.tell("Paused.")
        else:
            await interaction.tell(answer.result["error"]["detail"], private=True)

    @nextcord.slash_command(description="Resume playback.", contexts=IN_GUILDS)
    async def resume(self, interaction: Asked) -> None:
        answer = await _answer(interaction, "Resume")
        player = await from_database(load_player, str(interaction.guild_id))
        if player.item is None and player.queue_total == 0:
            said = "The queue is empty. Add a track with /play."
        else:
            said = _why_silent(interaction, player) or ("Resumed." if answer.seqs else "Already playing.")
        await interaction.tell(said, private=not answer.seqs)

    @nextcord.slash_command(description="Set the volume.", contexts=IN_GUILDS)
    async def volume(
        self,
        interaction: Asked,
        level: int = nextcord.SlashOption(
            description="Percent. 100 is the original volume.", min_value=0, max_value=MAX_VOLUME
        ),
    ) -> None:
        await _run(interaction, "SetVolume", {"volume": level})
        await interaction.tell(f"Volume set to {level}%.")

    @nextcord.slash_command(description="Move a track in the queue.", contexts=IN_GUILDS)
    async def move(
        self,
        interaction: Asked,
        number: int = nextcord.SlashOption(description="Its number in /queue.", min_value=1),
        to: int = nextcord.SlashOption(description="Its new number.", min_value=1),
    ) -> None:
        found = await from_database(move_by_number, str(interaction.guild_id), number=number, to=to)
        if found is None:
            await interaction.tell(f"There is no number {number} in the queue.", private=True)
            return
        item_id, after, place = found
        item = await _run(interaction, "MoveItem", {"item_id": item_id, "after": after})
        await interaction.tell(f"Moved **{_title(item['track'])}** to number {place}.")

    @nextcord.slash_command(description="Clear the queue.", contexts=IN_GUILDS)
    async def clear(self, interaction: Asked) -> None:
        cleared = await _run(interaction, "ClearQueue")
        count, failed = cleared["removed"], cleared.get("dismissed", 0)
        said = []
        if count:
            said.append(f"Removed {_count(count, 'track')}.")
        if failed:
            said.append(f"Dismissed {_count(failed, 'failed track')}.")
        await interaction.tell(" ".join(said) or "The queue is already empty.", private=not said)

    @nextcord.slash_command(
        description="Join a voice channel: the one you choose, or yours.", contexts=IN_GUILDS
    )
    async def join(
        self,
        interaction: Asked,
        channel: nextcord.abc.GuildChannel | None = nextcord.SlashOption(
            description="The channel to join. Default: yours.",
            channel_types=[nextcord.ChannelType.voice, nextcord.ChannelType.stage_voice],
            required=False,
            default=None,
        ),
    ) -> None:
        member = interaction.user
        if channel is None and isinstance(member, nextcord.Member) and member.voice:
            channel = member.voice.channel
        if not isinstance(channel, nextcord.VoiceChannel | nextcord.StageChannel):
            await interaction.tell("Join a voice channel first, or choose one.", private=True)
            return
        await _run(interaction, "JoinVoice", {"channel_id": str(channel.id)})
        player = await from_database(load_player, str(interaction.guild_id))
        obstacle = None if is_seated(channel) else entry_obstacle_at(channel)
        if obstacle is not None:
            await interaction.tell(obstacle.detail)
        else:
            await interaction.tell(f"Joined {channel.mention}. {_why_silent(interaction, player)}".rstrip())

    @nextcord.slash_command(description="Leave the voice channel. The queue is kept.", contexts=IN_GUILDS)
    async def leave(self, interaction: Asked) -> None:
        await _run(interaction, "LeaveVoice")
        await interaction.tell("Left the channel. The queue is kept.")

    @nextcord.slash_command(description="Show the queue.", contexts=IN_GUILDS)
    @for_the_asker
    async def queue(self, interaction: Asked) -> None:
        guild_id = str(interaction.guild_id)
        items = await from_database(queued_items, guild_id, limit=LISTED)
        player = await from_database(load_player, guild_id)
        await interaction.tell(embed=_queue_embed(items, player, guild_id))

    @nextcord.slash_command(description="Show what is playing.", contexts=IN_GUILDS)
    @for_the_asker
    async def nowplaying(self, interaction: Asked) -> None:
        player = await from_database(load_player, str(interaction.guild_id))
        await interaction.tell(embed=_now_embed(player))

    async def cog_application_command_error(
        self, interaction: nextcord.Interaction[Any], error: Exception
    ) -> None:
        assert isinstance(interaction, Asked)
        await tell_failure(interaction, error)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


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
        embed.add_field(name="Now playing", value=now, inline=False)
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
