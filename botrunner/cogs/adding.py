"""Slash commands that find tracks and add them."""

from __future__ import annotations

from uuid import UUID

import nextcord
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from nextcord.utils import escape_markdown

from botrunner.card.life import note_home
from botrunner.cogs.cog import IN_GUILDS, Cog, why_silent
from botrunner.database import from_database
from botrunner.embeds import PER_PAGE, line_of, list_embed, track_embed
from botrunner.failures import Failures
from botrunner.labels import cut
from botrunner.languages import described
from botrunner.reply import Asked, for_the_asker
from botrunner.running import run
from botrunner.suggestions import Suggestions
from library.clock import clock
from library.domain.find import MAX_QUERY, find_track, read_query, search_library
from library.sources.links import is_link
from queue_app.positions import POSITIONS
from queue_app.queries import count_ahead, load_player


class Adding(Cog):
    title = gettext_lazy("Add tracks")

    def __init__(self, failures: Failures, suggestions: Suggestions) -> None:
        self._failures = failures
        self._suggestions = suggestions

    @nextcord.slash_command(**described("Add a track to the queue."), contexts=IN_GUILDS)
    async def play(
        self,
        interaction: Asked,
        query: str = nextcord.SlashOption(**described("A search or a link.")),
        position: str = nextcord.SlashOption(
            **described("Where to add it."),
            choices=list(POSITIONS),
            required=False,
            default="end",
        ),
    ) -> None:
        meant = read_query(self._suggestions.meant(query))
        # A search without a match gets a refusal, not a failed item in the queue. AddTrack refuses malformed queries.
        if 0 < len(meant) <= MAX_QUERY and not is_link(meant):
            meant = (await from_database(find_track, meant)).uri
        item = await run(interaction, "AddTrack", {"query": meant, "position": position})
        if item["error"]:  # it was removed from the library just now
            await interaction.tell(_(item["error"]["detail"]), private=True)
            return
        await from_database(note_home, str(interaction.guild_id), str(interaction.channel_id))
        self._failures.expect(
            UUID(item["id"]), interaction, track_embed(_("Could not be played"), item["track"])
        )
        ahead = await from_database(count_ahead, str(interaction.guild_id), rank=item["rank"])
        player = await from_database(load_player, str(interaction.guild_id))
        why = why_silent(interaction, player)
        if ahead:
            where = _("Number %(number)s in the queue.") % {"number": ahead + 1}
        else:
            starts = player.item is None or str(player.item.pk) == item["id"]
            where = _("Playing now.") if starts and not why else _("Up next.")
        footer = f"{where} {why}".rstrip()
        await interaction.tell(embed=track_embed(_("Added"), item["track"]).set_footer(text=footer))

    @play.on_autocomplete("query")
    async def complete_query(self, interaction: Asked, typed: str) -> None:
        await interaction.suggest(await self._suggestions.find(typed or ""))

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
        await interaction.tell(embed=embed)
