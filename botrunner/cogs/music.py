"""Slash commands: each runs a command of the core and turns its result into a reply."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import nextcord
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from nextcord.ext import commands
from nextcord.utils import escape_markdown

from botrunner.card.life import note_home
from botrunner.database import from_database
from botrunner.failures import Failures
from botrunner.labels import clock, cut, label
from botrunner.languages import described
from botrunner.mirror import store_member
from botrunner.reply import Asked, for_the_asker, tell_failure
from botrunner.seat import entry_obstacle_at, is_seated, server_mute
from botrunner.suggestions import Suggestions
from guilds.models import MAX_VOLUME
from library.domain.find import MAX_QUERY, find_track, read_query
from library.sources.links import is_link
from queue_app.commands import execute
from queue_app.models import Player, QueueItem
from queue_app.player_states import NOWHERE, SILENCES
from queue_app.positions import POSITIONS
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
    # With the interaction's id, repeated deliveries and retries are idempotent.
    origin = Origin(user=store_member(member), via=Via.DISCORD, command_id=f"interaction-{asked.id}")
    return execute(str(asked.guild_id), name, args, origin=origin)


async def _answer(asked: Asked, name: str, args: dict[str, Any] | None = None) -> Answer:
    """Run a command. Raises its refusals, which the cog's error handler turns into replies."""
    return await from_database(_execute, asked, name, args or {})


