"""Slash commands that show and change the queue."""

from __future__ import annotations

import nextcord
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from accounts.models import User
from botrunner.cogs.cog import IN_GUILDS, Cog
from botrunner.database import from_database
from botrunner.embeds import title_of
from botrunner.languages import described, offered
from botrunner.lists import show
from botrunner.picking import LONGEST, pick_item, pick_items
from botrunner.reply import Asked, for_the_asker
from botrunner.running import read, run
from botrunner.suggestions import Suggestions
from queue_app.numbers import place_for_number

DUPLICATES = gettext_noop("Duplicates")
ABSENT = gettext_noop("Tracks of people who are not in the voice channel")
ALL = gettext_noop("All tracks")
MINE = gettext_noop("Your own tracks")


class Queue(Cog):
    title = gettext_lazy("Queue")

    def __init__(self, suggestions: Suggestions) -> None:
        self._suggestions = suggestions

    @nextcord.slash_command(**described("Show the queue."), contexts=IN_GUILDS)
    @for_the_asker
    async def queue(
        self,
        interaction: Asked,
        page: int = nextcord.SlashOption(
            **described("The page to show. Default: the first."), min_value=1, required=False, default=1
        ),
    ) -> None:
        await show(interaction, "queue", page)

    @nextcord.slash_command(**described("Remove a track from the queue, or several."), contexts=IN_GUILDS)
    async def remove(
        self,
        interaction: Asked,
        number: str = nextcord.SlashOption(
            **described("Its number in /queue or its title. For several: a range such as 3-7."),
            max_length=LONGEST,
        ),
    ) -> None:
        items = await read(interaction, pick_items, str(interaction.guild_id), number)
        if len(items) == 1:
            item = await run(interaction, "RemoveItem", {"item_id": str(items[0].pk)})
            await interaction.reply(_("Removed %(track)s.") % {"track": f"**{title_of(item['track'])}**"})
            return
        removed = await run(interaction, "RemoveItems", {"item_ids": [str(item.pk) for item in items]})
        await interaction.reply(_removed(removed["removed"]))

    @nextcord.slash_command(
        **described("Remove duplicates, or tracks of people who left."), contexts=IN_GUILDS
    )
    async def cleanup(
        self,
        interaction: Asked,
        what: str = nextcord.SlashOption(
            **described("What to remove."), **offered({DUPLICATES: "duplicates", ABSENT: "absent"})
        ),
    ) -> None:
        if what == "duplicates":
            removed = await run(interaction, "RemoveDuplicates")
            nothing = gettext_lazy("There are no duplicates in the queue.")
        else:
            removed = await run(interaction, "RemoveAbsent")
            nothing = gettext_lazy("Everyone who has tracks in the queue is in the voice channel.")
        count = removed["removed"]
        await interaction.reply(_removed(count) if count else nothing, private=not count)

    @nextcord.slash_command(**described("Move a track in the queue."), contexts=IN_GUILDS)
    async def move(
        self,
        interaction: Asked,
        number: str = nextcord.SlashOption(
            **described("Its number in /queue, or its title."), max_length=LONGEST
        ),
        to: int = nextcord.SlashOption(**described("Its new number."), min_value=1),
    ) -> None:
        picked = await read(interaction, pick_item, str(interaction.guild_id), number)
        after, place = await from_database(place_for_number, picked, to)
        item = await run(interaction, "MoveItem", {"item_id": str(picked.pk), "after": after})
        await interaction.reply(
            _("Moved %(track)s to number %(number)s.")
            % {"track": f"**{title_of(item['track'])}**", "number": place}
        )

    @remove.on_autocomplete("number")
    async def complete_several(self, interaction: Asked, typed: str) -> None:
        guild_id = str(interaction.guild_id)
        await interaction.suggest(await self._suggestions.queued(guild_id, typed or "", several=True))

    @move.on_autocomplete("number")
    async def complete_one(self, interaction: Asked, typed: str) -> None:
        await interaction.suggest(await self._suggestions.queued(str(interaction.guild_id), typed or ""))

    @nextcord.slash_command(**described("Clear the queue."), contexts=IN_GUILDS)
    async def clear(
        self,
        interaction: Asked,
        whose: str = nextcord.SlashOption(
            **described("Whose tracks to remove. Default: all."),
            **offered({ALL: "all", MINE: "mine"}),
            required=False,
            default="all",
        ),
        member: nextcord.Member | None = nextcord.SlashOption(
            **described("Remove only this person's tracks."), required=False, default=None
        ),
    ) -> None:
        if member is not None:
            whose = await from_database(_user_id_of, str(member.id))
        cleared = await run(interaction, "ClearQueue", {"whose": whose})
        count, failed = cleared["removed"], cleared.get("dismissed", 0)
        sentences = [_removed(count)] if count else []
        if failed:
            dismissed = ngettext(
                "Dismissed %(count)s failed track.", "Dismissed %(count)s failed tracks.", failed
            )
            sentences.append(dismissed % {"count": failed})
        with interaction.own_language():
            if member is not None:
                nothing = _("%(name)s has no tracks in the queue.") % {"name": member.mention}
            elif whose == "mine":
                nothing = _("You have no tracks in the queue.")
            else:
                nothing = _("The queue is already empty.")
        await interaction.reply(" ".join(sentences) or nothing, private=not sentences)

    @nextcord.slash_command(**described("Put the queue in a random order."), contexts=IN_GUILDS)
    async def shuffle(self, interaction: Asked) -> None:
        count = (await run(interaction, "ShuffleQueue"))["shuffled"]
        if count < 2:
            await interaction.reply(gettext_lazy("There is nothing to shuffle."), private=True)
            return
        sentence = ngettext("Shuffled %(count)s track.", "Shuffled %(count)s tracks.", count)
        await interaction.reply(sentence % {"count": count})


def _removed(count: int) -> str:
    sentence = ngettext("Removed %(count)s track.", "Removed %(count)s tracks.", count)
    return sentence % {"count": count}


def _user_id_of(discord_id: str) -> str:
    """Return the id of a person's user. If they never used Backline, return "0", which is nobody's id."""
    return str(User.objects.filter(discord_id=discord_id).values_list("pk", flat=True).first() or 0)
