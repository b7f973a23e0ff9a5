"""Reports to people in Discord that a link they added failed or was a playlist, while follow-ups are still accepted."""

from __future__ import annotations

import asyncio
from uuid import UUID

import nextcord
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from botrunner.asker import Asker

TOKEN_SECONDS = 15 * 60  # docs: Receiving and Responding, Followup Messages


class Failures:
    """Remembers which command added which item. One per bot, on the event loop only."""

    def __init__(self) -> None:
        self._commands: dict[UUID, tuple[Asker, nextcord.Embed]] = {}  # oldest first
        self._tasks: set[asyncio.Task[None]] = set()

    def expect(self, item_id: UUID, asked: Asker, embed: nextcord.Embed) -> None:
        """If the item fails, show `embed` to the person who added it, with the reason as its footer."""
        for old, (command, _embed) in list(self._commands.items()):
            if command.age < TOKEN_SECONDS:
                break
            del self._commands[old]
        self._commands[item_id] = (asked, embed)

    def report(self, item_id: UUID, detail: str) -> None:
        """Report that an item failed. Does nothing if it was added elsewhere, or over 15 minutes ago."""
        asked, embed = self._commands.pop(item_id, (None, None))
        if asked is not None and embed is not None:
            with asked.own_language():
                embed.set_footer(text=_(detail))
            self._add(asked, embed)

    def report_list(self, item_id: UUID, added: int, left_out: int) -> None:
        """Report that an item was a playlist, of which some tracks were added. Does nothing as `report`."""
        asked, embed = self._commands.pop(item_id, (None, None))
        if asked is None or embed is None:
            return
        with asked.own_language():
            tracks = ngettext("Added %(count)s track", "Added %(count)s tracks", added)
            embed.title = tracks % {"count": number_format(added, force_grouping=True)}
            if left_out:
                sentence = ngettext(
                    "%(count)s track was left out.", "%(count)s tracks were left out.", left_out
                )
                embed.set_footer(text=sentence % {"count": number_format(left_out, force_grouping=True)})
        self._add(asked, embed)

    def _add(self, asked: Asker, embed: nextcord.Embed) -> None:
        if asked.age >= TOKEN_SECONDS:
            return
        task = asyncio.create_task(asked.add(embed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
