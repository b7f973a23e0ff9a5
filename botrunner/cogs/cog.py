"""The base of all cogs: run a command of the core, and turn its refusal into a reply."""

from __future__ import annotations

from typing import Any, ClassVar

import nextcord
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from nextcord.ext import commands

from botrunner.database import from_database
from botrunner.reply import Asked, tell_failure
from botrunner.seat import server_mute
from queue_app.models import Player
from queue_app.player_states import NOWHERE, SILENCES
from queue_app.queries import load_player

IN_GUILDS = [nextcord.InteractionContextType.guild]


class Cog(commands.Cog):
    """Slash commands of one subject. Each calls a command of the core or a query. `title` is their heading in /help."""

    title: ClassVar[str | Promise]

    async def cog_application_command_error(
        self, interaction: nextcord.Interaction[Any], error: Exception
    ) -> None:
        assert isinstance(interaction, Asked)
        await tell_failure(interaction, error)


def why_silent(asked: Asked, player: Player) -> str:
    """Return the sentence with the reason why nothing is heard, or "" if playback works."""
    if player.silence:
        return _(player.silence[1])
    # The reconciler will store the rest in a moment, but the reply is sent now.
    if player.voice_channel_id is None:
        return _(SILENCES[NOWHERE].sentence)
    mute = server_mute(asked.guild) if asked.guild else None
    return mute.detail if mute else ""


async def tell_unless_silent(asked: Asked, said: str) -> None:
    """Send a reply. If nothing is heard, it ends with the reason."""
    player = await from_database(load_player, str(asked.guild_id))
    await asked.tell(f"{said} {why_silent(asked, player)}".rstrip())
