"""Commands that find tracks and add them."""

from __future__ import annotations

from typing import Any, cast

import nextcord
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from nextcord.utils import escape_markdown

from accounts.discord import DiscordObject
from botrunner.additions import Additions
from botrunner.cogs.cog import IN_GUILDS, Cog
from botrunner.database import from_database
from botrunner.embeds import PER_PAGE, line_of, list_embed
from botrunner.finds import Finds, read_file, read_message
from botrunner.labels import cut
from botrunner.languages import described
from botrunner.reply import Asked, for_the_asker
from botrunner.running import know_asker
from botrunner.suggestions import Suggestions
from library.clock import clock
from library.search import MAX_QUERY, search_library
from queue_app.positions import POSITIONS


class Adding(Cog):
    title = gettext_lazy("Add tracks")

    def __init__(self, additions: Additions, suggestions: Suggestions) -> None:
        self._additions = additions
        self._suggestions = suggestions

    @nextcord.slash_command(**described("Add a track to the queue."), contexts=IN_GUILDS)
    async def play(
        self,
        interaction: Asked,
        query: str = nextcord.SlashOption(
            **described("A search, a playlist, or one or more links."), required=False, default=""
        ),
        file: nextcord.Attachment | None = nextcord.SlashOption(
            **described("An audio file."), required=False, default=None
        ),
        position: str = nextcord.SlashOption(
            **described("Where to add it."),
            choices=list(POSITIONS),
            required=False,
            default="end",
        ),
    ) -> None:
        if file is not None and query:
            await interaction.reply(gettext_lazy("Give a query or a file, not both."), private=True)
        elif file is not None:
            finds = Finds(files=[read_file(_resolved(interaction, "attachments", file.id))])
            await self._additions.add(interaction, finds, position=position)
        elif query:
            await self._additions.add_query(interaction, self._suggestions.meant(query), position=position)
        else:
            await interaction.reply(
                gettext_lazy("Type a search or a link, or attach an audio file."), private=True
            )

    @nextcord.message_command(name="Add to queue", contexts=IN_GUILDS)
    async def add_to_queue(self, interaction: Asked, message: nextcord.Message) -> None:
        finds = read_message(_resolved(interaction, "messages", message.id))
        if not finds:
            await interaction.reply(
                gettext_lazy("There is no audio file and no link in this message."), private=True
            )
            return
        await self._additions.add(interaction, finds)

    @play.on_autocomplete("query")
    async def complete_query(self, interaction: Asked, typed: str) -> None:
        assert interaction.user is not None
        await from_database(know_asker, interaction)
        asker = (str(interaction.guild_id), str(interaction.user.id))
        await interaction.suggest(await self._suggestions.playable(*asker, typed or ""))

    @nextcord.slash_command(**described("Search the library."), contexts=IN_GUILDS)
    @for_the_asker
    async def search(
        self,
        interaction: Asked,
        query: str = nextcord.SlashOption(
            **described("Words of the title, artist or album."), max_length=MAX_QUERY
        ),
    ) -> None:
        found = await from_database(search_library, query, limit=PER_PAGE + 1)
        lines = [
            line_of(number, track, clock(track.duration_ms) if track.duration_ms else "")
            for number, track in enumerate(found[:PER_PAGE], start=1)
        ]
        heading = _("Results for “%(query)s”") % {"query": escape_markdown(cut(query.strip(), 80))}
        embed = list_embed(heading, lines, empty=_("Nothing in the library matches. Try other words."))
        if len(found) > PER_PAGE:
            embed.set_footer(text=_("There are more. Add words to narrow the search."))
        elif found:
            embed.set_footer(text=_("Add one with /play."))
        await interaction.reply(embed=embed)


def _resolved(interaction: Asked, kind: str, identifier: int) -> DiscordObject:
    """Return Discord's payload of an attachment or message of the command."""
    data = cast("dict[str, Any]", interaction.data)
    payload: DiscordObject = data["resolved"][kind][str(identifier)]
    return payload
