"""Slash commands for the past: /history, /undo and /redo."""

from __future__ import annotations

from functools import partial
from typing import Any

import nextcord
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from nextcord.utils import escape_markdown

from botrunner.buttons import redo_view, undo_view
from botrunner.changes import named_change, pick_change
from botrunner.cogs.cog import IN_GUILDS, Cog
from botrunner.database import from_database
from botrunner.labels import cut
from botrunner.languages import described, guild_language
from botrunner.lists import show
from botrunner.picking import LONGEST
from botrunner.reply import Asked, for_the_asker
from botrunner.running import read, run
from botrunner.suggestions import Suggestions
from queue_app.errors import NothingToUndo
from queue_app.models import Change
from queue_app.words import change_sentence

MAX_PAGE = 100
MAX_SENTENCE = 300  # a title may be a link of 2,000, and escaping doubles some characters


def _change_option(description: dict[str, Any]) -> nextcord.SlashOption:
    return nextcord.SlashOption(**description, max_length=LONGEST, required=False, default=None)


class History(Cog):
    title = gettext_lazy("History")

    def __init__(self, suggestions: Suggestions) -> None:
        self._suggestions = suggestions

    @nextcord.slash_command(**described("Show what was played."), contexts=IN_GUILDS)
    @for_the_asker
    async def history(
        self,
        interaction: Asked,
        page: int = nextcord.SlashOption(
            **described("The page to show. Default: the newest."),
            min_value=1,
            max_value=MAX_PAGE,
            required=False,
            default=1,
        ),
    ) -> None:
        await show(interaction, "history", page)

    @nextcord.slash_command(**described("Undo your newest change, or another one."), contexts=IN_GUILDS)
    async def undo(
        self,
        interaction: Asked,
        change: str | None = _change_option(described("The change to undo. Default: your newest.")),
    ) -> None:
        sentence, undone = await _undo(interaction, await _seq_of(interaction, change, redo=False))
        await interaction.reply(sentence, view=redo_view(undone))

    @nextcord.slash_command(**described("Redo what you undid last, or another change."), contexts=IN_GUILDS)
    async def redo(
        self,
        interaction: Asked,
        change: str | None = _change_option(
            described("The change to redo. Default: the one that you undid last.")
        ),
    ) -> None:
        sentence, redone = await _redo(interaction, await _seq_of(interaction, change, redo=True))
        await interaction.reply(sentence, view=undo_view(redone))

    @undo.on_autocomplete("change")
    async def complete_undo(self, interaction: Asked, typed: str) -> None:
        await self._suggest(interaction, typed, redo=False)

    @redo.on_autocomplete("change")
    async def complete_redo(self, interaction: Asked, typed: str) -> None:
        await self._suggest(interaction, typed, redo=True)

    async def _suggest(self, asked: Asked, typed: str, *, redo: bool) -> None:
        assert asked.user is not None
        found = await self._suggestions.changes(
            str(asked.guild_id), str(asked.user.id), typed or "", redo=redo
        )
        await asked.suggest(found)


async def _seq_of(asked: Asked, typed: str | None, *, redo: bool) -> int | None:
    """Return the first seq of the change that is meant, None for the default. Raises NothingToUndo or NothingToRedo."""
    if typed is None:
        return None
    assert asked.user is not None
    change = await read(
        asked, partial(pick_change, redo=redo), str(asked.guild_id), str(asked.user.id), typed
    )
    return change.seq


async def press_undo(asked: Asked) -> None:
    """Undo the change of a reply, and replace the reply. Raises a refusal."""
    seq = await _seq_of_button(asked)
    with translation.override(await from_database(guild_language, str(asked.guild_id))):
        sentence, change = await _undo(asked, seq)
        await asked.replace(sentence, view=redo_view(change))


