"""Slash commands for the player: the current track, how it plays, and in which voice channel."""

from __future__ import annotations

import nextcord
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from botrunner.cogs.cog import IN_GUILDS, Cog
from botrunner.database import from_database
from botrunner.embeds import ACCENT, title_of_track
from botrunner.lacking import tell_lacks
from botrunner.languages import described, offered
from botrunner.reply import Asked, for_the_asker
from botrunner.running import carry_out, run
from botrunner.seat import entry_obstacle_at, is_seated
from botrunner.silence import why_silent
from guilds.models import MAX_VOLUME
from library.clock import clock
from queue_app.models import Loop, Player
from queue_app.queries import load_player

LOOP_NAMES: dict[str, str] = {
    Loop.OFF: gettext_noop("Off"),
    Loop.TRACK: gettext_noop("The current track"),
    Loop.QUEUE: gettext_noop("The queue"),
}


class Playback(Cog):
    title = gettext_lazy("Player")

    @nextcord.slash_command(**described("Show what is playing."), contexts=IN_GUILDS)
    @for_the_asker
    async def nowplaying(self, interaction: Asked) -> None:
        player = await from_database(load_player, str(interaction.guild_id))
        await interaction.reply(embed=_now_embed(player))

    @nextcord.slash_command(**described("Pause playback."), contexts=IN_GUILDS)
    async def pause(self, interaction: Asked) -> None:
        answer = await carry_out(interaction, "Pause")
        if answer.seqs:
            await interaction.reply(_("Paused."))
        else:
            await interaction.reply(gettext_lazy(answer.result["error"]["detail"]), private=True)

    @nextcord.slash_command(**described("Resume playback."), contexts=IN_GUILDS)
    async def resume(self, interaction: Asked) -> None:
        answer = await carry_out(interaction, "Resume")
        player = await from_database(load_player, str(interaction.guild_id))
        with interaction.own_language(when=not answer.seqs):
            if player.item is None and player.queue_total == 0:
                sentence = _("The queue is empty. Add a track with /play.")
            else:
                sentence = why_silent(interaction, player) or (
                    _("Resumed.") if answer.seqs else _("Already playing.")
                )
        await interaction.reply(sentence, private=not answer.seqs)
        if answer.seqs:
            await tell_lacks(interaction)

    @nextcord.slash_command(
        **described("Stop playback, clear the queue and leave the voice channel."), contexts=IN_GUILDS
    )
    async def stop(self, interaction: Asked) -> None:
        count = (await run(interaction, "Stop"))["removed"]
        sentences = [_("Stopped.")]
        if count:
            removed = ngettext("Removed %(count)s track.", "Removed %(count)s tracks.", count)
            sentences.append(removed % {"count": count})
        await interaction.reply(" ".join([*sentences, _("Use /undo to bring everything back.")]))

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
        await run(interaction, "SetVolume", {"volume": level})
        await interaction.reply(_("Volume set to %(percent)s%%.") % {"percent": level})

    @nextcord.slash_command(**described("Repeat the current track or the queue."), contexts=IN_GUILDS)
    async def loop(
        self,
        interaction: Asked,
        what: str = nextcord.SlashOption(
            **described("What to repeat."),
            **offered({name: str(loop) for loop, name in LOOP_NAMES.items()}),
        ),
    ) -> None:
        await run(interaction, "SetLoop", {"loop": what})
        match what:
            case Loop.TRACK:
                sentence = _("The current track repeats until it is skipped.")
            case Loop.QUEUE:
                sentence = _("The queue repeats.")
            case _:
                sentence = _("The loop is off.")
        await interaction.reply(sentence)

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
            await interaction.reply(gettext_lazy("Join a voice channel first, or choose one."), private=True)
            return
        await run(interaction, "JoinVoice", {"channel_id": str(channel.id)})
        player = await from_database(load_player, str(interaction.guild_id))
        obstacle = None if is_seated(channel) else entry_obstacle_at(channel)
        if obstacle is not None:
            await interaction.reply(obstacle.detail)
        else:
            joined = _("Joined %(channel)s.") % {"channel": channel.mention}
            await interaction.reply(f"{joined} {why_silent(interaction, player)}".rstrip())
        await tell_lacks(interaction)

    @nextcord.slash_command(**described("Leave the voice channel. The queue is kept."), contexts=IN_GUILDS)
    async def leave(self, interaction: Asked) -> None:
        await run(interaction, "LeaveVoice")
        await interaction.reply(_("Left the channel. The queue is kept."))


def _now_embed(player: Player) -> nextcord.Embed:
    silence = _(player.silence[1]) if player.silence else ""
    if player.item is None:
        return nextcord.Embed(
            title=_("Now playing"), description=silence or _("Nothing is playing."), color=ACCENT
        )
    track = player.item.track
    embed = nextcord.Embed(
        title=_("Now playing"),
        description=f"**{title_of_track(track)}**",
        color=ACCENT,
    )
    position = clock(player.shown_position_ms)
    if track.duration_ms:
        times = {"position": position, "length": clock(track.duration_ms)}
        position = _("%(position)s of %(length)s") % times
    embed.add_field(name=_("Position"), value=position)
    embed.add_field(name=_("State"), value=silence or str(player.status.label))
    if player.loop != Loop.OFF:
        embed.add_field(name=_("Loop"), value=_(LOOP_NAMES[player.loop]))
    if player.item.requested_by:
        embed.set_footer(text=_("Added by %(name)s") % {"name": player.item.requested_by})
    return embed
