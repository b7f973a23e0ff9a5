"""Long lists in replies: one page at a time, with buttons for the other pages.

Only the person who asked sees such a reply, so nobody turns another person's pages. The ids of the buttons contain the
list and the page, so they still work after a restart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import nextcord
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from nextcord.utils import escape_markdown

from botrunner.buttons import VERSION, still
from botrunner.database import from_database
from botrunner.embeds import MAX_LABEL, PER_PAGE, line_of, list_embed, name_of, title_of_track
from botrunner.labels import cut, length_in_words
from botrunner.playlists import Found, list_all, pick_list
from botrunner.reply import NO_BUTTON, Asked
from library.clock import clock
from library.domain.whole import FAVORITES
from library.models import Favorite, KeptTrack, Track
from library.playlist_queries import entries_of
from queue_app.history import newest_plays
from queue_app.models import ItemState, Play, Player, QueueItem
from queue_app.numbers import numbered_items
from queue_app.queries import load_player, waiting

MAX_PAGE = 1_000
_KINDS = r"queue|history|playlists|playlist:[0-9a-f-]{36}|favorites:"
_BUTTON = re.compile(rf"turn:{VERSION}:(?P<kind>{_KINDS}):(?P<number>[0-9]{{1,9}})")  # see `Page._id`


@dataclass(frozen=True)
class Where:
    """Where a list is shown, and to whom. `about` is the part of its kind after the colon."""

    guild_id: str
    discord_id: str
    about: str


@dataclass(frozen=True)
class Page:
    """A page of a list. `more`: there is a next page. `pages` is the number of pages, or None if it is unknown."""

    kind: str
    number: int
    embed: nextcord.Embed
    more: bool
    pages: int | None = None

    def view(self) -> nextcord.ui.View | None:
        """Return the buttons, or None for a list of one page. Call it on the event loop."""
        if self.number == 1 and not self.more:
            return None
        where = (
            _("%(page)s of %(pages)s") % {"page": self.number, "pages": self.pages}
            if self.pages
            else str(self.number)
        )
        return still(
            nextcord.ui.Button(emoji="◀️", custom_id=self._id(self.number - 1), disabled=self.number == 1),
            nextcord.ui.Button(label=where, custom_id=self._id("here"), disabled=True),
            nextcord.ui.Button(emoji="▶️", custom_id=self._id(self.number + 1), disabled=not self.more),
        )

    def _id(self, number: int | str) -> str:
        return f"turn:{VERSION}:{self.kind}:{number}"


def queue_page(where: Where, number: int) -> Page:
    """Return a page of the queue, or the last page if it has fewer."""
    guild_id = where.guild_id
    player = load_player(guild_id)
    pages = max(1, -(-player.queue_total // PER_PAGE))
    number = min(number, pages)
    first = (number - 1) * PER_PAGE + 1
    items = numbered_items(guild_id, first, first + PER_PAGE - 1)
    return Page("queue", number, _queue_embed(items, player, first), more=number < pages, pages=pages)


def _queue_embed(items: list[QueueItem], player: Player, first: int) -> nextcord.Embed:
    lines = [
        line_of(
            number,
            item.track,
            clock(item.track.duration_ms) if item.track.duration_ms else "",
            name_of(item.requested_by) if item.requested_by else "",
        )
        for number, item in enumerate(items, start=first)
    ]
    embed = list_embed(_("Up next"), lines, empty=_("The queue is empty."))
    embed.url = f"{settings.FRONTEND_URL}/guilds/{player.pk}"
    if player.item:
        embed.add_field(name=_("Now playing"), value=title_of_track(player.item.track), inline=False)
    if player.queue_total:
        total = ngettext("%(count)s track", "%(count)s tracks", player.queue_total) % {
            "count": player.queue_total
        }
        length = waiting(player.pk).ms
        embed.set_footer(text=f"{total} · {length_in_words(length)}" if length else total)
    return embed


def history_page(where: Where, number: int) -> Page:
    first = (number - 1) * PER_PAGE
    plays = newest_plays(where.guild_id, offset=first, limit=PER_PAGE + 1)
    lines = [_play_line(place, play) for place, play in enumerate(plays[:PER_PAGE], start=first + 1)]
    empty = _("Nothing was played yet.") if number == 1 else _("The history has no such page.")
    embed = list_embed(_("History"), lines, empty=empty)
    if number > 1 or len(plays) > PER_PAGE:
        embed.set_footer(text=_("Page %(page)s") % {"page": number})
    return Page("history", number, embed, more=len(plays) > PER_PAGE)


def _play_line(number: int, play: Play) -> str:
    return line_of(
        number,
        play.track,
        name_of(play.requested_by) if play.requested_by else "",
        nextcord.utils.format_dt(play.started_at, "R"),
        _ending(play),
    )


def _ending(play: Play) -> str:
    match play.outcome:
        case ItemState.PLAYED:
            return _("played")
        case ItemState.SKIPPED:
            return _("skipped after %(time)s") % {"time": clock(play.heard_ms)}
        case ItemState.FAILED:
            return _("failed")
    return _("playing") if play.item.state == ItemState.PLAYING else _("will continue")


def playlists_page(where: Where, number: int) -> Page:
    """Return a page of the playlists that the person may play here."""
    found = list_all(where.guild_id, where.discord_id)
    pages, first = _pages(len(found), number)
    lines = [_list_line(each) for each in found[first : first + PER_PAGE]]
    embed = list_embed(
        _("Playlists"), lines, empty=_("There are no playlists yet. Create one with /playlist save.")
    )
    embed.url = f"{settings.FRONTEND_URL}/playlists"
    number = first // PER_PAGE + 1
    return Page("playlists", number, embed, more=number < pages, pages=pages)


def _list_line(found: Found) -> str:
    tracks = ngettext("%(count)s track", "%(count)s tracks", found.length) % {"count": found.length}
    shared = found.playlist is not None and found.playlist.guild_id is not None
    parts = [escape_markdown(cut(found.name, MAX_LABEL)), tracks, _("of this server") if shared else ""]
    return " · ".join(filter(None, parts))


def entries_page(where: Where, number: int) -> Page:
    """Return a page of a playlist. Raises PlaylistNotFound."""
    found = pick_list(where.guild_id, where.discord_id, f"playlist:{where.about}")
    assert found.playlist is not None
    return _tracks_page(found, entries_of(found.playlist), number)


def favorites_page(where: Where, number: int) -> Page:
    found = pick_list(where.guild_id, where.discord_id, FAVORITES)
    favorites = Favorite.objects.filter(user__discord_id=where.discord_id).order_by("-id")
    return _tracks_page(found, favorites, number)


def _tracks_page(found: Found, kept: QuerySet[KeptTrack], number: int) -> Page:
    pages, first = _pages(found.length, number)
    tracks = enumerate(kept[first : first + PER_PAGE], start=first + 1)
    lines = [_kept_line(place, each) for place, each in tracks]
    embed = list_embed(
        escape_markdown(cut(found.name, MAX_LABEL)), lines, empty=_("This playlist has no tracks yet.")
    )
    number = first // PER_PAGE + 1
    return Page(found.uri, number, embed, more=number < pages, pages=pages)


def _kept_line(number: int, kept: KeptTrack) -> str:
    words = Track(uri=kept.uri, title=kept.title, artist=kept.artist)
    return line_of(number, words, clock(kept.duration_ms) if kept.duration_ms else "")


def _pages(length: int, number: int) -> tuple[int, int]:
    """Return the number of pages, and the index of the first line of a page, or of the last page if it is beyond."""
    pages = max(1, -(-length // PER_PAGE))
    return pages, (min(number, pages) - 1) * PER_PAGE


LISTS: dict[str, Callable[[Where, int], Page]] = {
    "queue": queue_page,
    "history": history_page,
    "playlists": playlists_page,
    "playlist": entries_page,
    "favorites": favorites_page,
}


async def show(asked: Asked, kind: str, number: int = 1) -> None:
    """Reply with a page of a list, which only the person who asked can see. Raises a refusal."""
    page = await _read_page(asked, kind, number)
    await asked.reply(embed=page.embed, view=page.view(), private=True)


async def turn(asked: Asked) -> None:
    """Show another page in the message whose button was pressed. Raises a refusal."""
    known = _BUTTON.fullmatch(asked.name)
    if known is None:
        await asked.reply(NO_BUTTON, private=True)
        return
    page = await _read_page(asked, known["kind"], min(max(int(known["number"]), 1), MAX_PAGE))
    await asked.replace(embed=page.embed, view=page.view())


async def _read_page(asked: Asked, kind: str, number: int) -> Page:
    assert asked.user is not None
    name, _colon, about = kind.partition(":")
    where = Where(str(asked.guild_id), str(asked.user.id), about)
    return await from_database(LISTS[name], where, number)
