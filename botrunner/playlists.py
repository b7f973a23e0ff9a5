"""Find the playlist that a person means in Discord, and suggest playlists while they type."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from nextcord.utils import escape_markdown

from accounts.models import User
from botrunner.labels import cut, length
from botrunner.picking import LONGEST, MOST
from library.domain.whole import FAVORITES
from library.errors import EntryNotFound, PlaylistNotFound
from library.models import Favorite, Playlist, PlaylistEntry
from library.playlist_queries import entries_of
from library.playlist_rights import Access, Reader


@dataclass(frozen=True)
class Found:
    """A playlist, or the person's favorites. `uri` is what AddTracks takes."""

    name: str
    uri: str
    length: int
    playlist: Playlist | None = None


def find_lists(
    guild_id: str, discord_id: str, typed: str, *, needed: Access = Access.READ, favorites: bool = True
) -> dict[str, Found]:
    """Return the lists that a person may use in this guild and whose names contain the typed words, by unique name.

    Playlists of other guilds are left out.
    """
    user = User.objects.filter(discord_id=discord_id).first()
    if user is None:
        return {}
    found = _lists(user, guild_id, needed)
    if favorites:
        liked = Favorite.objects.filter(user=user).count()
        found.insert(0, Found(_("Favorites"), FAVORITES, liked))
    words = typed.casefold().split()
    named: dict[str, Found] = {}
    for each in found:
        if all(word in each.name.casefold() for word in words):
            named[_name(each, named)] = each
    return dict(list(named.items())[:MOST])


def list_all(guild_id: str, discord_id: str, needed: Access = Access.READ) -> list[Found]:
    """Return all playlists that a person may use in this guild, by name."""
    user = User.objects.filter(discord_id=discord_id).first()
    return _lists(user, guild_id, needed) if user is not None else []


def _lists(user: User, guild_id: str, needed: Access) -> list[Found]:
    reader = Reader(user)
    visible = reader.visible().order_by("name", "id")
    here = (each for each in visible if each.guild_id in (None, guild_id))
    usable = (each for each in here if (reader.access(each) or 0) >= needed)
    return [Found(each.name, each.uri, each.length, each) for each in usable]


def _name(found: Found, taken: dict[str, Found]) -> str:
    tracks = ngettext("%(count)s track", "%(count)s tracks", found.length) % {"count": found.length}
    number, more = 1, f" · {tracks}"
    while (name := cut(found.name, LONGEST - length(more)) + more) in taken:
        number += 1
        more = f" · {tracks} · #{number}"
    return name


def pick_list(
    guild_id: str, discord_id: str, typed: str, *, needed: Access = Access.READ, favorites: bool = True
) -> Found:
    """Return the list that was typed: as a uri, as the name of a suggestion, or as its own name.

    Raises PlaylistNotFound, whose text says what to do.
    """
    text = typed.strip()
    found = find_lists(guild_id, discord_id, "", needed=needed, favorites=favorites)
    by_uri = {each.uri: each for each in found.values()}
    if text in by_uri or text in found:
        return by_uri.get(text) or found[text]
    if text.startswith("playlist:"):
        # Suggestions contain only the first lists.
        all_lists = {each.uri: each for each in list_all(guild_id, discord_id, needed)}
        if text not in all_lists:
            raise PlaylistNotFound
        return all_lists[text]
    alike = find_lists(guild_id, discord_id, text, needed=needed, favorites=favorites)
    same = [each for each in alike.values() if each.name.casefold() == text.casefold()]
    if len(same) == 1 or len(alike) == 1:
        return (same or [*alike.values()])[0]
    words = {"typed": escape_markdown(cut(" ".join(text.split()), 80))}
    if alike:
        raise PlaylistNotFound(_("Several playlists match “%(typed)s”. Choose a suggestion.") % words)
    raise PlaylistNotFound(
        _("No playlist that you may use here matches “%(typed)s”. Choose a suggestion.") % words
    )


def find_entries(playlist: Playlist, typed: str) -> dict[str, PlaylistEntry]:
    """Return entries with the typed words by their names, such as "3. Blue Train". The number makes a name unique."""
    words = typed.casefold().split()
    named = ((name_entry(number, entry), entry) for number, entry in enumerate(entries_of(playlist), 1))
    found = {name: entry for name, entry in named if all(word in name.casefold() for word in words)}
    return dict(list(found.items())[:MOST])


def name_entry(number: int, entry: PlaylistEntry) -> str:
    title = f"{entry.title or entry.uri} – {entry.artist}" if entry.artist else entry.title or entry.uri
    return cut(f"{number}. {' '.join(title.split())}", LONGEST)


def pick_entry(playlist: Playlist, typed: str) -> PlaylistEntry:
    """Return the entry that was typed: as its id, its number, or words of its name. Raises EntryNotFound."""
    text = typed.strip()
    entries = entries_of(playlist)
    if text.isascii() and text.isdecimal() and len(text) < 7:
        numbered = list(entries[max(0, int(text) - 1) : int(text)])
        if not numbered:
            raise EntryNotFound(_("The playlist has no track number %(number)s.") % {"number": text})
        found: PlaylistEntry = numbered[0]
        return found
    if (pk := _uuid(text)) is not None:
        known: PlaylistEntry | None = entries.filter(pk=pk).first()
        if known is None:
            raise EntryNotFound
        return known
    alike = list(find_entries(playlist, text).values())
    if len(alike) != 1:
        raise EntryNotFound(_("Choose a suggestion, or type the number of a track in the playlist."))
    return alike[0]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
