"""Reads playlists that people attach in Discord, and finds their tracks."""

from __future__ import annotations

from functools import partial

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_noop, ngettext

from botrunner.database import from_database
from botrunner.threads import in_daemon
from library.domain.attachments import Attached
from library.domain.match_lines import Unmatched, match_lines
from library.domain.signed_links import networks_for
from library.errors import UNREADABLE, FileRefused, lazy_text
from library.models import Track
from library.sources import SourceError
from library.sources.addresses import parse_url
from library.sources.playlists import BadPlaylist, PlaylistFile, read_file
from library.sources.remote_lists import fetch


async def read_list_file(file: Attached) -> tuple[list[str], list[str | Promise]]:
    """Return the URIs of the tracks in a playlist, and sentences about those that are not found. Raises FileRefused."""
    found = await in_daemon(partial(_read, file), name=f"list {file.title}")
    tracks = await from_database(match_lines, found.lines)
    uris = [track.uri for track in tracks if isinstance(track, Track)]
    lost = sum(isinstance(track, Unmatched) for track in tracks) + found.surplus
    if not lost:
        return uris, []
    sentence = ngettext(
        "%(count)s track of “%(name)s” is not in the library.",
        "%(count)s tracks of “%(name)s” are not in the library.",
        lost,
    )
    return uris, [sentence % {"count": number_format(lost, force_grouping=True), "name": file.name}]


def _read(file: Attached) -> PlaylistFile:
    """Blocking, for a worker thread. Raises FileRefused."""
    try:
        data, _url = fetch(parse_url(file.link), allow_private=networks_for(file.link))
        found = read_file(data, file.name)
    except SourceError as error:
        sentence = gettext_noop("“%(name)s” could not be downloaded from Discord. Try again in a moment.")
        raise FileRefused(lazy_text(sentence, name=file.name)) from error
    except BadPlaylist as error:
        raise FileRefused(UNREADABLE[error.problem]) from error
    return found
