"""Reads the audio files, playlists and links that people give the bot: in an option, in a text, or in a message.

The payloads of Discord are read, because nextcord leaves out the original name of a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from mimetypes import guess_file_type
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext_noop

from accounts.discord import DiscordObject
from alerts.message import escape
from library.domain.attachments import Attached
from library.domain.signed_links import attachment_link
from library.errors import lazy_text
from library.query_fields import MAX_URL
from library.sources.library import SUFFIXES
from library.sources.links import find_links
from library.sources.playlists import has_list_name
from library.sources.responses import file_title
from library.sources.tags import clean

MAX_NAME = 80
# Types of files of which Discord knows nothing.
_UNKNOWN = ("", "application/octet-stream", "application/ogg")
_SPOILER = "SPOILER_"  # Discord's mark of an attachment that is hidden until somebody clicks it


@dataclass
class Finds:
    """Files that are attached in Discord, other links, and sentences about what cannot be used."""

    files: list[Attached] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    refused: list[str | Promise] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.files or self.links or self.refused)


def read_file(payload: DiscordObject) -> Attached:
    """`payload`: Discord's Attachment."""
    filename = str(payload["filename"]).removeprefix(_SPOILER)
    original = clean(str(payload.get("title") or ""))  # without the suffix, if Discord had to change the name
    name = f"{original}{PurePosixPath(filename).suffix}" if original else clean(filename) or "Untitled"
    return Attached(
        link=str(payload["url"]),
        name=escape(name, MAX_NAME),
        title=original or file_title(filename) or "Untitled",
        size=payload.get("size"),
    )


def read_text(text: str) -> Finds:
    """Return what the links of a text lead to."""
    finds = Finds()
    for link in find_links(text):
        attached = attachment_link(link)
        if attached is not None:
            finds.files.append(_file_of(attached))
        elif len(link.encode()) > MAX_URL:
            sentence = gettext_noop("A link may have at most %(limit)s bytes.")
            finds.refused.append(lazy_text(sentence, limit=MAX_URL))
        else:
            finds.links.append(link)
    return finds


def read_message(payload: DiscordObject) -> Finds:
    """Return the audio and playlists of a message, and of those that it forwards. `payload`: Discord's Message."""
    finds = Finds()
    for each in _with_forwarded(payload):
        audio = [file for file in each.get("attachments") or [] if _may_be_played(file)]
        text = read_text(str(each.get("content") or ""))
        linked = [file for file in text.files if _may_be_played(_typed_by_name(file.link))]
        finds.files += [read_file(file) for file in audio] + linked
        finds.links += text.links
        finds.refused += text.refused
    return finds


def _with_forwarded(payload: DiscordObject) -> Iterator[Any]:
    yield payload
    for snapshot in payload.get("message_snapshots") or []:
        yield snapshot["message"]


def _may_be_played(payload: DiscordObject) -> bool:
    """Return whether an attachment may contain sound, or be a playlist. Videos may contain sound.

    Discord knows the type of a file by its name only. A file of an unknown type is downloaded, and its content decides.
    """
    kind = str(payload.get("content_type") or "").partition(";")[0]
    filename = str(payload["filename"])
    if PurePosixPath(filename).suffix.lower() in SUFFIXES or has_list_name(filename):
        return True
    return kind.startswith(("audio/", "video/")) or kind in _UNKNOWN


def _file_of(link: str) -> Attached:
    return read_file({"filename": _name_in(link), "url": link})


def _typed_by_name(link: str) -> DiscordObject:
    """Return an attachment with the type that its name says, as Discord does for one in a message."""
    name = _name_in(link)
    return {"filename": name, "content_type": guess_file_type(name)[0]}


def _name_in(link: str) -> str:
    return unquote(PurePosixPath(urlsplit(link).path).name)
