"""The slash command /help, which lists all commands."""

from __future__ import annotations

from typing import Any

import nextcord
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from nextcord.ext import commands

from botrunner.cogs.cog import IN_GUILDS, Cog
from botrunner.embeds import ACCENT
from botrunner.languages import described
from botrunner.reply import Asked, for_the_asker

MAX_FIELD = 1024  # characters (Discord: Message, Embed Limits)


class Help(Cog):
    title = gettext_lazy("Help")

    def __init__(self, bot: commands.Bot) -> None:
        self._bot = bot

    @nextcord.slash_command(**described("List the commands."), contexts=IN_GUILDS)
    @for_the_asker
    async def help(self, interaction: Asked) -> None:
        embed = nextcord.Embed(title=_("Commands"), color=ACCENT)
        for cog in self._bot.cogs.values():
            if not isinstance(cog, Cog):
                continue
            heading = str(cog.title)
            lines = [line for command in _commands(cog) for line in _lines(command)]
            for part in _parts(lines):
                embed.add_field(name=heading, value=part, inline=False)
                heading = "\u200b"  # Discord requires a name
        await interaction.reply(embed=embed)


type Command = nextcord.SlashApplicationCommand | nextcord.MessageApplicationCommand


def _commands(cog: Cog) -> list[Command]:
    found: list[Any] = list(cog.application_commands)
    return [each for each in found if isinstance(each, Command.__value__)]


def _lines(command: Command) -> list[str]:
    """Return the command, or its subcommands, each with its description."""
    if isinstance(command, nextcord.MessageApplicationCommand):
        where = _("In the menu of a message, under Apps.")
        return [f"**{command.name}** {where}"]
    return [_line(each) for each in command.children.values()] or [_line(command)]


def _line(command: nextcord.SlashApplicationCommand | nextcord.SlashApplicationSubcommand) -> str:
    """Return a command with its description. It is a link that starts the command if its id is known."""
    try:
        mention = command.get_mention()
    except ValueError:
        mention = f"`/{command.qualified_name}`"
    return f"{mention} {_(command.description)}"


def _parts(lines: list[str]) -> list[str]:
    """Join the lines to texts that each fit into a field."""
    parts: list[str] = []
    for line in lines:
        if parts and len(parts[-1]) + 1 + len(line) <= MAX_FIELD:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
    return parts
