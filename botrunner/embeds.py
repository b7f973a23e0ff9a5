"""Tracks and lists of them as replies show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nextcord
from django.utils.translation import gettext as _
from nextcord.utils import escape_markdown

from accounts.models import User
from botrunner.labels import cut, label
from library.artwork import artwork_folder
from library.clock import clock
from library.models import Track

ACCENT = 0xF2A33A
PER_PAGE = 10
# Ten lines have to fit into 4,096 characters. A title may be a link of 2,000, and escaping doubles some characters.
MAX_LABEL = 120
MAX_NAME = 32


def title_of(track: dict[str, Any]) -> str:
    """Return a track, in its REST shape, as markdown text shows it."""
    return _escaped(track["title"] or track["uri"], track["artist"])


def title_of_track(track: Track) -> str:
    return _escaped(track.title or track.uri, track.artist)


def _escaped(title: str | None, artist: str | None) -> str:
    return escape_markdown(cut(label(title, artist), MAX_LABEL))


def name_of(person: User) -> str:
    return escape_markdown(cut(" ".join(str(person).split()), MAX_NAME))


def track_embed(heading: str, track: dict[str, Any]) -> nextcord.Embed:
    embed = nextcord.Embed(title=heading, description=f"**{title_of(track)}**", color=ACCENT)
    if track["duration_ms"]:
        embed.add_field(name=_("Length"), value=clock(track["duration_ms"]))
    return embed


def artwork_of(track: dict[str, Any]) -> Path | None:
    """Return the file with the artwork of a track in its REST shape, if there is one."""
    path = artwork_folder() / (track["artwork_url"] or "").rpartition("/")[2]
    return path if path.is_file() else None


def line_of(number: int, track: Track, *details: str) -> str:
    """Return a line of a list: number, title, and what is known besides."""
    return " · ".join([f"{number}. {title_of_track(track)}", *filter(None, details)])


def list_embed(heading: str, lines: Sequence[str], *, empty: str) -> nextcord.Embed:
    return nextcord.Embed(title=heading, description="\n".join(lines) or empty, color=ACCENT)
