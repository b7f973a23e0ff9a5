"""The base of all cogs: run a command of the core, and turn its refusal into a reply."""

from __future__ import annotations

from typing import Any, ClassVar

import nextcord
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from nextcord.ext import commands

from botrunner.database import from_database
from botrunner.mirror import store_member
from botrunner.reply import Asked, tell_failure
from botrunner.seat import server_mute
from queue_app.commands import execute
from queue_app.models import Change, Player
from queue_app.player_states import NOWHERE, SILENCES
from queue_app.queries import load_player
from realtime.domain.answer import Answer
from realtime.models import Via
from realtime.origin import Origin

IN_GUILDS = [nextcord.InteractionContextType.guild]


class Cog(commands.Cog):
    """Slash commands of one subject. Each calls a command of the core or a query. `title` is their heading in /help."""

    title: ClassVar[str | Promise]

    async def cog_application_command_error(
        self, interaction: nextcord.Interaction[Any], error: Exception
    ) -> None:
        assert isinstance(interaction, Asked)
        await tell_failure(interaction, error)


def _execute(asked: Asked, name: str, args: dict[str, Any]) -> Answer:
    member = asked.user
    assert isinstance(member, nextcord.Member)  # the commands exist in guilds only
    # With the interaction's id, repeated deliveries and retries are idempotent.
    origin = Origin(user=store_member(member), via=Via.DISCORD, command_id=f"interaction-{asked.id}")
    answer = execute(str(asked.guild_id), name, args, origin=origin)
    if answer.seqs:
        # A skip by vote is nobody's own, so whoever voted last may not undo it.
        changes = Change.objects.filter(guild_id=str(asked.guild_id), seq=answer.seqs[0], actor=origin.user)
        asked.change = changes.order_by("-pk").values_list("pk", flat=True).first()
    return answer


async def carry_out(asked: Asked, name: str, args: dict[str, Any] | None = None) -> Answer:
    """Run a command. Raises its refusals, which the cog's error handler turns into replies.

    If the change can be undone, the reply gets a button for that.
    """
    return await from_database(_execute, asked, name, args or {})


async def run(asked: Asked, name: str, args: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run a command, and return only its result."""
    result: dict[str, Any] = (await carry_out(asked, name, args)).result
    return result


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
