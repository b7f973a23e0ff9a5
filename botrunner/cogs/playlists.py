"""Slash commands for playlists and favorites."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import nextcord
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from nextcord.utils import escape_markdown

from botrunner.additions import Additions
from botrunner.buttons import undo_view
from botrunner.cogs.cog import IN_GUILDS, Cog
from botrunner.database import from_database
from botrunner.embeds import title_of_track
from botrunner.favorites import current_track, toggle_current, toggle_favorite
from botrunner.labels import cut
from botrunner.languages import described
from botrunner.lists import show
from botrunner.mirror import store_member
from botrunner.picking import LONGEST
from botrunner.playlists import Found, pick_entry, pick_list
from botrunner.reply import Asked
from botrunner.running import know_asker, origin_of, read, run
from botrunner.suggestions import Suggestions
from library.domain import collaborators, playlist_entries, playlists
from library.domain.find import find_track
from library.models import Playlist, Track
from library.playlist_rights import Access
from library.playlist_serializers import MAX_NAME
from queue_app.positions import POSITIONS
from realtime.origin import Origin


def _list_option(**more: Any) -> nextcord.SlashOption:  # which has the types
    return nextcord.SlashOption(**described("The playlist."), max_length=LONGEST, **more)


def _new_name_option() -> nextcord.SlashOption:
    return nextcord.SlashOption(**described("The name of the new playlist."), max_length=MAX_NAME)


def _shared_option() -> nextcord.SlashOption:
    return nextcord.SlashOption(
        **described("Create a playlist of this server. Default: your own."),
        required=False,
        default=False,
    )


class Playlists(Cog):
    title = gettext_lazy("Playlists")

    def __init__(self, additions: Additions, suggestions: Suggestions) -> None:
        self._additions = additions
        self._suggestions = suggestions

    @nextcord.slash_command(**described("Playlists of yours and of this server."), contexts=IN_GUILDS)
    async def playlist(self, interaction: Asked) -> None:
        """Discord runs only its subcommands."""

    @playlist.subcommand(**described("Add a whole playlist to the queue."))
    async def play(
        self,
        interaction: Asked,
        name: str = _list_option(),
        shuffle: bool = nextcord.SlashOption(
            **described("In a random order."), required=False, default=False
        ),
        position: str = nextcord.SlashOption(
            **described("Where to add it."), choices=list(POSITIONS), required=False, default="end"
        ),
    ) -> None:
        found = await _pick(interaction, self._meant(name))
        await self._additions.add_whole(interaction, found.uri, position=position, shuffle=shuffle)

    @playlist.subcommand(**described("Save the current track and the queue as a new playlist."))
    async def save(
        self, interaction: Asked, name: str = _new_name_option(), shared: bool = _shared_option()
    ) -> None:
        saved = await run(interaction, "SaveQueue", {"name": name, "shared": shared})
        with interaction.own_language(when=not shared):
            sentence = ngettext(
                "Saved %(count)s track as the playlist %(name)s.",
                "Saved %(count)s tracks as the playlist %(name)s.",
                saved["saved"],
            ) % {"count": saved["saved"], "name": _bold(saved["playlist"]["name"])}
            undo = undo_view(interaction.change) if interaction.change is not None else None
        await interaction.reply(sentence, view=undo, private=not shared)

    @playlist.subcommand(**described("Create an empty playlist."))
    async def create(
        self, interaction: Asked, name: str = _new_name_option(), shared: bool = _shared_option()
    ) -> None:
        made = await read(interaction, _create, interaction, name, shared=shared)
        with interaction.own_language(when=not shared):
            sentence = _("Created the playlist %(name)s.") % {"name": _bold(made.name)}
        await interaction.reply(sentence, private=not shared)

    @playlist.subcommand(**described("Add a track to a playlist. Without a query: the current track."))
    async def add(
        self,
        interaction: Asked,
        name: str = _list_option(),
        query: str = nextcord.SlashOption(**described("A search or a link."), required=False, default=""),
    ) -> None:
        found = await _pick(interaction, self._meant(name), needed=Access.EDIT, favorites=False)
        track = await read(interaction, _track, str(interaction.guild_id), self._suggestions.meant(query))
        await read(interaction, _add, interaction, found, track)
        with interaction.own_language():
            words = {"track": f"**{title_of_track(track)}**", "name": _bold(found.name)}
            sentence = _("Added %(track)s to %(name)s.") % words
        await interaction.reply(sentence, private=True)

    @playlist.subcommand(**described("Remove a track from a playlist."))
    async def remove(
        self,
        interaction: Asked,
        name: str = _list_option(),
        track: str = nextcord.SlashOption(
            **described("Its number in /playlist list, or its title."), max_length=LONGEST
        ),
    ) -> None:
        found = await _pick(interaction, self._meant(name), needed=Access.EDIT, favorites=False)
        title = await read(interaction, _remove, interaction, found, track)
        with interaction.own_language():
            words = {"track": f"**{escape_markdown(cut(title, 120))}**", "name": _bold(found.name)}
            sentence = _("Removed %(track)s from %(name)s.") % words
        await interaction.reply(sentence, private=True)

    @playlist.subcommand(
        name="list", **described("Show your playlists and those of this server, or the tracks of one.")
    )
    async def show_lists(
        self, interaction: Asked, name: str = _list_option(required=False, default="")
    ) -> None:
        interaction.private = True
        if not name:
            await show(interaction, "playlists")
            return
        found = await _pick(interaction, self._meant(name))
        await show(interaction, found.uri)

    @playlist.subcommand(**described("Rename a playlist."))
    async def rename(
        self,
        interaction: Asked,
        name: str = _list_option(),
        to: str = nextcord.SlashOption(**described("The new name of the playlist."), max_length=MAX_NAME),
    ) -> None:
        found = await _pick(interaction, self._meant(name), needed=Access.MANAGE, favorites=False)
        renamed = await read(interaction, _rename, interaction, found, to)
        with interaction.own_language():
            words = {"old": _bold(found.name), "new": _bold(renamed.name)}
            sentence = _("Renamed %(old)s to %(new)s.") % words
        await interaction.reply(sentence, private=True)

    @playlist.subcommand(**described("Delete a playlist. It can be restored on its page for a day."))
    async def delete(self, interaction: Asked, name: str = _list_option()) -> None:
        found = await _pick(interaction, self._meant(name), needed=Access.MANAGE, favorites=False)
        await read(interaction, playlists.delete_playlist, _pk(found), origin=await _origin(interaction))
        with interaction.own_language():
            sentence = _("Deleted the playlist %(name)s.") % {"name": _bold(found.name)}
        await interaction.reply(sentence, private=True)

    @playlist.subcommand(**described("Let a person or a role change the tracks of a playlist."))
    async def share(
        self,
        interaction: Asked,
        name: str = _list_option(),
        member: nextcord.Member | None = nextcord.SlashOption(
            **described("A person who may change it."), required=False, default=None
        ),
        role: nextcord.Role | None = nextcord.SlashOption(
            **described("A role whose members may change it."), required=False, default=None
        ),
    ) -> None:
        if (member is None) == (role is None):
            await interaction.reply(gettext_lazy("Choose either a person or a role."), private=True)
            return
        found = await _pick(interaction, self._meant(name), needed=Access.MANAGE, favorites=False)
        whom = member or role
        assert whom is not None
        await read(interaction, _share, interaction, found, member=member, role=role)
        with interaction.own_language():
            words = {"whom": whom.mention, "name": _bold(found.name)}
            sentence = _("%(whom)s can now change the tracks of %(name)s.") % words
        await interaction.reply(sentence, private=True)

    @nextcord.slash_command(
        **described("Add a track to your favorites, or remove it. Default: the current track."),
        contexts=IN_GUILDS,
    )
    async def favorite(
        self,
        interaction: Asked,
        track: str = nextcord.SlashOption(**described("A search or a link."), required=False, default=""),
    ) -> None:
        interaction.private = True
        if not track:
            await toggle_current(interaction)
            return
        meant = await read(interaction, find_track, self._suggestions.meant(track))
        await toggle_favorite(interaction, meant)

    # --- Suggestions ---

    def _meant(self, typed: str) -> str:
        return self._suggestions.meant(typed)

    @play.on_autocomplete("name")
    async def complete_play(self, interaction: Asked, typed: str) -> None:
        await self._suggest(interaction, typed, Access.READ, favorites=True)

    @show_lists.on_autocomplete("name")
    async def complete_list(self, interaction: Asked, typed: str) -> None:
        await self._suggest(interaction, typed, Access.READ, favorites=True)

    @add.on_autocomplete("name")
    async def complete_add(self, interaction: Asked, typed: str) -> None:
        await self._suggest(interaction, typed, Access.EDIT)

    @remove.on_autocomplete("name")
    async def complete_remove(self, interaction: Asked, typed: str) -> None:
        await self._suggest(interaction, typed, Access.EDIT)

    @rename.on_autocomplete("name")
    async def complete_rename(self, interaction: Asked, typed: str) -> None:
        await self._suggest(interaction, typed, Access.MANAGE)

    @delete.on_autocomplete("name")
    async def complete_delete(self, interaction: Asked, typed: str) -> None:
        await self._suggest(interaction, typed, Access.MANAGE)

    @share.on_autocomplete("name")
    async def complete_share(self, interaction: Asked, typed: str) -> None:
        await self._suggest(interaction, typed, Access.MANAGE)

    @remove.on_autocomplete("track")
    async def complete_entry(self, interaction: Asked, typed: str, name: str = "") -> None:
        assert interaction.user is not None
        asker = (str(interaction.guild_id), str(interaction.user.id))
        await interaction.suggest(
            await self._suggestions.entries(*asker, self._meant(name or ""), typed or "")
        )

    @add.on_autocomplete("query")
    async def complete_track(self, interaction: Asked, typed: str) -> None:
        await interaction.suggest(await self._suggestions.find(typed or ""))

    @favorite.on_autocomplete("track")
    async def complete_favorite(self, interaction: Asked, typed: str) -> None:
        await interaction.suggest(await self._suggestions.find(typed or ""))

    async def _suggest(self, asked: Asked, typed: str, needed: Access, *, favorites: bool = False) -> None:
        assert asked.user is not None
        await from_database(know_asker, asked)
        found = await self._suggestions.playlists(
            str(asked.guild_id), str(asked.user.id), typed or "", needed=needed, favorites=favorites
        )
        await asked.suggest(found)


async def _pick(asked: Asked, typed: str, needed: Access = Access.READ, *, favorites: bool = True) -> Found:
    """Raises PlaylistNotFound."""
    return await read(asked, _picked, asked, typed, needed, favorites=favorites)


def _bold(name: str) -> str:
    return f"**{escape_markdown(name)}**"


async def _origin(asked: Asked) -> Origin:
    return await read(asked, origin_of, asked)


def _pk(found: Found) -> UUID:
    assert found.playlist is not None
    return found.playlist.pk


# --- What runs in a thread ---


def _picked(asked: Asked, typed: str, needed: Access, *, favorites: bool) -> Found:
    know_asker(asked)
    assert asked.user is not None
    return pick_list(str(asked.guild_id), str(asked.user.id), typed, needed=needed, favorites=favorites)


def _create(asked: Asked, name: str, *, shared: bool) -> Playlist:
    guild_id = str(asked.guild_id) if shared else None
    return playlists.create_playlist(playlists.clean_name(name), guild_id=guild_id, origin=origin_of(asked))


def _rename(asked: Asked, found: Found, name: str) -> Playlist:
    return playlists.rename_playlist(_pk(found), playlists.clean_name(name), origin=origin_of(asked))


def _track(guild_id: str, typed: str) -> Track:
    """Return the track that was typed, or the current one. Raises NothingFound and NothingPlaying."""
    return find_track(typed) if typed.strip() else current_track(guild_id)


def _add(asked: Asked, found: Found, track: Track) -> None:
    playlist_entries.add_tracks(_pk(found), [track.uri], origin=origin_of(asked))


def _remove(asked: Asked, found: Found, typed: str) -> str:
    """Returns the title of the removed track. Raises EntryNotFound."""
    assert found.playlist is not None
    entry = pick_entry(found.playlist, typed)
    playlist_entries.remove_entries(found.playlist.pk, [str(entry.pk)], origin=origin_of(asked))
    return entry.title or entry.uri


def _share(asked: Asked, found: Found, *, member: nextcord.Member | None, role: nextcord.Role | None) -> None:
    origin = origin_of(asked)
    if member is not None:
        collaborators.add_person(_pk(found), store_member(member), origin=origin)
    elif role is not None:
        collaborators.add_guild(_pk(found), str(asked.guild_id), str(role.id), origin=origin)
