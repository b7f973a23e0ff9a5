"""Links to files on Discord: signed, and valid for about a day.

The time at which one expires is in the link (Discord: Reference, Signed Attachment CDN URLs).
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import suppress
from ipaddress import ip_network
from urllib.parse import parse_qs, urlsplit

from django.conf import settings

from accounts.discord import refresh_attachment_link
from accounts.errors import DiscordError
from library.sources import Networks, SourceError

log = logging.getLogger(__name__)

# Discord also serves attachments at this address, and people copy such links.
_PROXY = "https://media.discordapp.net"
_PATH = re.compile(r"/(?:ephemeral-)?attachments/\d{1,20}/\d{1,20}/[^/?#]+(?:\?[^#]*)?")
MARGIN_SECONDS = 60


def attachment_link(link: str) -> str | None:
    """Return a link to a file that is attached in Discord, at Discord's CDN. None for any other link."""
    for base in (settings.DISCORD_CDN_URL, _PROXY):
        path = link.removeprefix(base)
        if path != link and _PATH.fullmatch(path):
            return settings.DISCORD_CDN_URL + path
    return None


def has_expired(link: str) -> bool:
    """Return whether a link of `attachment_link` has expired, or is not signed at all."""
    expires = parse_qs(urlsplit(link).query).get("ex", [""])[0]
    return not re.fullmatch(r"[0-9a-f]{1,12}", expires) or int(expires, 16) < time.time() + MARGIN_SECONDS


def refreshed(link: str) -> str | None:
    """Return a link of `attachment_link` with a new signature, None if Discord does not give one."""
    try:
        return refresh_attachment_link(link)
    except DiscordError as error:
        log.warning("Discord did not refresh the link to an attachment: %r", error)
        return None


def renewed(link: str) -> str:
    """Return the link to fetch for any link: a new one for a file in Discord whose link has expired.

    Raises SourceError if Discord does not give one.
    """
    attached = attachment_link(link)
    if attached is None or not has_expired(attached):
        return attached or link
    fresh = refreshed(attached)
    if fresh is None:
        detail = "This link to a file in Discord has expired. Copy the link again."
        raise SourceError("NOT_FOUND", detail, permanent=False)
    return fresh


def networks_for(link: str) -> Networks:
    """Return the private networks that a link may lead to. The sandbox's files are on this machine."""
    networks: Networks = settings.ALLOW_PRIVATE_MEDIA
    if attachment_link(link) is not None:
        with suppress(ValueError):  # Discord's CDN has a name
            networks = (*networks, ip_network(urlsplit(settings.DISCORD_CDN_URL).hostname or ""))
    return networks
