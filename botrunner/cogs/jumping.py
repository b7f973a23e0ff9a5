"""Slash commands that go to another track, or to another position in the current track."""

from __future__ import annotations

from typing import Any

import nextcord
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from botrunner.cogs.cog import IN_GUILDS, Cog
from botrunner.database import from_database
from botrunner.embeds import title_of
from botrunner.languages import described
from botrunner.picking import LONGEST, pick_item
from botrunner.reply import Asked
from botrunner.running import read, run
from botrunner.silence import reply_explaining_silence, why_silent
from botrunner.suggestions import Suggestions
from botrunner.times import read_time
from library.clock import clock
from queue_app.queries import load_player


def _step() -> nextcord.SlashOption:
    """Return the option of how far to go. Each command needs its own object."""
    return nextcord.SlashOption(
        **described("How far: 10 (seconds), 1:30 or 1m30s. Default: 10 seconds."),
        max_length=LONGEST,
        required=False,
        default="10s",
    )


class Jumping(Cog):
    title = gettext_lazy("Skip and seek")

    def __init__(self, suggestions: Suggestions) -> None:
        self._suggestions = suggestions

    @nextcord.slash_command(**described("Skip the current track."), contexts=IN_GUILDS)
    async def skip(self, interaction: Asked) -> None:
        item = await run(interaction, "Skip")
        title = _bold(item["track"])
        if vote := item["vote"]:
            sentence = ngettext(
                "%(votes)s of %(count)s vote to skip %(track)s. Use /skip to add yours.",
                "%(votes)s of %(count)s votes to skip %(track)s. Use /skip to add yours.",
                vote["needed"],
            ) % {"votes": vote["votes"], "count": vote["needed"], "track": title}
        else:
            sentence = _("Skipped %(track)s.") % {"track": title}
        await interaction.reply(sentence)

    @nextcord.slash_command(
        **described("Jump to a track in the queue. Those before it are skipped."), contexts=IN_GUILDS
    )
    async def jump(
        self,
        interaction: Asked,
        number: str = nextcord.SlashOption(
            **described("Its number in /queue, or its title."), max_length=LONGEST
        ),
    ) -> None:
        picked = await read(interaction, pick_item, str(interaction.guild_id), number)
        item = await run(interaction, "SkipTo", {"item_id": str(picked.pk)})
        await reply_explaining_silence(
            interaction, _("Jumped to %(track)s.") % {"track": _bold(item["track"])}
        )

    @jump.on_autocomplete("number")
    async def complete_one(self, interaction: Asked, typed: str) -> None:
        await interaction.suggest(await self._suggestions.queued(str(interaction.guild_id), typed or ""))

    @nextcord.slash_command(
        **described("Go back to the previous track, or to the beginning of this one."), contexts=IN_GUILDS
    )
    async def previous(self, interaction: Asked) -> None:
        await _reply_start(interaction, await run(interaction, "Previous"))

    @nextcord.slash_command(**described("Start the current track over."), contexts=IN_GUILDS)
    async def replay(self, interaction: Asked) -> None:
        await _reply_start(interaction, await run(interaction, "Replay"))

    @nextcord.slash_command(
        **described("Continue the current track at another position."), contexts=IN_GUILDS
    )
    async def seek(
        self,
        interaction: Asked,
        position: str = nextcord.SlashOption(
            **described("Where in the track: 1:30, 90 (seconds) or 1m30s."), max_length=LONGEST
        ),
    ) -> None:
        player = await run(interaction, "Seek", {"position_ms": _time(interaction, position)})
        await _reply_position(interaction, player)

    @nextcord.slash_command(**described("Go forward in the current track."), contexts=IN_GUILDS)
    async def forward(
        self,
        interaction: Asked,
        by: str = _step(),
    ) -> None:
        await _reply_position(
            interaction, await run(interaction, "Seek", {"delta_ms": _time(interaction, by)})
        )

    @nextcord.slash_command(**described("Go back in the current track."), contexts=IN_GUILDS)
    async def rewind(
        self,
        interaction: Asked,
        by: str = _step(),
    ) -> None:
        await _reply_position(
            interaction, await run(interaction, "Seek", {"delta_ms": -_time(interaction, by)})
        )


def _time(asked: Asked, typed: str) -> int:
    """Return the milliseconds that somebody typed. Raises InvalidInput, which only they see."""
    with asked.own_language():
        return read_time(typed)


def _bold(track: dict[str, Any]) -> str:
    return f"**{title_of(track)}**"


async def _reply_start(asked: Asked, player: dict[str, Any]) -> None:
    stored = await from_database(load_player, str(asked.guild_id))
    why = why_silent(asked, stored)
    sentence = (
        _("%(track)s will play from the beginning.") if why else _("Playing %(track)s from the beginning.")
    )
    sentence %= {"track": _bold(player["item"]["track"])}
    await asked.reply(f"{sentence} {why}".rstrip())


async def _reply_position(asked: Asked, player: dict[str, Any]) -> None:
    length_ms = player["item"]["track"]["duration_ms"]
    position = clock(player["position_ms"])
    if length_ms:
        sentence = _("Now at %(position)s of %(length)s.") % {
            "position": position,
            "length": clock(length_ms),
        }
    else:
        sentence = _("Now at %(position)s.") % {"position": position}
    await reply_explaining_silence(asked, sentence)
