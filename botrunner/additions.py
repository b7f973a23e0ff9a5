"""Adds what people name in Discord to the queue, and replies with what was added.

Files are downloaded first, because Discord's links to them expire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import nextcord
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from accounts.errors import Refusal
from botrunner.asker import Asker
from botrunner.card.life import note_home
from botrunner.database import from_database
from botrunner.embeds import ACCENT, PER_PAGE, artwork_of, title_of_track, track_embed
from botrunner.failures import Failures
from botrunner.finds import Finds, read_text
from botrunner.labels import cut, length_in_words
from botrunner.lacking import note_place
from botrunner.list_files import read_list_file
from botrunner.reply import Asked
from botrunner.running import origin_of, read, run
from botrunner.silence import why_silent
from botrunner.threads import in_daemon
from library.clock import clock
from library.domain.attachments import Attached, check_size, download, make_room, save_attachment
from library.domain.find import find_track, read_query
from library.domain.whole import is_whole
from library.errors import FileRefused, lazy_text
from library.search import MAX_QUERY
from library.shapes import track_shape
from library.sources.links import is_link
from library.sources.playlists import has_list_name
from queue_app.commands.add_tracks import MAX_TRACKS
from queue_app.domain.guild_state import opened
from queue_app.domain.policy import check_add, check_source
from queue_app.left_out import Adding
from queue_app.models import QueueItem
from queue_app.queries import Waiting, attachments_in_use, load_player, wait_ms, waiting

DOWNLOADS = 4  # at a time
MAX_FIELD = 1024  # characters (Discord: Message, Embed Limits)


class Additions:
    """One per bot, on the event loop only."""

    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._downloads = asyncio.Semaphore(DOWNLOADS)

    async def add(self, asked: Asker, finds: Finds, *, position: str = "end") -> None:
        """Add files and links in one command. Raises a refusal if nothing can be added."""
        uris, refused = await self._keep(asked, finds.files, alone=not finds.links)
        uris, refused = list(dict.fromkeys([*uris, *finds.links])), [*finds.refused, *refused]
        if len(uris) > MAX_TRACKS:
            limit = number_format(MAX_TRACKS, force_grouping=True)
            refused.append(_("Only the first %(limit)s tracks were added.") % {"limit": limit})
        if not uris:
            with asked.own_language():  # only they will see it
                raise FileRefused("\n".join(map(str, refused)))
        if len(uris) == 1:
            await self.add_one(asked, uris[0], position=position, refused=refused)
        else:
            await self._add_several(asked, uris[:MAX_TRACKS], position=position, refused=refused)

    async def add_query(self, asked: Asker, typed: str, *, position: str = "end") -> None:
        """Add what somebody typed: links, or the best match of a search. Raises a refusal if nothing can be added."""
        if is_whole(typed.strip()):
            await self.add_whole(asked, typed.strip(), position=position)
            return
        finds = read_text(typed)
        if finds.files or len(finds.links) > 1:
            await self.add(asked, finds, position=position)
            return
        meant = read_query(typed)
        # A search without a match gets a refusal, not a failed item in the queue. AddTrack refuses malformed queries.
        if 0 < len(meant) <= MAX_QUERY and not is_link(meant):
            meant = (await read(asked, find_track, meant)).uri
        await self.add_one(asked, meant, position=position)

    async def add_one(
        self, asked: Asker, query: str, *, position: str, refused: Sequence[str | Promise] = ()
    ) -> None:
        """Add one track. The reply also has the sentences in `refused`."""
        item = await run(asked, "AddTrack", {"query": query, "position": position})
        if item["error"]:  # it was removed from the library just now
            await asked.reply(gettext_lazy(item["error"]["detail"]), private=True)
            return
        self._expect(item["id"], asked, item["track"])
        embed = track_embed(_("Added"), item["track"])
        picture = artwork_of(item["track"])
        await self._reply(asked, embed, first=item, refused=refused, picture=picture)

    async def add_whole(
        self, asked: Asker, uri: str, *, position: str = "end", shuffle: bool = False
    ) -> None:
        """Add an album, an artist, a folder, a playlist or favorites by its uri. Raises a refusal."""
        args = {"from": uri, "position": position, "shuffle": shuffle}
        await self._show_added(asked, await run(asked, "AddTracks", args), refused=())

    async def _add_several(
        self, asked: Asker, uris: list[str], *, position: str, refused: Sequence[str | Promise]
    ) -> None:
        added = await run(asked, "AddTracks", {"uris": uris, "position": position})
        await self._show_added(asked, added, refused=refused)

    async def _show_added(
        self, asked: Asker, added: dict[str, Any], *, refused: Sequence[str | Promise]
    ) -> None:
        items = await from_database(_load, added["item_ids"])
        for item in items:
            if item.track.resolved_at is None:
                self._expect(str(item.pk), asked, track_shape(item.track))
        count = added["added"]
        title = ngettext("Added %(count)s track", "Added %(count)s tracks", count) % {"count": count}
        embed = nextcord.Embed(title=title, description=_lines(items), color=ACCENT)
        first = {"id": str(items[0].pk), "rank": items[0].rank} if items else None
        reasons = _reasons([each["reason"] for each in added["left_out"]])
        await self._reply(asked, embed, first=first, refused=[*refused, *reasons])

    def _expect(self, item_id: str, asked: Asker, track: dict[str, Any]) -> None:
        with asked.own_language():  # only they will see it
            failed = track_embed(_("Could not be played"), track)
        self._failures.expect(UUID(item_id), asked, failed)

    async def _reply(
        self,
        asked: Asker,
        embed: nextcord.Embed,
        *,
        first: dict[str, Any] | None,
        refused: Sequence[str | Promise],
        picture: Path | None = None,
    ) -> None:
        guild_id = str(asked.guild_id)
        if asked.quiet:
            await from_database(note_home, guild_id, str(asked.channel_id))
            if refused:
                await asked.reply("\n".join(map(str, refused)), private=True)
            return
        assert isinstance(asked, Asked)
        lacking = await note_place(asked)
        if refused:
            embed.add_field(
                name=_("Left out"), value=cut("\n".join(map(str, refused)), MAX_FIELD), inline=False
            )
        if first is not None:
            ahead = await from_database(waiting, guild_id, before=first["rank"])
            player = await from_database(load_player, guild_id)
            why = why_silent(asked, player)
            if ahead.tracks:
                where = _place(ahead, None if why else wait_ms(player, ahead))
            else:
                starts = player.item is None or str(player.item.pk) == first["id"]
                where = _("Playing now.") if starts and not why else _("Up next.")
            embed.set_footer(text=f"{where} {why}".rstrip())
        await asked.reply(embed=embed, picture=picture)
        if lacking:
            await asked.reply(lacking, private=True)

    # --- Files ---

    async def _keep(
        self, asked: Asker, files: Sequence[Attached], *, alone: bool
    ) -> tuple[list[str], list[str | Promise]]:
        """Download the files. Returns their uris, and a sentence for each that cannot be used.

        If the person may not add files, that is raised if there is nothing else to add (`alone`).
        """
        if not files:
            return [], []
        if alone:
            await read(asked, _check_may_add_files, asked)
        else:
            try:
                await from_database(_check_may_add_files, asked)
            except Refusal as refusal:
                return [], [str(refusal)]
        kept = await asyncio.gather(*map(self._keep_one, files))
        return [uri for uris, _ in kept for uri in uris], [each for _, refused in kept for each in refused]

    async def _keep_one(self, file: Attached) -> tuple[list[str], list[str | Promise]]:
        """Download a file. Returns its uri, or those of the tracks in a playlist, and why something cannot be used."""
        try:
            async with self._downloads:
                if has_list_name(file.name):
                    return await read_list_file(file)
                return [await self._download(file)], []
        except FileRefused as refusal:
            return [], [refusal.text]

    async def _download(self, file: Attached) -> str:
        check_size(file, file.size)
        if not await from_database(make_room, file.size or 0, in_use=attachments_in_use):
            sentence = gettext_noop("There is no room for “%(name)s”. Try again when fewer files are queued.")
            raise FileRefused(lazy_text(sentence, name=file.name))
        info = await in_daemon(partial(download, file), name=f"download {file.title}")
        await from_database(save_attachment, info)
        return info.uri


def _check_may_add_files(asked: Asker) -> None:
    """Check the rights before files are downloaded. Raises NotAllowed if the guild does not allow them."""
    with opened(str(asked.guild_id), origin=origin_of(asked)) as state:
        check_add(state)
        check_source(state, "discord")


def _place(ahead: Waiting, wait: int | None) -> str:
    where: dict[str, object] = {"number": ahead.tracks + 1}
    if not wait:
        return _("Number %(number)s in the queue.") % where
    return _("Number %(number)s in the queue, in about %(time)s.") % (where | {"time": length_in_words(wait)})


def _load(item_ids: list[str]) -> list[QueueItem]:
    """Return the items in the order of their ids."""
    found = QueueItem.objects.select_related("track").in_bulk([UUID(each) for each in item_ids])
    return [found[UUID(each)] for each in item_ids if UUID(each) in found]


def _lines(items: Sequence[QueueItem]) -> str:
    lines = []
    for item in items[:PER_PAGE]:
        length = f" · {clock(item.track.duration_ms)}" if item.track.duration_ms else ""
        lines.append(f"- {title_of_track(item.track)}{length}")
    if (more := len(items) - PER_PAGE) > 0:
        lines.append(ngettext("and %(count)s more", "and %(count)s more", more) % {"count": more})
    return "\n".join(lines)


def _reasons(left_out: list[str]) -> list[str]:
    """Return a sentence for each reason of AddTracks."""
    return [_reason(reason, left_out.count(reason)) for reason in dict.fromkeys(left_out)]


def _reason(reason: str, count: int) -> str:
    match reason:
        case Adding.FORBIDDEN:
            sentence = ngettext(
                "%(count)s track was left out, because this server does not allow its source.",
                "%(count)s tracks were left out, because this server does not allow their source.",
                count,
            )
        case Adding.QUEUE_FULL:
            sentence = ngettext(
                "%(count)s track was left out, because the queue is full.",
                "%(count)s tracks were left out, because the queue is full.",
                count,
            )
        case Adding.QUEUE_CAP_REACHED:
            sentence = ngettext(
                "%(count)s track was left out, because you have reached your limit in the queue.",
                "%(count)s tracks were left out, because you have reached your limit in the queue.",
                count,
            )
        case _:
            sentence = ngettext(
                "%(count)s track was left out, because it is no longer available.",
                "%(count)s tracks were left out, because they are no longer available.",
                count,
            )
    return sentence % {"count": count}
