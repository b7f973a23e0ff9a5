"""Run commands of the core for people in Discord: slash commands and buttons alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nextcord

from botrunner.asker import Asker
from botrunner.database import from_database
from botrunner.mirror import store_member
from guilds.models import Membership
from queue_app.commands import execute
from queue_app.models import Change
from realtime.domain.answer import Answer
from realtime.models import Via
from realtime.origin import Origin


def origin_of(asked: Asker) -> Origin:
    """Return who asks. The command's id makes repeated deliveries and retries idempotent."""
    member = asked.user
    assert isinstance(member, nextcord.Member)  # the commands exist in guilds only
    return Origin(user=store_member(member), via=Via.DISCORD, command_id=asked.command_id)


def know_asker(asked: Asker) -> None:
    """Store that a person who has never used the bot is a member: what they may read depends on that."""
    assert isinstance(asked.user, nextcord.Member)
    known = Membership.objects.filter(guild=str(asked.guild_id), user__discord_id=str(asked.user.id))
    if not known.exists():
        store_member(asked.user)


def _execute(asked: Asker, name: str, args: dict[str, Any]) -> Answer:
    origin = origin_of(asked)
    answer = execute(str(asked.guild_id), name, args, origin=origin)
    if answer.seqs:
        # A skip by vote is nobody's own, so whoever voted last may not undo it.
        changes = Change.objects.filter(guild_id=str(asked.guild_id), seq=answer.seqs[0], actor=origin.user)
        asked.change = changes.order_by("-pk").values_list("pk", flat=True).first()
    return answer


async def carry_out(asked: Asker, name: str, args: dict[str, Any] | None = None) -> Answer:
    """Run a command. Raises its refusals, which the cog's error handler turns into replies.

    If the change can be undone, the reply gets a button for that.
    """
    return await read(asked, _execute, asked, name, args or {})


async def read[**P, R](asked: Asker, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a function that uses the ORM. Its refusals are in the language of the person who asked, who sees them."""
    with asked.own_language():
        return await from_database(function, *args, **kwargs)


async def run(asked: Asker, name: str, args: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run a command, and return only its result."""
    result: dict[str, Any] = (await carry_out(asked, name, args)).result
    return result
