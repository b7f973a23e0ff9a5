"""The base of all cogs: run a command of the core, and turn its refusal into a reply."""

from __future__ import annotations

from typing import Any, ClassVar

import nextcord
from django.utils.functional import Promise
from nextcord.ext import commands

from botrunner.reply import Asked, reply_with_error

IN_GUILDS = [nextcord.InteractionContextType.guild]


class Cog(commands.Cog):
    """Slash commands of one subject. Each calls a command of the core or a query. `title` is their heading in /help."""

    title: ClassVar[str | Promise]

    async def cog_application_command_error(
        self, interaction: nextcord.Interaction[Any], error: Exception
    ) -> None:
        assert isinstance(interaction, Asked)
        await reply_with_error(interaction, error)