async def press_redo(asked: Asked) -> None:
    seq = await _seq_of_button(asked)
    with translation.override(await from_database(guild_language, str(asked.guild_id))):
        sentence, change = await _redo(asked, seq)
        await asked.replace(sentence, view=undo_view(change))


async def _seq_of_button(asked: Asked) -> int:
    """Return the first seq of the change in the id of a button. Raises NothingToUndo."""
    change = await from_database(named_change, str(asked.guild_id), asked.name.rpartition(":")[2])
    if change is None:
        raise NothingToUndo
    return change.seq


async def _undo(asked: Asked, seq: int | None = None) -> tuple[str, int]:
    """Return the sentence of the change that was undone, and its primary key. Raises a refusal."""
    undone = await run(asked, "Undo", {"seq": seq})
    what, change = await from_database(_sentence_of, asked, undone["change"])
    return _with_left_out(_("Undid: %(what)s") % {"what": f"*{what}*"}, undone["left_out"]), change


async def _redo(asked: Asked, seq: int | None = None) -> tuple[str, int]:
    redone = await run(asked, "Redo", {"seq": seq})
    what, change = await from_database(_sentence_of, asked, redone["change"])
    return _with_left_out(_("Redid: %(what)s") % {"what": f"*{what}*"}, redone["left_out"]), change


def _sentence_of(asked: Asked, seq: int) -> tuple[str, int]:
    """Return what a change did, such as "Ines cleared 12 tracks.", as markdown text shows it, and its primary key.

    The reply to a command is said to the person who used it. A button may be on a reply to somebody else.
    """
    changes = Change.objects.filter(guild_id=str(asked.guild_id), seq=seq).select_related("actor")
    change = changes.latest("pk")  # the older ones are of earlier epochs
    asker = None if asked.edits else str(asked.user.id) if asked.user else None
    to = change.actor if change.actor is not None and change.actor.discord_id == asker else None
    return escape_markdown(cut(change_sentence(change, to=to), MAX_SENTENCE)), change.pk


def _with_left_out(sentence: str, left_out: list[dict[str, Any]]) -> str:
    counts: dict[str, int] = {}
    for each in left_out:
        counts[each["reason"]] = counts.get(each["reason"], 0) + 1
    return " ".join([sentence, *(left_out_sentence(reason, count) for reason, count in counts.items())])


def left_out_sentence(reason: str, count: int) -> str:
    """Return the sentence about `count` left-out tracks. `reason` is one of `queue_app.domain.restore`."""
    match reason:
        case "ALREADY_PLAYED":
            sentence = ngettext(
                "%(count)s track was left out, because it has already started.",
                "%(count)s tracks were left out, because they have already started.",
                count,
            )
        case "ALREADY_QUEUED":
            sentence = ngettext(
                "%(count)s track was left out, because it is already in the queue.",
                "%(count)s tracks were left out, because they are already in the queue.",
                count,
            )
        case "ALREADY_REMOVED" | "GONE":
            sentence = ngettext(
                "%(count)s track was left out, because it is no longer in the queue.",
                "%(count)s tracks were left out, because they are no longer in the queue.",
                count,
            )
        case "ALREADY_FAILED":
            sentence = ngettext(
                "%(count)s track was left out, because it failed.",
                "%(count)s tracks were left out, because they failed.",
                count,
            )
        case "QUEUE_FULL":
            sentence = ngettext(
                "%(count)s track was left out, because the queue is full.",
                "%(count)s tracks were left out, because the queue is full.",
                count,
            )
        case "CHANGED_SINCE":
            sentence = ngettext(
                "%(count)s setting was left out, because it was changed again.",
                "%(count)s settings were left out, because they were changed again.",
                count,
            )
        case "WOULD_INTERRUPT":
            sentence = _(
                "The track is next in the queue, because skipping the current track takes a vote.",
            )
        case _:
            sentence = ngettext("%(count)s track was left out.", "%(count)s tracks were left out.", count)
    return sentence % {"count": count}