async def _run(asked: Asked, name: str, args: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run a command and return its result only."""
    result: dict[str, Any] = (await _answer(asked, name, args)).result
    return result


def _why_silent(asked: Asked, player: Player) -> str:
    """Return the sentence that says why nothing is heard; "" if playback works."""
    if player.silence:
        return _(player.silence[1])
    # The reconciler will store the rest in a moment, but the reply is sent now.
    if player.voice_channel_id is None:
        return _(SILENCES[NOWHERE].sentence)
    mute = server_mute(asked.guild) if asked.guild else None
    return mute.detail if mute else ""


class Music(commands.Cog):
    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._suggestions = Suggestions()

    @nextcord.slash_command(**described("Add a track to the queue."), contexts=IN_GUILDS)
    async def play(
        self,
        interaction: Asked,
        query: str = nextcord.SlashOption(**described("A search or a link.")),
        position: str = nextcord.SlashOption(
            **described("Where to add it."),
            choices=list(POSITIONS),
            required=False,
            default="end",
        ),
    ) -> None:
        meant = read_query(self._suggestions.meant(query))
        # A search without a match gets a refusal, not a failed item in the queue. AddTrack refuses malformed queries.
        if 0 < len(meant) <= MAX_QUERY and not is_link(meant):
            meant = (await from_database(find_track, meant)).uri
        item = await _run(interaction, "AddTrack", {"query": meant, "position": position})
        if item["error"]:  # it left the library just now
            await interaction.tell(_(item["error"]["detail"]), private=True)
            return
        await from_database(note_home, str(interaction.guild_id), str(interaction.channel_id))
        self._failures.expect(
            UUID(item["id"]), interaction, _track_embed(_("Could not be played"), item["track"])
        )
        ahead = await from_database(count_ahead, str(interaction.guild_id), rank=item["rank"])
        player = await from_database(load_player, str(interaction.guild_id))
        why = _why_silent(interaction, player)
        if ahead:
            where = _("Number %(number)s in the queue.") % {"number": ahead + 1}
        else:
            starts = player.item is None or str(player.item.pk) == item["id"]
            where = _("Playing now.") if starts and not why else _("Up next.")
        footer = f"{where} {why}".rstrip()
        await interaction.tell(embed=_track_embed(_("Added"), item["track"]).set_footer(text=footer))

    @play.on_autocomplete("query")
    async def complete_query(self, interaction: Asked, typed: str) -> None:
        await interaction.suggest(await self._suggestions.find(typed or ""))

    @nextcord.slash_command(**described("Skip the current track."), contexts=IN_GUILDS)
    async def skip(self, interaction: Asked) -> None:
        item = await _run(interaction, "Skip")
        title = f"**{_title(item['track'])}**"
        if vote := item["vote"]:
            said = ngettext(
                "%(votes)s of %(count)s vote to skip %(track)s. Use /skip to add yours.",
                "%(votes)s of %(count)s votes to skip %(track)s. Use /skip to add yours.",
                vote["needed"],
            ) % {"votes": vote["votes"], "count": vote["needed"], "track": title}
        else:
            said = _("Skipped %(track)s.") % {"track": title}
        await interaction.tell(said)

    @nextcord.slash_command(**described("Pause playback."), contexts=IN_GUILDS)
    async def pause(self, interaction: Asked) -> None:
        answer = await _answer(interaction, "Pause")
        if answer.seqs:
            await interaction.tell(_("Paused."))
        else:
            await interaction.tell(_(answer.result["error"]["detail"]), private=True)

    @nextcord.slash_command(**described("Resume playback."), contexts=IN_GUILDS)
    async def resume(self, interaction: Asked) -> None:
        answer = await _answer(interaction, "Resume")
        player = await from_database(load_player, str(interaction.guild_id))
        if player.item is None and player.queue_total == 0:
            said = _("The queue is empty. Add a track with /play.")
        else:
            said = _why_silent(interaction, player) or (
                _("Resumed.") if answer.seqs else _("Already playing.")
            )
        await interaction.tell(said, private=not answer.seqs)

    @nextcord.slash_command(**described("Set the volume."), contexts=IN_GUILDS)
    async def volume(
        self,
        interaction: Asked,
        level: int = nextcord.SlashOption(
            **described("Percent. 100 is the original volume."),
            min_value=0,
            max_value=MAX_VOLUME,
        ),
    ) -> None:
        await _run(interaction, "SetVolume", {"volume": level})
        await interaction.tell(_("Volume set to %(percent)s%%.") % {"percent": level})

    @nextcord.slash_command(**described("Move a track in the queue."), contexts=IN_GUILDS)
    async def move(
        self,
        interaction: Asked,
        number: int = nextcord.SlashOption(**described("Its number in /queue."), min_value=1),
        to: int = nextcord.SlashOption(**described("Its new number."), min_value=1),
    ) -> None:
        found = await from_database(move_by_number, str(interaction.guild_id), number=number, to=to)
        if found is None:
            await interaction.tell(
                _("There is no track number %(number)s in the queue.") % {"number": number}, private=True
            )
            return
        item_id, after, place = found
        item = await _run(interaction, "MoveItem", {"item_id": item_id, "after": after})
        await interaction.tell(
            _("Moved %(track)s to number %(number)s.")
            % {"track": f"**{_title(item['track'])}**", "number": place}
        )

    @nextcord.slash_command(**described("Clear the queue."), contexts=IN_GUILDS)
    async def clear(self, interaction: Asked) -> None:
        cleared = await _run(interaction, "ClearQueue")
        count, failed = cleared["removed"], cleared.get("dismissed", 0)
        said = []
        if count:
            removed = ngettext("Removed %(count)s track.", "Removed %(count)s tracks.", count)
            said.append(removed % {"count": count})
        if failed:
            dismissed = ngettext(
                "Dismissed %(count)s failed track.", "Dismissed %(count)s failed tracks.", failed
            )
            said.append(dismissed % {"count": failed})
        await interaction.tell(" ".join(said) or _("The queue is already empty."), private=not said)

    @nextcord.slash_command(
        **described("Join a voice channel: the one you choose, or yours."), contexts=IN_GUILDS
    )
    async def join(
        self,
        interaction: Asked,
        channel: nextcord.abc.GuildChannel | None = nextcord.SlashOption(
            **described("The channel to join. Default: yours."),
            channel_types=[nextcord.ChannelType.voice, nextcord.ChannelType.stage_voice],
            required=False,
            default=None,
        ),
    ) -> None:
        member = interaction.user
        if channel is None and isinstance(member, nextcord.Member) and member.voice:
            channel = member.voice.channel
        if not isinstance(channel, nextcord.VoiceChannel | nextcord.StageChannel):
            await interaction.tell(_("Join a voice channel first, or choose one."), private=True)
            return
        await _run(interaction, "JoinVoice", {"channel_id": str(channel.id)})
        player = await from_database(load_player, str(interaction.guild_id))
        obstacle = None if is_seated(channel) else entry_obstacle_at(channel)
        if obstacle is not None:
            await interaction.tell(obstacle.detail)
        else:
            joined = _("Joined %(channel)s.") % {"channel": channel.mention}
            await interaction.tell(f"{joined} {_why_silent(interaction, player)}".rstrip())

    @nextcord.slash_command(**described("Leave the voice channel. The queue is kept."), contexts=IN_GUILDS)
    async def leave(self, interaction: Asked) -> None:
        await _run(interaction, "LeaveVoice")
        await interaction.tell(_("Left the channel. The queue is kept."))

    @nextcord.slash_command(**described("Show the queue."), contexts=IN_GUILDS)
    @for_the_asker
    async def queue(self, interaction: Asked) -> None:
        guild_id = str(interaction.guild_id)
        items = await from_database(queued_items, guild_id, limit=LISTED)
        player = await from_database(load_player, guild_id)
        await interaction.tell(embed=_queue_embed(items, player, guild_id))

    @nextcord.slash_command(**described("Show what is playing."), contexts=IN_GUILDS)
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
    # An embed field takes 1,024 characters. A title may be a link of 2,000, and escaping doubles some characters.
    return cut(label(title, artist), MAX_LABEL)


def _track_embed(heading: str, track: dict[str, Any]) -> nextcord.Embed:
    embed = nextcord.Embed(title=heading, description=f"**{_title(track)}**", color=ACCENT)
    if track["duration_ms"]:
        embed.add_field(name=_("Length"), value=clock(track["duration_ms"]))
    return embed


def _queue_embed(items: list[QueueItem], player: Player, guild_id: str) -> nextcord.Embed:
    lines = [
        f"{number}. {escape_markdown(_label(item.track.title or item.track.uri, item.track.artist))}"
        for number, item in enumerate(items, start=1)
    ]
    if player.queue_total > len(items):
        more = player.queue_total - len(items)
        lines.append(ngettext("… and %(count)s more", "… and %(count)s more", more) % {"count": more})
    embed = nextcord.Embed(
        title=_("Up next"), description="\n".join(lines) or _("The queue is empty."), color=ACCENT
    )
    embed.url = f"{settings.FRONTEND_URL}/guilds/{guild_id}"
    if player.item:
        now = escape_markdown(
            _label(player.item.track.title or player.item.track.uri, player.item.track.artist)
        )
        embed.add_field(name=_("Now playing"), value=now, inline=False)
    return embed


def _now_embed(player: Player) -> nextcord.Embed:
    silence = _(player.silence[1]) if player.silence else ""
    if player.item is None:
        return nextcord.Embed(
            title=_("Now playing"), description=silence or _("Nothing is playing."), color=ACCENT
        )
    track = player.item.track
    embed = nextcord.Embed(
        title=_("Now playing"),
        description=f"**{escape_markdown(_label(track.title or track.uri, track.artist))}**",
        color=ACCENT,
    )
    position = clock(player.shown_position_ms)
    if track.duration_ms:
        times = {"position": position, "length": clock(track.duration_ms)}
        position = _("%(position)s of %(length)s") % times
    embed.add_field(name=_("Position"), value=position)
    embed.add_field(name=_("State"), value=silence or str(player.status.label))
    if player.item.requested_by:
        embed.set_footer(text=_("Added by %(name)s") % {"name": player.item.requested_by})
    return embed
